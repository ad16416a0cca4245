"""System calls about how threads are scheduled."""

from __future__ import annotations

from enum import IntEnum

from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC
from kernel.cpu.pagetable import PageShift
from kernel.errno import Errno
from kernel.mm.pages import Pages
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.tasksearch import TaskSearch
from kernel.processors.processors import Processors
from kernel.vm.overcommit import Overcommit
from kernel.vm.usercopy import UserCopy
from pykasm import *

MOST_PRIORITY = 99
"""The greatest priority of real-time policies; the least is 1 (sched(7))."""

SET_WORDS = 4
"""64-bit words of a set of processors: as many as Linux's have with 256 processors."""


class Policy(IntEnum):
    """How a thread is chosen (include/uapi/linux/sched.h: SCHED_OTHER and so on)."""

    OTHER = 0
    FIFO = 1
    ROUND_ROBIN = 2
    BATCH = 3
    IDLE = 5
    DEADLINE = 6


class SystemInformation(Struct):
    """Linux's `struct sysinfo`."""

    uptime: U64
    """Seconds."""
    loads: Array[U64] = field(count=3)
    """Not counted: 0."""
    memory: U64
    free: U64
    shared: U64
    buffers: U64
    swap: U64
    free_swap: U64
    processes: U16
    high_memory: U64
    free_high_memory: U64
    unit: U32
    """Bytes that memory is counted in."""


class SchedulingCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        search: TaskSearch,
        processors: Processors,
        clock: Clock,
        pages: Pages,
        overcommit: Overcommit,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.search = search
        self.processors = processors
        self.clock = clock
        self.pages = pages
        self.overcommit = overcommit
        self.copy = copy

    # Policies

    @inline
    def _limit(self, policy: U32, real_time: int) -> None:
        """Return `real_time` for a policy with priorities, 0 for others, or -EINVAL."""
        with switch(policy):
            for one in Policy:
                with case(one):
                    ret(real_time if one in (Policy.FIFO, Policy.ROUND_ROBIN) else 0)
        ret(-Errno.EINVAL)

    @function(context="thread")
    def sched_get_priority_max(self, policy: U32) -> OrErrno[I64]:
        """Return the greatest priority that there is with `policy`."""
        self._limit(policy, MOST_PRIORITY)

    @function(context="thread")
    def sched_get_priority_min(self, policy: U32) -> OrErrno[I64]:
        """Return the least one."""
        self._limit(policy, 1)

    @function(context="thread")
    def sched_getscheduler(self, number: I32) -> OrErrno[I64]:
        """Return the policy of the thread `number`, 0 for this one: it is always OTHER."""
        fail_if(number < 0, Errno.EINVAL)
        process = try_(self.search.find_process(u32(number)), Errno.ESRCH)
        self.processes.drop(process)
        ret(Policy.OTHER)

    @function(context="thread", sleeps=True)
    def sched_getparam(self, number: I32, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the priority of the thread `number`, 0 for this one: it is always 0."""
        priority = local(U32)
        fail_if((number < 0) | (u64(target) == 0), Errno.EINVAL)
        try_(self.sched_getscheduler(number))
        mov(priority, 0)
        ret(self._store(target, address_of(priority), sizeof(U32)))

    @function(context="thread", sleeps=True)
    def _store(self, target: User[U8], source: U64, length: U64) -> OrErrno[I64]:
        """Store `length` bytes of the kernel's. Returns 0 or an error."""
        result, left = self.copy.copy_out(target, source, length)
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    # Processors

    @function(context="thread", sleeps=True)
    def sched_getaffinity(
        self, number: U32, length: Untrusted[U64], target: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Store the set of processors that the thread `number` may run on: all. Return how many
        bytes it has."""
        set, size = local(U64 * SET_WORDS), keep(U64)
        mov(eax, self.processors.count)
        fail_if((length & (sizeof(U64) - 1)) != 0, Errno.EINVAL)
        mov(rcx, length)
        shl(rcx, 3)
        fail_if(rcx < rax, Errno.EINVAL)
        mov(size, sizeof(U64) * SET_WORDS)
        with if_(length < size):
            mov(size, length)
        process = try_(self.search.find_process(number), Errno.ESRCH)
        self.processes.drop(process)
        for word in range(SET_WORDS):
            mov(set[word], 0)
        position = scratch(U64)
        mov(u32(position), self.processors.count)
        with while_(position != 0):
            dec(position)
            bts(set[0], position)
        try_(self._store(target, address_of(set), size))
        ret(size)

    # The whole

    @function(context="thread", sleeps=True)
    def sysinfo(self, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store what is used of the machine at `target`."""
        told = local(SystemInformation)
        lea(rdi, told)
        xor(eax, eax)
        mov(ecx, sizeof(SystemInformation) // sizeof(U64))
        rep.stosq()
        mov(rax, self.clock.now())
        xor(edx, edx)
        mov(ecx, NSEC_PER_SEC)
        div(rcx)
        mov(told.uptime, rax)
        mov(rax, self.overcommit.most_pages)
        shl(rax, PageShift.PAGE)
        mov(told.memory, rax)
        free = self.pages.free_count()
        shl(free, PageShift.PAGE)
        mov(told.free, free)
        mov(eax, self.processes.count)
        mov(told.processes, ax)
        mov(told.unit, 1)
        ret(self._store(target, address_of(told), sizeof(SystemInformation)))
