"""What `ioctl` does with terminals."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.fs.file import File
from kernel.process.jobcontrol import JobControl
from kernel.process.processes import Processes
from kernel.signals.signalnumber import Signal
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueue import ANYTHING
from kernel.sync.pollqueues import PollQueues
from kernel.tty.echo import Echo
from kernel.tty.lineinput import LineInput
from kernel.tty.terminal import (
    Terminal,
    TerminalChange,
    is_hung_up,
    start_output,
    stop_output,
)
from kernel.tty.terminalmodes import TerminalModes
from kernel.tty.terminalreading import TerminalReading
from kernel.tty.terminalrequest import TerminalRequest
from kernel.tty.terminals import Terminals
from kernel.tty.terminaltyping import TerminalTyping
from kernel.tty.termios import Special, Termios, Termios2
from kernel.tty.windowsize import WindowSize
from kernel.vm.usercopy import UserCopy
from pykasm import *


class FlowAction(IntEnum):
    """What TCXONC does (tcflow(3))."""

    TCOOFF = 0
    """Stop output."""
    TCOON = 1
    TCIOFF = 2
    """Send VSTOP."""
    TCION = 3
    """Send VSTART."""


class FlushQueue(IntEnum):
    """What TCFLSH throws away (tcflush(3))."""

    TCIFLUSH = 0
    """What was typed."""
    TCOFLUSH = 1
    """What was written and is not sent."""
    TCIOFLUSH = 2


CONSOLE_LINE = 0
"""The one line discipline (include/uapi/linux/tty.h: N_TTY)."""


class TerminalControl(Subsystem):
    """Each method is what ioctl_tty(2) tells of a request. Context: thread."""

    def __init__(
        self,
        input: LineInput,
        echo: Echo,
        typing: TerminalTyping,
        reading: TerminalReading,
        modes: TerminalModes,
        terminals: Terminals,
        jobs: JobControl,
        processes: Processes,
        queues: PollQueues,
        mutexes: Mutexes,
        copy: UserCopy,
    ) -> None:
        self.input = input
        self.echo = echo
        self.typing = typing
        self.reading = reading
        self.modes = modes
        self.terminals = terminals
        self.jobs = jobs
        self.processes = processes
        self.queues = queues
        self.mutexes = mutexes
        self.copy = copy

    @function(context="thread", sleeps=True)
    def control(self, file: Ptr[File], request: U32, argument: U64) -> OrErrno[I64]:
        """Do what a request says, as `ControlFile` says; -EIO once the terminal was hung up."""
        file, request, argument = scratch(file), scratch(request), scratch(argument)
        with if_(is_hung_up(file)):
            # As Linux has it (hung_up_tty_ioctl)
            fail_if(request == TerminalRequest.TIOCSPGRP, Errno.ENOTTY)
            fail(Errno.EIO)
        tail(self.request, file, request, argument)

    @function(context="thread", sleeps=True)
    def request(self, file: Ptr[File], request: U32, argument: U64) -> OrErrno[I64]:
        """Do what `control` does for a terminal that was not hung up."""
        terminal = scratch(cast(file.private, Ptr[Terminal]))
        place = cast(argument, User[U8])
        with switch(request):
            with case(TerminalRequest.TCGETS):
                tail(self.modes.get, terminal, place, sizeof(Termios))
            with case(TerminalRequest.TCGETS2):
                tail(self.modes.get, terminal, place, sizeof(Termios2))
            with case(TerminalRequest.TCSETS, TerminalRequest.TCSETSW):
                tail(self.modes.set, terminal, place, sizeof(Termios), 0)
            with case(TerminalRequest.TCSETSF):
                tail(self.modes.set, terminal, place, sizeof(Termios), 1)
            with case(TerminalRequest.TCSETS2, TerminalRequest.TCSETSW2):
                tail(self.modes.set, terminal, place, sizeof(Termios2), 0)
            with case(TerminalRequest.TCSETSF2):
                tail(self.modes.set, terminal, place, sizeof(Termios2), 1)
            with case(TerminalRequest.TIOCGWINSZ):
                tail(self._get_size, terminal, place)
            with case(TerminalRequest.TIOCSWINSZ):
                tail(self._set_size, terminal, place)
            with case(TerminalRequest.TCXONC):
                tail(self._control_flow, terminal, u32(argument))
            with case(TerminalRequest.TCFLSH):
                tail(self._flush, terminal, u32(argument))
            with case(TerminalRequest.TCSBRK, TerminalRequest.TCSBRKP):
                ret(0)  # there is no break on a line that the kernel shares with its own messages
            with case(TerminalRequest.FIONREAD):
                tail(self._count_input, terminal, place)
            with default():
                tail(self._request_rarely, file, request, argument)

    @function(context="thread", sleeps=True)
    def _request_rarely(self, file: Ptr[File], request: U32, argument: U64) -> OrErrno[I64]:
        """Do what others say: about jobs, and about the terminal as a whole."""
        terminal = scratch(cast(file.private, Ptr[Terminal]))
        place = cast(argument, User[U8])
        with switch(request):
            with case(TerminalRequest.TIOCSCTTY):
                tail(self.jobs.acquire, address_of(terminal.job), u32(argument))
            with case(TerminalRequest.TIOCNOTTY):
                tail(self.jobs.give_up, address_of(terminal.job))
            with case(TerminalRequest.TIOCGPGRP):
                tail(self._get_foreground, terminal, place)
            with case(TerminalRequest.TIOCSPGRP):
                tail(self._set_foreground, terminal, place)
            with case(TerminalRequest.TIOCGSID):
                tail(self._get_session, terminal, place)
            with case(TerminalRequest.TIOCSTI):
                tail(self._type, terminal, place)
            with case(TerminalRequest.TIOCEXCL):
                mov(terminal.is_exclusive, 1)
                ret(0)
            with case(TerminalRequest.TIOCNXCL):
                mov(terminal.is_exclusive, 0)
                ret(0)
            with case(TerminalRequest.TIOCGEXCL):
                tail(self.store_number, place, terminal.is_exclusive)
            with case(TerminalRequest.TIOCGDEV):
                tail(self.store_number, place, terminal.job.device)
            with case(TerminalRequest.TIOCOUTQ):
                tail(self.store_number, place, 0)
            with case(TerminalRequest.TIOCGETD):
                tail(self.store_number, place, CONSOLE_LINE)
            with case(TerminalRequest.TIOCSETD):
                tail(self._set_discipline, place)
            with case(TerminalRequest.TIOCVHANGUP):
                tail(self._hang_up, terminal)
            with default():
                ret(-Errno.ENOTTY)

    # The terminal as a whole

    @function(context="thread")
    def _hang_up(self, terminal: Keep[Ptr[Terminal]]) -> OrErrno[I64]:
        """Take the terminal from all who have it."""
        fail_if(~self._may_all(), Errno.EPERM)
        self.terminals.hang_up(terminal, 0)
        ret(0)

    @function(context="thread")
    def _may_all(self) -> Bool:
        """Return whether the task may do what only an administrator may."""
        task = scratch(self.processes.current())
        credentials = scratch(task.credentials)
        ret(credentials.effective & (1 << CapabilityBit.SYS_ADMIN))

    @function(context="thread", sleeps=True)
    def _type(self, terminal: Keep[Ptr[Terminal]], place: Keep[Fetched[User[U8]]]) -> OrErrno[I64]:
        """Type the byte at `place`, as if somebody did: who has another terminal may not."""
        byte = local(U8)
        # Bytes typed into another's terminal are commands in another's name
        with if_(~self._is_own(terminal)):
            fail_if(~self._may_all(), Errno.EPERM)
        self.copy.copy_in_all(address_of(byte), place, sizeof(U8))
        taken = self.typing.type(terminal, address_of(byte), 1)
        ignore(taken, "as what is typed where there is no room")
        ret(0)

    @function(context="thread", sleeps=True)
    def _set_discipline(self, place: Fetched[User[U8]]) -> OrErrno[I64]:
        """Set the line discipline to the only one."""
        number = try_(self.fetch_number(place))
        # Setting the one that it has is no error
        fail_if(number != CONSOLE_LINE, Errno.EINVAL)
        ret(0)

    # Jobs

    @function(context="thread")
    def _is_own(self, terminal: Keep[Ptr[Terminal]]) -> Bool:
        """Return whether `terminal` controls the session of the process."""
        current = self.jobs.current()
        lea(rcx, terminal.job)
        ret(u64(current) == rcx)

    @function(context="thread", sleeps=True)
    def _get_foreground(self, terminal: Keep[Ptr[Terminal]], place: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the number of the foreground group."""
        # Of another session's terminal nothing is told
        fail_if(~self._is_own(terminal), Errno.ENOTTY)
        number = try_(self.jobs.foreground(address_of(terminal.job)))
        tail(self.store_number, place, u32(number))

    @function(context="thread", sleeps=True)
    def _get_session(self, terminal: Keep[Ptr[Terminal]], place: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the number of the session."""
        fail_if(~self._is_own(terminal), Errno.ENOTTY)
        number = try_(self.jobs.session(address_of(terminal.job)))
        tail(self.store_number, place, u32(number))

    @function(context="thread", sleeps=True)
    def _set_foreground(
        self, terminal: Keep[Ptr[Terminal]], place: Keep[Fetched[User[U8]]]
    ) -> OrErrno[I64]:
        """Make another group the foreground; who is not in it is told first."""
        checked = self.jobs.check(address_of(terminal.job), Signal.SIGTTOU)
        with if_(checked != 0):
            # An orphaned group can't be stopped; here Linux tells it otherwise than in reads
            fail_if(checked == -Errno.EIO, Errno.ENOTTY)
            ret(checked)
        number = try_(self.fetch_number(place))
        tail(self.jobs.set_foreground, address_of(terminal.job), u32(number))

    # The screen

    @function(context="thread", sleeps=True)
    def _get_size(self, terminal: Keep[Ptr[Terminal]], place: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the size of the screen."""
        size = local(WindowSize)
        with self.mutexes.held(terminal.lock):
            # All four numbers at once
            mov(rax, u64(terminal.size))
            mov(u64(size), rax)
        ret(self._store(place, address_of(size), sizeof(WindowSize)))

    @function(context="thread", sleeps=True)
    def _set_size(self, terminal: Keep[Ptr[Terminal]], place: Fetched[User[U8]]) -> OrErrno[I64]:
        """Note the size of the screen; tell the foreground by SIGWINCH if it is another one."""
        size, former = local(WindowSize), keep(U64)
        self.copy.copy_in_all(address_of(size), place, sizeof(WindowSize))
        with self.mutexes.held(terminal.lock):
            mov(former, u64(size))
            # Whether it has changed decides about the signal, so both in one step
            xchg(u64(terminal.size), former)
        # Without the lock: the signal takes those of processes
        with if_(former != u64(size)):
            self.jobs.send(address_of(terminal.job), Signal.SIGWINCH)
        ret(0)

    # Bytes on their way

    @function(context="thread", sleeps=True)
    def _control_flow(self, terminal: Keep[Ptr[Terminal]], action: Keep[U32]) -> OrErrno[I64]:
        """Do what a `FlowAction` says."""
        fail_if(action > FlowAction.TCION, Errno.EINVAL)
        with self.mutexes.held(terminal.lock):
            with switch(action):
                with case(FlowAction.TCOOFF):
                    stop_output(terminal)
                with case(FlowAction.TCOON):
                    start_output(terminal)
                with case(FlowAction.TCIOFF):
                    # Who types is asked to stop by the character that a person would type
                    movzx(eax, terminal.modes.special[Special.VSTOP])
                    self.echo.send(terminal, al)
                with case(FlowAction.TCION):
                    movzx(eax, terminal.modes.special[Special.VSTART])
                    self.echo.send(terminal, al)
            self.echo.show(terminal)
        tail(self._announce, terminal)

    @function(context="thread", sleeps=True)
    def _flush(self, terminal: Keep[Ptr[Terminal]], queue: Keep[U32]) -> OrErrno[I64]:
        """Throw away what a `FlushQueue` says. What was written is with the driver already."""
        fail_if(queue > FlushQueue.TCIOFLUSH, Errno.EINVAL)
        with self.mutexes.held(terminal.lock):
            with if_(queue != FlushQueue.TCOFLUSH):
                self.input.forget(terminal)
            with if_(queue != FlushQueue.TCIFLUSH):
                # The other side of a pseudo-terminal is told in packet mode
                or_(terminal.changes, TerminalChange.FLUSH_WRITE)
        tail(self._announce, terminal)

    @function(context="thread")
    def _announce(self, terminal: Keep[Ptr[Terminal]]) -> OrErrno[I64]:
        """Announce to both sides that something has changed. Returns 0."""
        self.queues.announce(address_of(terminal.queue), ANYTHING)
        self.queues.announce(address_of(terminal.typist), ANYTHING)
        ret(0)

    @function(context="thread", sleeps=True)
    def _count_input(self, terminal: Ptr[Terminal], place: Keep[User[U8]]) -> OrErrno[I64]:
        """Store how many bytes can be read."""
        number = self.reading.count(terminal)
        tail(self.store_number, place, number)

    # The program's memory

    @function(context="thread", sleeps=True)
    def fetch_number(self, place: Fetched[User[U8]]) -> OrErrno[I64]:
        """Return the number of 32 bits at `place`, or -EFAULT."""
        value = local(U32)
        self.copy.copy_in_all(address_of(value), place, sizeof(U32))
        mov(eax, value)
        ret(rax)

    @function(context="thread", sleeps=True)
    def store_number(self, place: User[U8], number: U32) -> OrErrno[I64]:
        """Store a number."""
        value = local(U32)
        mov(value, number)
        ret(self._store(place, address_of(value), sizeof(U32)))

    @function(context="thread", sleeps=True)
    def _store(self, place: User[U8], source: U64, length: U64) -> OrErrno[I64]:
        """Copy `length` bytes to the program's `place`."""
        result, left = self.copy.copy_out(place, source, length)
        ignore(left)
        movsxd(rax, result)
        ret(rax)
