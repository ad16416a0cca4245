"""The system call that orders accesses to memory."""

from __future__ import annotations

from enum import IntFlag

from kernel.errno import Errno
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.smp.memorybarriers import ALL, MemoryBarriers
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from pykasm import *


class Barrier(IntFlag):
    """What `membarrier` does (include/uapi/linux/membarrier.h: MEMBARRIER_CMD_GLOBAL and so on)."""

    GLOBAL = 1 << 0
    GLOBAL_EXPEDITED = 1 << 1
    REGISTER_GLOBAL_EXPEDITED = 1 << 2
    PRIVATE_EXPEDITED = 1 << 3
    REGISTER_PRIVATE_EXPEDITED = 1 << 4
    PRIVATE_EXPEDITED_SYNC_CORE = 1 << 5
    REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 1 << 6
    PRIVATE_EXPEDITED_RSEQ = 1 << 7
    REGISTER_PRIVATE_EXPEDITED_RSEQ = 1 << 8


ON_PROCESSOR = 1
"""The flag of PRIVATE_EXPEDITED_RSEQ alone: one processor is meant (MEMBARRIER_CMD_FLAG_CPU)."""

KNOWN = sum(Barrier)
"""Those that there are."""

REGISTERED = (
    (Barrier.REGISTER_PRIVATE_EXPEDITED, Barrier.PRIVATE_EXPEDITED),
    (Barrier.REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, Barrier.PRIVATE_EXPEDITED_SYNC_CORE),
)
"""What has to be registered for, and by what."""


class BarrierCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(self, spaces: AddressSpaces, barriers: MemoryBarriers) -> None:
        self.spaces = spaces
        self.barriers = barriers

    @function(context="thread", sleeps=True)
    def membarrier(self, command: U32, flags: U32, processor: U32) -> OrErrno[I64]:
        """Do what `command` says: have other threads of this process, or of all, order what they
        read and write, or give up what they do without an interruption; register for that; or
        tell what there is, for 0."""
        space, command = scratch(self.spaces.current()), scratch(command)
        asserts(space != 0)  # a task has one
        with if_(command == Barrier.PRIVATE_EXPEDITED_RSEQ):
            tail(self._restart, space, flags, processor)
        fail_if(flags != 0, Errno.EINVAL)
        with switch(command):
            with case(0):
                ret(KNOWN)
            with case(Barrier.GLOBAL, Barrier.GLOBAL_EXPEDITED):
                self.barriers.on_all()
                ret(0)
            with case(Barrier.REGISTER_GLOBAL_EXPEDITED):
                ret(0)  # all processors take part in any case
            with case(Barrier.REGISTER_PRIVATE_EXPEDITED_RSEQ):
                lock.or_(space.barriers, Barrier.PRIVATE_EXPEDITED_RSEQ)
                ret(0)
            for registration, barrier in REGISTERED:
                with case(registration):
                    lock.or_(space.barriers, barrier)
                    ret(0)
                with case(barrier):
                    fail_if((space.barriers & barrier) == 0, Errno.EPERM)
                    self.barriers.on_users(space)
                    ret(0)
        ret(-Errno.EINVAL)

    @function(context="thread", sleeps=True)
    def _restart(self, space: Ptr[AddressSpace], flags: U32, processor: U32) -> OrErrno[I64]:
        """Have the threads in `space`, of one `processor` if `flags` say so, give up what they do
        without an interruption."""
        fail_if((flags != 0) & (flags != ON_PROCESSOR), Errno.EINVAL)
        fail_if((space.barriers & Barrier.PRIVATE_EXPEDITED_RSEQ) == 0, Errno.EPERM)
        with if_(flags == 0):
            mov(processor, ALL)
        self.barriers.restart_users(space, processor)
        ret(0)
