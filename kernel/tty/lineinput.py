"""What terminals do with characters that are typed."""

from __future__ import annotations

from kernel.process.jobcontrol import JobControl
from kernel.signals.signalnumber import Signal
from kernel.tty.charactertables import CharacterTables
from kernel.tty.echo import Echo
from kernel.tty.lineediting import LineEditing
from kernel.tty.terminal import (
    CODES,
    INPUT_MASK,
    INPUT_SIZE,
    WORD,
    Terminal,
    TerminalChange,
    start_output,
    stop_output,
)
from kernel.tty.termios import (
    DISABLED,
    FIRST_CHARACTERS,
    InputMode,
    LocalMode,
    Special,
    Termios2,
)
from pykasm import *

WORD_SHIFT = 6
"""log2 of `WORD`."""

SIGNALS = {
    Special.VINTR: Signal.SIGINT,
    Special.VQUIT: Signal.SIGQUIT,
    Special.VSUSP: Signal.SIGTSTP,
}
"""Which signal each of them sends."""

MARK = 0xFF
"""What PARMRK doubles."""


class LineInput(Subsystem):
    """Input processing, as `InputMode` and `LocalMode` say (termios(3)). Context: thread; the
    terminal's lock is held."""

    def __init__(
        self, echo: Echo, editing: LineEditing, tables: CharacterTables, jobs: JobControl
    ) -> None:
        self.echo = echo
        self.editing = editing
        self.tables = tables
        self.jobs = jobs

    # From outside

    @function(context="thread", sleeps=True, holds="terminal.lock")
    def take(self, terminal: Keep[Ptr[Terminal]], byte: Keep[U8]) -> Bool:
        """Take `byte`, which somebody typed. Returns whether there was room. Echoes wait to be
        shown, unless output goes on that was stopped."""
        with if_(~self._make_room(terminal)):
            ret(False)
        with if_(terminal.modes.input & InputMode.ISTRIP):
            and_(byte, 0x7F)
        mov(eax, terminal.modes.local)
        with if_((terminal.modes.input & InputMode.IUCLC) & (eax & LocalMode.IEXTEN)):
            movzx(ecx, byte)
            mov(byte, self.tables.smalls[rcx])
        with if_(terminal.literal != 0):
            # Before all that the modes say: VLNEXT takes their meaning from the next character
            mov(terminal.literal, 0)
            self._plain(terminal, byte)
        with elif_(eax & LocalMode.EXTPROC):
            self._append(terminal, byte)
        with elif_(lambda: self._is_special(terminal, byte)):
            self._special(terminal, byte)
        with else_():
            self._plain(terminal, byte)
        ret(True)

    @function(holds="terminal.lock")
    def has_room(self, terminal: Ptr[Terminal]) -> Bool:
        """Return whether one more character may come."""
        mov(rax, terminal.typed)
        sub(rax, terminal.read)
        mov(ecx, INPUT_SIZE - 1)
        with if_(terminal.modes.input & InputMode.PARMRK):
            mov(ecx, INPUT_SIZE - 3)  # each may become three, in Linux's reckoning
        with if_(rax < rcx):
            ret(True)
        mov(rdx, terminal.ended)
        # A line without an end that fills all the room can't be read, so it must be possible to end
        # it
        ret((terminal.modes.local & LocalMode.ICANON) & (rdx == terminal.read))

    @function(holds="terminal.lock")
    def _make_room(self, terminal: Keep[Ptr[Terminal]]) -> Bool:
        """Return whether one more character may come. Of a line that is too long the last one
        makes room, so that it can still be edited and ended."""
        fail_if(~self.has_room(terminal))
        mov(rax, terminal.typed)
        sub(rax, terminal.read)
        with if_(rax >= INPUT_SIZE):
            mov(rax, terminal.read)
            add(rax, INPUT_SIZE - 1)
            # The last character goes, and the one that comes takes its place
            mov(terminal.typed, rax)
        ret(True)

    @function(holds="terminal.lock")
    def _is_special(self, terminal: Ptr[Terminal], byte: U8) -> Bool:
        """Return whether the modes say something of `byte`."""
        movzx(eax, byte)
        xor(ecx, ecx)
        bt(terminal.specials[0], rax)
        adc(ecx, 0)
        ret(ecx)

    # Characters of which the modes say nothing

    @function(context="thread", sleeps=True, holds="terminal.lock")
    def _plain(self, terminal: Keep[Ptr[Terminal]], byte: Keep[U8]) -> None:
        """Take a character as it is."""
        self._restart(terminal)
        with if_(terminal.modes.local & LocalMode.ECHO):
            self.echo.finish_erasing(terminal)
            self.echo.typed(terminal, byte)
        tail(self._append_marked, terminal, byte)

    @function(context="thread", sleeps=True, holds="terminal.lock")
    def _restart(self, terminal: Ptr[Terminal]) -> None:
        """Resume output, if any character does that."""
        mov(eax, terminal.modes.input)
        and_(eax, InputMode.IXON | InputMode.IXANY)
        with if_((eax == InputMode.IXON | InputMode.IXANY) & (terminal.stopped != 0)):
            start_output(terminal)
            tail(self.echo.show, terminal)

    @function(holds="terminal.lock")
    def _append_marked(self, terminal: Keep[Ptr[Terminal]], byte: Keep[U8]) -> None:
        """Append a character, twice if it could be taken for a mark."""
        with if_((byte == MARK) & (terminal.modes.input & InputMode.PARMRK)):
            self._append(terminal, byte)
        tail(self._append, terminal, byte)

    @function(holds="terminal.lock")
    def _append(self, terminal: Ptr[Terminal], byte: U8) -> None:
        """Append a character."""
        mov(rax, terminal.typed)
        and_(eax, INPUT_MASK)
        mov(terminal.input[rax], byte)
        inc(terminal.typed)

    # And others

    @function(context="thread", sleeps=True, holds="terminal.lock")
    def _special(self, terminal: Keep[Ptr[Terminal]], byte: Keep[U8]) -> None:
        """Do what the modes say of `byte`."""
        # In the order in which termios(3) has them: flow, signals, CR and NL, editing. Each takes
        # its characters away from those after it
        with if_((terminal.modes.input & InputMode.IXON) & (lambda: self._is_flow(terminal, byte))):
            ret()
        with if_(
            (terminal.modes.local & LocalMode.ISIG) & (lambda: self._is_signal(terminal, byte))
        ):
            ret()
        self._restart(terminal)
        with if_(byte == ord("\r")):
            with if_(terminal.modes.input & InputMode.IGNCR):
                ret()
            with if_(terminal.modes.input & InputMode.ICRNL):
                mov(byte, ord("\n"))
        with elif_((byte == ord("\n")) & (terminal.modes.input & InputMode.INLCR)):
            mov(byte, ord("\r"))
        with if_(
            (terminal.modes.local & LocalMode.ICANON) & (lambda: self._is_edit(terminal, byte))
        ):
            ret()
        with if_(terminal.modes.local & LocalMode.ECHO):
            self.echo.finish_erasing(terminal)
            with if_(byte == ord("\n")):
                self.echo.raw(terminal, byte)
            with else_():
                self.echo.typed(terminal, byte)
        tail(self._append_marked, terminal, byte)

    @function(context="thread", sleeps=True, holds="terminal.lock")
    def _is_flow(self, terminal: Ptr[Terminal], byte: U8) -> Bool:
        """Stop output or let it go on, if `byte` is for that. Returns whether it is."""
        with if_(byte == terminal.modes.special[Special.VSTART]):
            start_output(terminal)
            self.echo.show(terminal)
            ret(True)
        with if_(byte == terminal.modes.special[Special.VSTOP]):
            stop_output(terminal)
            ret(True)
        ret(False)

    @function(context="thread", sleeps=True, holds="terminal.lock")
    def _is_signal(self, terminal: Ptr[Terminal], byte: U8) -> Bool:
        """Send a signal, if `byte` is for that. Returns whether it is."""
        for special, signal in SIGNALS.items():
            with if_(byte == terminal.modes.special[special]):
                self._signal(terminal, byte, signal)
                ret(True)
        ret(False)

    @function(context="thread", sleeps=True, holds="terminal.lock")
    def _signal(self, terminal: Keep[Ptr[Terminal]], byte: Keep[U8], signal: U32) -> None:
        """Send a signal for `byte`, and forget what was typed and is to be shown."""
        self.jobs.send(address_of(terminal.job), signal)
        with if_((terminal.modes.local & LocalMode.NOFLSH) == 0):
            mov(eax, terminal.echoed)
            # Echoes of what is forgotten are not shown, either
            mov(terminal.shown, eax)
            self.forget(terminal)
        with if_(terminal.modes.input & InputMode.IXON):
            start_output(terminal)
        # Who stops a program by a signal wants to see that it has come
        with if_(terminal.modes.local & LocalMode.ECHO):
            tail(self.echo.character, terminal, byte)
        tail(self.echo.show, terminal)

    @function(holds="terminal.lock")
    def forget(self, terminal: Ptr[Terminal]) -> None:
        """Forget what was typed and not read."""
        terminal = scratch(terminal)
        or_(terminal.changes, TerminalChange.FLUSH_READ)
        # Positions begin anew, as nothing lies between them
        for field in (terminal.read, terminal.ended, terminal.typed):
            mov(field, 0)
        mov(terminal.erasing, 0)
        self._forget_ends(terminal)

    @inline(changes=(rax, rcx, rdi))
    def _forget_ends(self, terminal: Ptr[Terminal]) -> None:
        """Forget where lines end."""
        lea(rdi, terminal.ends)
        mov(ecx, INPUT_SIZE // WORD)
        xor(eax, eax)
        rep.stosq()

    # Lines

    @function(holds="terminal.lock")
    def _is_edit(self, terminal: Keep[Ptr[Terminal]], byte: Keep[U8]) -> Bool:
        """Edit or end the line, if `byte` is for that. Returns whether it is."""
        extended = keep(terminal.modes.local)
        and_(extended, LocalMode.IEXTEN)
        special = terminal.modes.special
        with if_(byte == special[Special.VERASE]):
            self.editing.erase_character(terminal)
        with elif_((byte == special[Special.VWERASE]) & (extended != 0)):
            self.editing.erase_word(terminal)
        with elif_(byte == special[Special.VKILL]):
            self.editing.erase_line(terminal)
        with elif_((byte == special[Special.VLNEXT]) & (extended != 0)):
            self._take_literally(terminal)
        with elif_(
            (byte == special[Special.VREPRINT])
            & (extended != 0)
            & (terminal.modes.local & LocalMode.ECHO)
        ):
            self.editing.reprint(terminal)
        with else_():
            tail(self._is_end, terminal, byte, extended)
        ret(True)

    @function(holds="terminal.lock")
    def _take_literally(self, terminal: Keep[Ptr[Terminal]]) -> None:
        """Take the next character as it is."""
        mov(terminal.literal, 1)
        with if_(terminal.modes.local & LocalMode.ECHO):
            self.echo.finish_erasing(terminal)
            with if_(terminal.modes.local & LocalMode.ECHOCTL):
                # A sign that one is waited for; it is shown over that
                self.echo.raw(terminal, ord("^"))
                self.echo.raw(terminal, ord("\b"))

    @function(holds="terminal.lock")
    def _is_end(self, terminal: Keep[Ptr[Terminal]], byte: Keep[U8], extended: U32) -> Bool:
        """End the line, if `byte` does. Returns whether it does."""
        special = terminal.modes.special
        with if_(byte == ord("\n")):
            self._echo_end(terminal)
        with elif_(byte == special[Special.VEOF]):
            # An end that is not read itself: a line without anything else reads as 0 bytes
            mov(byte, DISABLED)
        with elif_(
            (byte == special[Special.VEOL]) | ((byte == special[Special.VEOL2]) & (extended != 0))
        ):
            with if_(terminal.modes.local & LocalMode.ECHO):
                self.echo.typed(terminal, byte)
            with if_((byte == MARK) & (terminal.modes.input & InputMode.PARMRK)):
                self._append(terminal, byte)
        with else_():
            ret(False)
        self._end_line(terminal, byte)
        ret(True)

    @function(holds="terminal.lock")
    def _echo_end(self, terminal: Ptr[Terminal]) -> None:
        """Echo the end of a line, even if nothing else is echoed."""
        with if_(terminal.modes.local & (LocalMode.ECHO | LocalMode.ECHONL)):
            tail(self.echo.raw, terminal, ord("\n"))

    @function(holds="terminal.lock")
    def _end_line(self, terminal: Keep[Ptr[Terminal]], byte: U8) -> None:
        """Append `byte` as the end of the line."""
        mov(rax, terminal.typed)
        and_(eax, INPUT_MASK)
        bts(terminal.ends[0], rax)
        # By its place and not by the character: the same one may be in a line, after VLNEXT
        self._append(terminal, byte)
        mov(rax, terminal.typed)
        mov(terminal.ended, rax)

    # Modes

    @function(holds="terminal.lock")
    def set_modes(self, terminal: Keep[Ptr[Terminal]], modes: Keep[Ptr[Termios2]]) -> None:
        """Make `modes` those of `terminal`."""
        changed, had_flow = keep(terminal.modes.local), keep(self._has_flow(terminal))
        xor(changed, modes.local)
        lea(rdi, terminal.modes)
        mov(rsi, modes)
        mov(ecx, sizeof(Termios2))
        rep.movsb()
        self._note_flow(terminal, had_flow)
        with if_((changed & LocalMode.EXTPROC) | (terminal.modes.local & LocalMode.EXTPROC)):
            or_(terminal.changes, TerminalChange.IOCTL)
        self.find_specials(terminal)
        with if_(changed & (LocalMode.ICANON | LocalMode.EXTPROC)):
            self._regard(terminal)
        with if_((terminal.modes.input & InputMode.IXON) == 0):
            # No character could do so any more
            start_output(terminal)

    @function(holds="terminal.lock")
    def _has_flow(self, terminal: Ptr[Terminal]) -> Bool:
        """Return whether output stops and goes on by the usual characters."""
        special = terminal.modes.special
        ret(
            (terminal.modes.input & InputMode.IXON)
            & (special[Special.VSTOP] == FIRST_CHARACTERS[Special.VSTOP])
            & (special[Special.VSTART] == FIRST_CHARACTERS[Special.VSTART])
        )

    @function(holds="terminal.lock")
    def _note_flow(self, terminal: Keep[Ptr[Terminal]], before: Keep[U32]) -> None:
        """Note whether that has become another thing than `before`."""
        now = self._has_flow(terminal)
        with if_(u32(now) != before):
            and_(terminal.changes, ~int(TerminalChange.NO_STOP | TerminalChange.DO_STOP))
            with if_(before != 0):
                or_(terminal.changes, TerminalChange.NO_STOP)
            with else_():
                or_(terminal.changes, TerminalChange.DO_STOP)

    @function(holds="terminal.lock")
    def _regard(self, terminal: Ptr[Terminal]) -> None:
        """Regard what was typed as one line from now on, or as no lines."""
        terminal = scratch(terminal)
        self._forget_ends(terminal)
        mov(rax, terminal.read)
        mov(rcx, terminal.typed)
        with if_((rax != rcx) & (terminal.modes.local & LocalMode.ICANON)):
            lea(rdx, bare[rcx - 1])
            and_(edx, INPUT_MASK)
            bts(terminal.ends[0], rdx)
            mov(rax, rcx)
        mov(terminal.ended, rax)
        mov(terminal.erasing, 0)
        mov(terminal.literal, 0)

    @function(holds="terminal.lock")
    def find_specials(self, terminal: Ptr[Terminal]) -> None:
        """Note which characters the modes say something of."""
        input, local = scratch(terminal.modes.input), scratch(terminal.modes.local)
        for index in range(CODES // WORD):
            mov(terminal.specials[index], 0)
        with if_(input & (InputMode.IGNCR | InputMode.ICRNL)):
            self._note(terminal, ord("\r"))
        with if_(input & InputMode.INLCR):
            self._note(terminal, ord("\n"))
        with if_(input & InputMode.IXON):
            self._note_all(terminal, Special.VSTART, Special.VSTOP)
        with if_(local & LocalMode.ISIG):
            self._note_all(terminal, *SIGNALS)
        with if_(local & LocalMode.ICANON):
            self._note(terminal, ord("\n"))
            self._note_all(terminal, Special.VERASE, Special.VKILL, Special.VEOF, Special.VEOL)
            with if_(local & LocalMode.IEXTEN):
                self._note_all(terminal, Special.VWERASE, Special.VLNEXT, Special.VEOL2)
                with if_(local & LocalMode.ECHO):
                    self._note_all(terminal, Special.VREPRINT)
        and_(terminal.specials[0], ~(1 << DISABLED))

    @inline(changes=rax)
    def _note(self, terminal: Ptr[Terminal], code: int) -> None:
        """Note one character."""
        mov(eax, code)
        bts(terminal.specials[0], rax)

    @inline(changes=rax)
    def _note_all(self, terminal: Ptr[Terminal], *specials: Special) -> None:
        """Note special characters."""
        for special in specials:
            movzx(eax, terminal.modes.special[special])
            bts(terminal.specials[0], rax)
