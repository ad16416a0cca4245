"""What is shown of what is typed."""

from __future__ import annotations

from kernel.tty.characters import is_control
from kernel.tty.terminal import ECHO_MASK, ECHO_SIZE, EchoEntry, EchoKind, Terminal
from kernel.tty.terminaloutput import TAB, TerminalOutput
from kernel.tty.termios import DISABLED, LocalMode
from pykasm import *

CARET = 0o100
"""What differs between a control character and the letter that is shown for it."""

LAST = 0xFF
"""The one character that is echoed as it is, whatever the output modes say, as Linux does."""


class Echo(Subsystem):
    """Echoes are shown at once, or wait while output is stopped; the oldest go if they are too
    many. Context: thread; the terminal's lock is held."""

    def __init__(self, output: TerminalOutput) -> None:
        self.output = output

    # What there is to show

    @function(holds="terminal.lock")
    def add(self, terminal: Ptr[Terminal], kind: U8, byte: U8) -> None:
        """Echo something."""
        entry = scratch(Ptr[EchoEntry])
        mov(eax, terminal.echoed)
        sub(eax, terminal.shown)
        with if_(eax == ECHO_SIZE):
            inc(terminal.shown)
        mov(eax, terminal.echoed)
        and_(eax, ECHO_MASK)
        point_at(entry, terminal.echoes, rax)
        mov(entry.kind, kind)
        mov(entry.byte, byte)
        inc(terminal.echoed)

    @function(holds="terminal.lock")
    def raw(self, terminal: Ptr[Terminal], byte: U8) -> None:
        """Echo `byte` as it is written, a control character too."""
        with if_(byte == LAST):
            tail(self.add, terminal, EchoKind.RAW, byte)
        tail(self.add, terminal, EchoKind.PLAIN, byte)

    @function(holds="terminal.lock")
    def character(self, terminal: Ptr[Terminal], byte: U8) -> None:
        """Echo `byte` so that it is seen."""
        with if_(
            (terminal.modes.local & LocalMode.ECHOCTL) & is_control(byte) & (byte != ord("\t"))
        ):
            tail(self.add, terminal, EchoKind.CARET, byte)
        tail(self.raw, terminal, byte)

    @function(holds="terminal.lock")
    def typed(self, terminal: Keep[Ptr[Terminal]], byte: Keep[U8]) -> None:
        """Echo `byte` as part of a line."""
        mov(rax, terminal.ended)
        with if_(rax == terminal.typed):
            self.add(terminal, EchoKind.FIRST_COLUMN, 0)
        tail(self.character, terminal, byte)

    @function(holds="terminal.lock")
    def finish_erasing(self, terminal: Ptr[Terminal]) -> None:
        """End what was shown as erased."""
        with if_(terminal.erasing != 0):
            mov(terminal.erasing, 0)
            tail(self.raw, terminal, ord("/"))

    # Showing it

    @function(context="thread", sleeps=True, holds="terminal.lock")
    def send(self, terminal: Keep[Ptr[Terminal]], byte: Keep[U8]) -> None:
        """Send a byte of which what is shown knows nothing, if there is room; 0 is none."""
        self.output.begin(terminal)
        with if_(byte != DISABLED):
            ignore(self.output.put_raw(terminal, byte))
        self.output.finish(terminal)

    @function(context="thread", sleeps=True, holds="terminal.lock")
    def show(self, terminal: Keep[Ptr[Terminal]]) -> None:
        """Show what waits, as far as there is room."""
        before = keep(U32)
        with loop():
            mov(before, terminal.shown)
            break_if(before == terminal.echoed)
            self.output.begin(terminal)
            self._show_some(terminal)
            self.output.finish(terminal)
            break_if(before == terminal.shown)

    @function(holds="terminal.lock")
    def _show_some(self, terminal: Keep[Ptr[Terminal]]) -> None:
        """Show echoes until there are no more, or no more room."""
        with loop():
            mov(eax, terminal.shown)
            break_if(eax == terminal.echoed)
            entry = scratch(Ptr[EchoEntry])
            and_(eax, ECHO_MASK)
            point_at(entry, terminal.echoes, rax)
            break_if(~self._show(terminal, entry.kind, entry.byte))
            inc(terminal.shown)

    @function(holds="terminal.lock")
    def _show(self, terminal: Ptr[Terminal], kind: U8, byte: U8) -> Bool:
        """Show one. Returns whether there was room."""
        movzx(eax, kind)
        with switch(eax):
            with case(EchoKind.PLAIN):
                tail(self.output.put, terminal, byte)
            with case(EchoKind.RAW):
                fail_if(terminal.room == 0)
                inc(terminal.column)
                tail(self.output.put_raw, terminal, byte)
            with case(EchoKind.CARET):
                tail(self._show_caret, terminal, byte)
            with case(EchoKind.ERASED_TAB):
                add(byte, u8(terminal.first_column))
                tail(self._show_erased_tab, terminal, byte)
            with case(EchoKind.ERASED_LATER_TAB):
                tail(self._show_erased_tab, terminal, byte)
            with case(EchoKind.FIRST_COLUMN):
                mov(eax, terminal.column)
                mov(terminal.first_column, eax)
            with case(EchoKind.NARROW), if_(terminal.column != 0):
                dec(terminal.column)
        ret(True)

    @function(holds="terminal.lock")
    def _show_caret(self, terminal: Keep[Ptr[Terminal]], byte: Keep[U8]) -> Bool:
        """Show a control character."""
        fail_if(terminal.room < 2)
        ignore(self.output.put_raw(terminal, ord("^")))
        xor(byte, CARET)
        add(terminal.column, 2)
        tail(self.output.put_raw, terminal, byte)

    @function(holds="terminal.lock")
    def _show_erased_tab(self, terminal: Keep[Ptr[Terminal]], columns: U8) -> Bool:
        """Go back over a tab, with `columns` between the tab stop before and it."""
        left = keep(U32)
        movzx(left, columns)
        not_(left)
        and_(left, TAB - 1)
        inc(left)
        fail_if(terminal.room < left)
        with while_(left != 0):
            ignore(self.output.put_raw(terminal, ord("\b")))
            with if_(terminal.column != 0):
                dec(terminal.column)
            dec(left)
        ret(True)
