"""Editing of the line that is typed, in canonical mode."""

from __future__ import annotations

from kernel.tty.characters import is_continuation, is_control
from kernel.tty.charactertables import CharacterTables
from kernel.tty.echo import Echo
from kernel.tty.terminal import INPUT_MASK, EchoKind, Terminal
from kernel.tty.termios import LocalMode, Special
from pykasm import *

KILL_MODES = LocalMode.ECHOK | LocalMode.ECHOKE | LocalMode.ECHOE
"""With all of them a line that is erased disappears."""


@inline(changes=rax)
def typed_at(terminal: Ptr[Terminal], position: U64) -> U8:
    """Return the character at `position` of what was typed."""
    mov(eax, u32(position))
    and_(eax, INPUT_MASK)
    mov(al, terminal.input[rax])
    return al


class LineEditing(Subsystem):
    """What VERASE, VWERASE, VKILL and VREPRINT do (termios(3)). Context: thread; the lock of the
    terminal is held."""

    def __init__(self, echo: Echo, tables: CharacterTables) -> None:
        self.echo = echo
        self.tables = tables

    # Erasing

    @function(holds="terminal.lock")
    def erase_character(self, terminal: Keep[Ptr[Terminal]]) -> None:
        """Erase the last character, if the line has one."""
        start = self._last(terminal)
        # What is left of a character whose start is not in the line is erased with the line alone
        with if_(start != terminal.typed):
            self._erase(terminal, start, 1)
            tail(self._finish, terminal)

    @function(holds="terminal.lock")
    def erase_word(self, terminal: Keep[Ptr[Terminal]]) -> None:
        """Erase the last word, and what is behind it."""
        start, seen = keep(terminal.typed), keep(U32)
        with if_(start == terminal.ended):
            ret()
        xor(seen, seen)
        with loop():
            mov(start, self._last(terminal))
            break_if(start == terminal.typed)
            code = typed_at(terminal, start)
            movzx(eax, code)
            movzx(eax, self.tables.is_word[rax])
            # Blanks behind the word go with it; the one before it stays
            break_if((eax == 0) & (seen != 0))
            or_(seen, eax)
            self._erase(terminal, start, 0)
        tail(self._finish, terminal)

    @function(holds="terminal.lock")
    def erase_line(self, terminal: Keep[Ptr[Terminal]]) -> None:
        """Erase all of the line."""
        start = keep(U64)
        mov(rax, terminal.ended)
        with if_(rax == terminal.typed):
            ret()
        mov(eax, terminal.modes.local)
        and_(eax, KILL_MODES)
        # Only with all of these is each character taken off the screen; else VKILL itself is shown
        with if_(((terminal.modes.local & LocalMode.ECHO) == 0) | (eax != KILL_MODES)):
            tail(self._forget_line, terminal)
        with loop():
            mov(start, self._last(terminal))
            break_if(start == terminal.typed)
            self._erase(terminal, start, 0)
        tail(self._finish, terminal)

    @function(holds="terminal.lock")
    def _forget_line(self, terminal: Keep[Ptr[Terminal]]) -> None:
        """Erase all of the line, and only show that."""
        # Up to where the last line ended: what is before it may be read already
        mov(rax, terminal.ended)
        mov(terminal.typed, rax)
        with if_(terminal.modes.local & LocalMode.ECHO):
            self.echo.finish_erasing(terminal)
            self.echo.character(terminal, terminal.modes.special[Special.VKILL])
            with if_(terminal.modes.local & LocalMode.ECHOK):
                self.echo.raw(terminal, ord("\n"))

    @function(holds="terminal.lock")
    def _last(self, terminal: Ptr[Terminal]) -> U64:
        """Return where the last character begins; the end if there is none, or not all of it."""
        start = scratch(terminal.typed)
        with while_(start != terminal.ended):
            dec(start)
            code = typed_at(terminal, start)
            with if_(~is_continuation(terminal, code)):
                ret(start)
        ret(terminal.typed)

    @function(holds="terminal.lock")
    def _erase(self, terminal: Ptr[Terminal], start: U64, is_single: Bool) -> None:
        """Erase the last character, which begins at `start`, and show that; `is_single` if it is
        erased by itself."""
        count = scratch(terminal.typed)
        sub(count, start)
        mov(terminal.typed, start)
        mov(eax, terminal.modes.local)
        with if_((eax & LocalMode.ECHO) == 0):
            ret()
        with if_(eax & LocalMode.ECHOPRT):
            tail(self._show_printing, terminal, count)
        with if_((is_single != 0) & ((eax & LocalMode.ECHOE) == 0)):
            tail(self.echo.character, terminal, terminal.modes.special[Special.VERASE])
        # The byte is there still: erasing has only moved the end
        code = typed_at(terminal, start)
        # How wide it was depends on where it stood
        with if_(code == ord("\t")):
            tail(self._show_tab, terminal)
        tail(self._show_blank, terminal, code)

    @function(holds="terminal.lock")
    def _show_printing(self, terminal: Keep[Ptr[Terminal]], count: Keep[U64]) -> None:
        """Show the `count` bytes of what was erased, as on paper."""
        place = keep(U64)
        with if_(terminal.erasing == 0):
            self.echo.raw(terminal, ord("\\"))
            # So that the slash that ends it is written once, before what is typed next
            mov(terminal.erasing, 1)
        mov(place, terminal.typed)
        code = typed_at(terminal, place)
        self.echo.character(terminal, code)
        dec(count)
        with while_(count != 0):
            inc(place)
            code = typed_at(terminal, place)
            # Continuations are no characters: they go out as they are
            self.echo.raw(terminal, code)
            self.echo.add(terminal, EchoKind.NARROW, 0)
            dec(count)

    @function(holds="terminal.lock")
    def _show_blank(self, terminal: Keep[Ptr[Terminal]], byte: Keep[U8]) -> None:
        """Put a blank over what was shown of `byte`."""
        with if_(is_control(byte)):
            # It was not shown then; with it as ^X, in two columns
            with if_((terminal.modes.local & LocalMode.ECHOCTL) == 0):
                ret()
            self._blank(terminal)
        self._blank(terminal)

    @function(holds="terminal.lock")
    def _blank(self, terminal: Keep[Ptr[Terminal]]) -> None:
        """Put a blank over the last column."""
        # Back, over it, and back again: terminals have no other way in common
        for byte in b"\b \b":
            self.echo.raw(terminal, byte)

    @function(holds="terminal.lock")
    def _show_tab(self, terminal: Ptr[Terminal]) -> None:
        """Go back over a tab, by the columns of what stands before it in the line."""
        place, columns, kind = scratch(terminal.typed), scratch(U32), scratch(U32)
        xor(columns, columns)
        mov(kind, EchoKind.ERASED_TAB)
        with while_(place != terminal.ended):
            dec(place)
            code = typed_at(terminal, place)
            mov(cl, code)
            with if_(cl == ord("\t")):
                # The columns before that tab do not matter: it ended at a stop
                mov(kind, EchoKind.ERASED_LATER_TAB)
                break_()
            with if_(is_control(cl)), if_(terminal.modes.local & LocalMode.ECHOCTL):
                add(columns, 2)
            # A character of several bytes has one column
            with elif_(lambda: ~is_continuation(terminal, cl)):
                inc(columns)
        tail(self.echo.add, terminal, u8(kind), u8(columns))

    @function(holds="terminal.lock")
    def _finish(self, terminal: Ptr[Terminal]) -> None:
        """End what was shown as erased, if nothing of the line is left."""
        mov(rax, terminal.ended)
        with if_((rax == terminal.typed) & (terminal.modes.local & LocalMode.ECHO)):
            tail(self.echo.finish_erasing, terminal)

    # Showing it again

    @function(holds="terminal.lock")
    def reprint(self, terminal: Keep[Ptr[Terminal]]) -> None:
        """Show the line once more, below."""
        place = keep(terminal.ended)
        self.echo.finish_erasing(terminal)
        self.echo.character(terminal, terminal.modes.special[Special.VREPRINT])
        self.echo.raw(terminal, ord("\n"))
        with while_(place != terminal.typed):
            code = typed_at(terminal, place)
            self.echo.character(terminal, code)
            inc(place)
