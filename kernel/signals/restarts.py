"""System calls that signals have interrupted: which of them begin again."""

from __future__ import annotations

from kernel.cpu.trapframe import RESUMED, SYSTEM_CALL, TrapFrame
from kernel.errno import Errno
from kernel.signals.signalactions import ActionFlag
from kernel.signals.signaltarget import RestartBlock, SignalTarget
from pykasm import *

SYSCALL_SIZE = 2
"""Bytes of the instruction `syscall`."""

FIRST_RESTART = Errno.ERESTARTSYS
"""The least of the errors that programs do not see."""

RESTART_SYSCALL = 219
"""The number of `restart_syscall`."""


class Restarts(Subsystem):
    """Settles how a program goes on behind a system call that gave one of the errors that programs
    do not see (signal(7), "Interruption of system calls and library functions"). Context: thread,
    the one whose call it is."""

    @function
    def before_handler(self, frame: Ptr[TrapFrame], flags: U64) -> None:
        """Settle it, as a handler is called whose action has these `flags`: the call fails, or
        begins again after the handler."""
        with if_(frame.vector != SYSTEM_CALL):
            ret()
        mov(frame.vector, RESUMED)
        mov(rax, frame.rax)
        result = i64(rax)
        with if_(result > -FIRST_RESTART):
            ret()
        with if_((result == -Errno.ERESTARTNOHAND) | (result == -Errno.ERESTART_RESTARTBLOCK)):
            tail(self._interrupt, frame)
        with if_((result == -Errno.ERESTARTSYS) & ((flags & ActionFlag.RESTART) == 0)):
            tail(self._interrupt, frame)
        with if_((result == -Errno.ERESTARTSYS) | (result == -Errno.ERESTARTNOINTR)):
            tail(self._begin_again, frame, frame.error_code)

    @function
    def without_handler(self, frame: Ptr[TrapFrame]) -> None:
        """Settle it, as there is nothing to handle after all: the call goes on."""
        with if_(frame.vector != SYSTEM_CALL):
            ret()
        mov(frame.vector, RESUMED)
        mov(rax, frame.rax)
        result = i64(rax)
        with if_(result == -Errno.ERESTART_RESTARTBLOCK):
            tail(self._begin_again, frame, RESTART_SYSCALL)
        with if_(
            (result == -Errno.ERESTARTSYS)
            | (result == -Errno.ERESTARTNOINTR)
            | (result == -Errno.ERESTARTNOHAND)
        ):
            tail(self._begin_again, frame, frame.error_code)

    @function
    def begin_again(self, frame: Ptr[TrapFrame]) -> None:
        """Have the call begin again that has just failed with an error which programs do see."""
        mov(frame.vector, RESUMED)
        tail(self._begin_again, frame, frame.error_code)

    @function
    def _interrupt(self, frame: Ptr[TrapFrame]) -> None:
        """Make the call fail."""
        mov(frame.rax, -Errno.EINTR)

    @function
    def _begin_again(self, frame: Ptr[TrapFrame], number: U64) -> None:
        """Make the program call `number` again, with the same arguments."""
        mov(frame.rax, number)
        sub(frame.rip, SYSCALL_SIZE)

    # restart_syscall

    @function(context="thread", sleeps=True)
    def go_on(self, target: Ptr[SignalTarget]) -> OrErrno[I64]:
        """Go on with the call that `target` has interrupted; what `restart_syscall` does."""
        block = scratch(address_of(target.restart))
        ret(block.function(block))

    @function
    def forget(self, target: Ptr[SignalTarget]) -> None:
        """Have nothing that `target` could go on with."""
        block = scratch(address_of(target.restart))
        mov(block.function, address_of(self.fail))

    @function(context="thread")
    def fail(self, block: Ptr[RestartBlock]) -> OrErrno[I64]:
        """Go on with nothing, what the program is told by EINTR."""
        mov(block.function, address_of(self.fail))
        ret(-Errno.EINTR)
