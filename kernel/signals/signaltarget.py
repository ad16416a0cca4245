"""A thread of a program, as signals see it."""

from __future__ import annotations

from enum import IntFlag

from kernel.sched.thread import Thread
from kernel.sched.userstate import UserState
from kernel.signals.pendingsignals import PendingSignals
from kernel.signals.signalgroup import SignalGroup
from kernel.signals.signalinfo import SignalInfo
from kernel.structures.list import ListHead
from pykasm import *


class StackFlag(IntFlag):
    """How an alternate stack is used (sigaltstack(2); include/uapi/linux/signal.h)."""

    ON_STACK = 1 << 0
    DISABLE = 1 << 1
    AUTO_DISARM = 1 << 31
    """It is disabled while a handler runs there."""


class AlternateStack(Struct):
    """Where handlers run that want it: Linux's `stack_t`."""

    base: U64
    flags: U32 = field(StackFlag)
    size: U64
    """0 for no such stack."""

    @inline(changes=(rax, rcx))
    def copy_from(self, source: Ptr[AlternateStack]) -> None:
        """Make this what is at `source`, a register."""
        lea(rcx, self)
        for offset in range(0, sizeof(AlternateStack), sizeof(U64)):
            mov(rax, u64[u64(source) + offset])
            mov(u64[rcx + offset], rax)


class RestartBlock(Struct):
    """How a system call goes on that must not begin again, such as a wait for some time
    (restart_syscall(2))."""

    function: RestartFunction
    arguments: Array[U64] = field(count=5)


class RestartFunction(Fn[[Ptr[RestartBlock]], OrErrno[I64]], context="thread"):
    """Goes on with a system call that a signal has interrupted."""


class SignalTarget(UserState):
    """What signals know of a thread. It is the first part of a task."""

    thread: Ptr[Thread]
    group: Ptr[SignalGroup]
    """What all threads of its process have."""
    member: ListHead
    """In `SignalGroup.members`."""
    mask: U64 = field(guarded_by="SignalGroup.lock", unlocked_reads=True)
    """What is blocked. Only the thread itself changes it."""
    awaited: U64 = field(guarded_by="SignalGroup.lock", unlocked_reads=True)
    """What it waits for in `rt_sigtimedwait`: this wakes it although it is blocked."""
    pending: PendingSignals
    has_left: U32 = field(guarded_by="SignalGroup.lock")
    """1 if it ends and is none of the group any more: nothing is sent to it, though its number may
    still be found."""
    forced: SignalInfo
    """What its last exception sends. It needs no memory; without one the number is 0. In the end it
    is the signal for which it leaves the memory of its process in a file."""
    saved_mask: U64
    """What `mask` becomes with the next handler's return, or without one."""
    has_saved_mask: U32
    """1 if `saved_mask` means something: a system call has changed the mask for its wait."""
    trap_number: U64
    """The vector of its last exception, the error code and the address of that."""
    error_code: U64
    fault_address: U64
    stack: AlternateStack
    sequence_area: Untrusted[U64]
    """Where its program has a `SequenceArea`; 0 for nowhere."""
    sequence_length: U32
    sequence_signature: U32
    """What stands in front of each place where a section of it is given up."""
    restart: RestartBlock
