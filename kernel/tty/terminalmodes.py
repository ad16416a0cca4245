"""Getting and setting how a terminal treats what is typed and written."""

from __future__ import annotations

from kernel.process.jobcontrol import JobControl
from kernel.signals.signalnumber import Signal
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueue import ANYTHING
from kernel.sync.pollqueues import PollQueues
from kernel.tty.echo import Echo
from kernel.tty.lineinput import LineInput
from kernel.tty.terminal import Terminal
from kernel.tty.termios import BOTHER, INPUT_SHIFT, SPEEDS, ControlMode, Termios2
from kernel.vm.usercopy import UserCopy
from pykasm import *

EXTENDED = SPEEDS.index(38400)
"""How far the place in SPEEDS is ahead of the number without `ControlMode.CBAUDEX`."""


class TerminalModes(Subsystem):
    """What TCGETS and TCSETS do, and others of their kind (ioctl_tty(2)). Context: thread."""

    speeds = rodata(U32 * len(SPEEDS), list(SPEEDS))

    def __init__(
        self,
        input: LineInput,
        echo: Echo,
        jobs: JobControl,
        queues: PollQueues,
        mutexes: Mutexes,
        copy: UserCopy,
    ) -> None:
        self.input = input
        self.echo = echo
        self.jobs = jobs
        self.queues = queues
        self.mutexes = mutexes
        self.copy = copy

    @function(context="thread", sleeps=True)
    def get(
        self, terminal: Keep[Ptr[Terminal]], place: Keep[User[U8]], length: Keep[U64]
    ) -> OrErrno[I64]:
        """Store the first `length` bytes of the modes. Returns 0 or -EFAULT."""
        modes = local(Termios2)
        self._copy(terminal, address_of(modes))
        result, left = self.copy.copy_out(place, address_of(modes), length)
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _copy(self, terminal: Keep[Ptr[Terminal]], modes: Keep[Ptr[Termios2]]) -> None:
        """Copy the modes."""
        with self.mutexes.held(terminal.lock):
            lea(rsi, terminal.modes)
            mov(rdi, modes)
            mov(ecx, sizeof(Termios2))
            rep.movsb()

    @function(context="thread", sleeps=True)
    def set(
        self,
        terminal: Keep[Ptr[Terminal]],
        place: Keep[Fetched[User[U8]]],
        length: Keep[U64],
        forget: Keep[U32],
    ) -> OrErrno[I64]:
        """Set the modes, by their first `length` bytes; forget what was typed, if so. All that was
        written is on its way. Returns 0, -EFAULT, or what `JobControl.check` does."""
        modes = local(Termios2)
        try_(self.jobs.check(address_of(terminal.job), Signal.SIGTTOU))
        self._copy(terminal, address_of(modes))
        self.copy.copy_in_all(address_of(modes), place, length)
        self._complete(address_of(modes))
        with self.mutexes.held(terminal.lock):
            with if_(forget != 0):
                self.input.forget(terminal)
            self.input.set_modes(terminal, address_of(modes))
            self.echo.show(terminal)
        self.queues.announce(address_of(terminal.queue), ANYTHING)
        self.queues.announce(address_of(terminal.typist), ANYTHING)
        ret(0)

    @function
    def _complete(self, modes: Keep[Ptr[Termios2]]) -> None:
        """Set what is always so of lines, and the speeds as they are named."""
        and_(modes.control, ~int(ControlMode.PARENB))
        or_(modes.control, ControlMode.CS8 | ControlMode.CREAD)
        mov(modes.output_speed, self._speed(modes.control, modes.output_speed))
        mov(eax, modes.control)
        shr(eax, INPUT_SHIFT)
        with if_(eax & ControlMode.CBAUD):
            mov(modes.input_speed, self._speed(eax, modes.input_speed))
        with else_():
            mov(eax, modes.output_speed)
            mov(modes.input_speed, eax)

    @function
    def _speed(self, number: U32, other: U32) -> U32:
        """Return the speed by its number in `ControlMode.CBAUD`; `other` where it stands there."""
        and_(number, ControlMode.CBAUD)
        with if_(number == BOTHER):
            ret(other)
        with if_(number & ControlMode.CBAUDEX):
            and_(number, ~int(ControlMode.CBAUDEX))
            add(number, EXTENDED)
        with if_(number >= len(SPEEDS)):
            ret(0)
        mov(eax, number)
        ret(self.speeds[rax])
