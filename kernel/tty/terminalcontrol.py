"""What `ioctl` does with terminals."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.process.jobcontrol import JobControl
from kernel.signals.signalnumber import Signal
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueue import ANYTHING
from kernel.sync.pollqueues import PollQueues
from kernel.tty.echo import Echo
from kernel.tty.lineinput import LineInput
from kernel.tty.terminal import Terminal
from kernel.tty.terminalreading import TerminalReading
from kernel.tty.terminalrequest import TerminalRequest
from kernel.tty.termios import Special, Termios
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


class TerminalControl(Subsystem):
    """Each method is what ioctl_tty(2) tells of a request. Context: thread."""

    def __init__(
        self,
        input: LineInput,
        echo: Echo,
        reading: TerminalReading,
        jobs: JobControl,
        queues: PollQueues,
        mutexes: Mutexes,
        copy: UserCopy,
    ) -> None:
        self.input = input
        self.echo = echo
        self.reading = reading
        self.jobs = jobs
        self.queues = queues
        self.mutexes = mutexes
        self.copy = copy

    @function(context="thread", sleeps=True)
    def control(self, file: Ptr[File], request: U32, argument: U64) -> OrErrno[I64]:
        """Do what a request says, as `ControlFile` says."""
        terminal = scratch(cast(file.private, Ptr[Terminal]))
        with switch(request):
            with case(TerminalRequest.TCGETS):
                tail(self._get_modes, terminal, cast(argument, User[U8]))
            with case(TerminalRequest.TCSETS, TerminalRequest.TCSETSW):
                tail(self._set_modes, terminal, cast(argument, User[U8]), 0)
            with case(TerminalRequest.TCSETSF):
                tail(self._set_modes, terminal, cast(argument, User[U8]), 1)
            with case(TerminalRequest.TIOCGWINSZ):
                tail(self._get_size, terminal, cast(argument, User[U8]))
            with case(TerminalRequest.TIOCSWINSZ):
                tail(self._set_size, terminal, cast(argument, User[U8]))
            with case(TerminalRequest.TCXONC):
                tail(self._control_flow, terminal, u32(argument))
            with case(TerminalRequest.TCFLSH):
                tail(self._flush, terminal, u32(argument))
            with case(TerminalRequest.TCSBRK, TerminalRequest.TCSBRKP):
                ret(0)  # there is no break on a line that the kernel shares with its own messages
            with case(TerminalRequest.FIONREAD):
                tail(self._count_input, terminal, cast(argument, User[U8]))
            with case(TerminalRequest.TIOCOUTQ, TerminalRequest.TIOCGETD):
                tail(self._store_number, cast(argument, User[U8]), 0)
            with case(TerminalRequest.TIOCSCTTY):
                tail(self.jobs.acquire, address_of(terminal.job), u32(argument))
            with case(TerminalRequest.TIOCNOTTY):
                tail(self.jobs.give_up, address_of(terminal.job))
            with case(TerminalRequest.TIOCGPGRP):
                tail(self._get_foreground, terminal, cast(argument, User[U8]))
            with case(TerminalRequest.TIOCSPGRP):
                tail(self._set_foreground, terminal, cast(argument, User[U8]))
            with case(TerminalRequest.TIOCGSID):
                tail(self._get_session, terminal, cast(argument, User[U8]))
            with default():
                ret(-Errno.ENOTTY)

    # Jobs

    @function(context="thread", sleeps=True)
    def _get_foreground(self, terminal: Ptr[Terminal], place: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the number of the foreground group."""
        number = try_(self.jobs.foreground(address_of(terminal.job)))
        tail(self._store_number, place, u32(number))

    @function(context="thread", sleeps=True)
    def _get_session(self, terminal: Ptr[Terminal], place: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the number of the session."""
        number = try_(self.jobs.session(address_of(terminal.job)))
        tail(self._store_number, place, u32(number))

    @function(context="thread", sleeps=True)
    def _set_foreground(
        self, terminal: Keep[Ptr[Terminal]], place: Keep[Fetched[User[U8]]]
    ) -> OrErrno[I64]:
        """Make another group the foreground; who is not in it is told first."""
        number = local(U32)
        checked = self.jobs.check(address_of(terminal.job), Signal.SIGTTOU)
        with if_(checked != 0):
            fail_if(checked == -Errno.EIO, Errno.ENOTTY)
            ret(checked)
        result, left = self.copy.copy_in(address_of(number), place, sizeof(U32))
        ignore(left)
        fail_if(result != 0, Errno.EFAULT)
        tail(self.jobs.set_foreground, address_of(terminal.job), number)

    # Modes

    @function(context="thread", sleeps=True)
    def _get_modes(self, terminal: Keep[Ptr[Terminal]], place: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the modes."""
        modes = local(Termios)
        with self.mutexes.held(terminal.lock):
            lea(rsi, terminal.modes)
            lea(rdi, modes)
            mov(ecx, sizeof(Termios))
            rep.movsb()
        ret(self._store(place, address_of(modes), sizeof(Termios)))

    @function(context="thread", sleeps=True)
    def _set_modes(
        self, terminal: Keep[Ptr[Terminal]], place: Fetched[User[U8]], forget: Keep[U32]
    ) -> OrErrno[I64]:
        """Set the modes; forget what was typed, if so. All that was written is on its way."""
        modes, place = local(Termios), keep(place)
        try_(self.jobs.check(address_of(terminal.job), Signal.SIGTTOU))
        result, left = self.copy.copy_in(address_of(modes), place, sizeof(Termios))
        ignore(left)
        fail_if(result != 0, Errno.EFAULT)
        with self.mutexes.held(terminal.lock):
            with if_(forget != 0):
                self.input.forget(terminal)
            self.input.set_modes(terminal, address_of(modes))
            self.echo.show(terminal)
        self.queues.announce(address_of(terminal.queue), ANYTHING)
        ret(0)

    # The screen

    @function(context="thread", sleeps=True)
    def _get_size(self, terminal: Keep[Ptr[Terminal]], place: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the size of the screen."""
        size = local(WindowSize)
        with self.mutexes.held(terminal.lock):
            mov(rax, u64(terminal.size))
            mov(u64(size), rax)
        ret(self._store(place, address_of(size), sizeof(WindowSize)))

    @function(context="thread", sleeps=True)
    def _set_size(self, terminal: Keep[Ptr[Terminal]], place: Fetched[User[U8]]) -> OrErrno[I64]:
        """Note the size of the screen; tell the foreground by SIGWINCH if it is another one."""
        size, former = local(WindowSize), keep(U64)
        result, left = self.copy.copy_in(address_of(size), place, sizeof(WindowSize))
        ignore(left)
        fail_if(result != 0, Errno.EFAULT)
        with self.mutexes.held(terminal.lock):
            mov(former, u64(size))
            xchg(u64(terminal.size), former)
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
                    mov(terminal.stopped, 1)
                with case(FlowAction.TCOON):
                    mov(terminal.stopped, 0)
                with case(FlowAction.TCIOFF):
                    movzx(eax, terminal.modes.special[Special.VSTOP])
                    self.echo.send(terminal, al)
                with case(FlowAction.TCION):
                    movzx(eax, terminal.modes.special[Special.VSTART])
                    self.echo.send(terminal, al)
            self.echo.show(terminal)
        self.queues.announce(address_of(terminal.queue), ANYTHING)
        ret(0)

    @function(context="thread", sleeps=True)
    def _flush(self, terminal: Keep[Ptr[Terminal]], queue: Keep[U32]) -> OrErrno[I64]:
        """Throw away what a `FlushQueue` says. What was written is with the driver already."""
        fail_if(queue > FlushQueue.TCIOFLUSH, Errno.EINVAL)
        with if_(queue != FlushQueue.TCOFLUSH):
            with self.mutexes.held(terminal.lock):
                self.input.forget(terminal)
            self.queues.announce(address_of(terminal.queue), ANYTHING)
        ret(0)

    @function(context="thread", sleeps=True)
    def _count_input(self, terminal: Ptr[Terminal], place: Keep[User[U8]]) -> OrErrno[I64]:
        """Store how many bytes can be read."""
        number = self.reading.count(terminal)
        tail(self._store_number, place, number)

    # The program's memory

    @function(context="thread", sleeps=True)
    def _store_number(self, place: User[U8], number: U32) -> OrErrno[I64]:
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
