"""What a program wants done when signals come."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.locks.spinlock import SpinLock
from kernel.signals.signalnumber import SIGNALS
from kernel.structures.refcount import ReferenceCount
from pykasm import *


class ActionFlag(IntFlag):
    """How a handler is called (sigaction(2); arch/x86/include/uapi/asm/signal.h)."""

    NOCLDSTOP = 1 << 0
    NOCLDWAIT = 1 << 1
    SIGINFO = 1 << 2
    EXPOSE_TAGBITS = 1 << 11
    RESTORER = 1 << 26
    ONSTACK = 1 << 27
    RESTART = 1 << 28
    NODEFER = 1 << 30
    RESETHAND = 1 << 31


class Disposition(IntEnum):
    """What a handler is that is no address of a function (include/uapi/asm-generic/signal-defs.h:
    SIG_DFL and SIG_IGN)."""

    DEFAULT = 0
    IGNORE = 1


class SignalAction(Struct):
    """What is done for one signal: Linux's `struct kernel_sigaction`."""

    handler: U64
    """A `Disposition`, or the address of a function of the program."""
    flags: U64 = field(ActionFlag)
    restorer: U64
    """Where the handler returns to."""
    mask: U64
    """What is blocked while it runs."""

    @inline(changes=(rax, rcx))
    def copy_from(self, source: Ptr[SignalAction]) -> None:
        """Make this what is at `source`, a register."""
        lea(rcx, self)
        for offset in range(0, sizeof(SignalAction), sizeof(U64)):
            mov(rax, u64[u64(source) + offset])
            mov(u64[rcx + offset], rax)


class SignalActions(Struct):
    """Those of all signals, from 1 on. Processes may share them (clone(2), CLONE_SIGHAND)."""

    references: ReferenceCount = field(freed_by="SignalActionStore.free")
    lock: SpinLock
    actions: Array[SignalAction] = field(count=SIGNALS, guarded_by="lock", unlocked_reads=True)
