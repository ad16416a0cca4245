"""System calls about how threads are scheduled."""

from __future__ import annotations

from enum import IntFlag

from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC
from kernel.cpu.pagetable import PAGE, PageShift
from kernel.errno import Errno
from kernel.mm.pages import Pages
from kernel.process.policies import LEAST_NICE, MOST_PRIORITY, ROUND_ROBIN_TICKS, Policies, Policy
from kernel.process.policychanges import REAL_TIME, PolicyChanges, PolicyRequest
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.task import Task
from kernel.process.tasksearch import TaskSearch
from kernel.process.timespec import TimeSpecs
from kernel.sched.loadaverages import AVERAGES, FRACTION_BITS, LoadAverages
from kernel.sched.runqueue import USED_BY_TICK
from kernel.sched.ticks import TICK
from kernel.vm.overcommit import Overcommit
from kernel.vm.usercopy import UserCopy
from pykasm import *

RESET_ON_FORK = 0x4000_0000
"""Beside a policy: it is not for what the thread makes (sched(7), SCHED_RESET_ON_FORK)."""

FIRST_SIZE = 48
"""Bytes of the first `struct sched_attr` that there was, which is taken for a size of 0."""


SHORTEST_RUNTIME = 1024
"""Nanoseconds of processor time a period that may be asked for at least with DEADLINE (Linux:
DL_SCALE)."""

SHORTEST_PERIOD, LONGEST_PERIOD = 100_000, 4_194_304_000
"""Nanoseconds of its period (Linux: sched_deadline_period_min_us and sched_deadline_period_max_us).
"""


class AttributeFlag(IntFlag):
    """What else is to be set (include/uapi/linux/sched.h: SCHED_FLAG_RESET_ON_FORK and so on)."""

    RESET_ON_FORK = 0x1
    KEEP_POLICY = 0x8
    KEEP_PARAMETERS = 0x10


class SchedulingAttributes(Struct):
    """Linux's `struct sched_attr`."""

    size: Untrusted[U32]
    policy: Untrusted[U32]
    flags: U64 = field(AttributeFlag)
    nice: I32
    priority: Untrusted[U32]
    runtime: U64
    """This and the next two are for DEADLINE, of which none is admitted."""
    deadline: U64
    period: U64
    least_use: U32
    """This and the next one are not heeded without a flag that is refused."""
    most_use: U32


LOAD_FRACTION_BITS = 16
"""Of the averages in `SystemInformation` (include/uapi/linux/sysinfo.h: SI_LOAD_SHIFT)."""


class SystemInformation(Struct):
    """Linux's `struct sysinfo`."""

    uptime: U64
    """Seconds."""
    loads: Array[U64] = field(count=3)
    """Threads that want to run, on the average over 1, 5 and 15 minutes, in parts of 65,536."""
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
        clock: Clock,
        pages: Pages,
        overcommit: Overcommit,
        averages: LoadAverages,
        policies: Policies,
        changes: PolicyChanges,
        specs: TimeSpecs,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.search = search
        self.clock = clock
        self.pages = pages
        self.overcommit = overcommit
        self.averages = averages
        self.policies = policies
        self.changes = changes
        self.specs = specs
        self.copy = copy

    # Policies

    @inline
    def _limit(self, policy: U32, real_time: int) -> None:
        """Return `real_time` for a policy with priorities, 0 for others, or -EINVAL."""
        with switch(policy):
            for one in Policy:
                with case(one):
                    ret(real_time if one in REAL_TIME else 0)
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
        """Return the policy of the thread `number`, 0 for this one, and whether it is reset."""
        request = local(PolicyRequest)
        try_(self._get(number, address_of(request)))
        mov(eax, request.policy)
        with if_(request.resets != 0):
            or_(eax, RESET_ON_FORK)
        ret(rax)

    @function(context="thread", sleeps=True)
    def sched_getparam(self, number: I32, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the priority of the thread `number`, 0 for this one."""
        request = local(PolicyRequest)
        fail_if(u64(target) == 0, Errno.EINVAL)
        try_(self._get(number, address_of(request)))
        ret(self._store(target, address_of(request.priority), sizeof(U32)))

    @function(context="thread", sleeps=True)
    def sched_rr_get_interval(self, number: I32, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store how long the turns of the thread `number` are, 0 for this one: not at all, for one
        whose turns no time ends."""
        request, time = local(PolicyRequest), keep(U64)
        try_(self._get(number, address_of(request)))
        # Turns are the longer the more a thread is favoured; the table begins at the least value
        mov(eax, request.nice)
        sub(eax, LEAST_NICE)
        mov(eax, self.policies.quanta[rax])
        # All of this policy have turns of one length (sched(7))
        with if_(request.policy == Policy.ROUND_ROBIN):
            mov(eax, ROUND_ROBIN_TICKS * USED_BY_TICK)
        imul(rax, rax, TICK // USED_BY_TICK)
        with if_(request.policy == Policy.FIFO):
            xor(eax, eax)
        mov(time, rax)
        tail(self.specs.give, target, time, 1)

    @function(context="thread")
    def _get(self, number: Keep[I32], request: Keep[Ptr[PolicyRequest]]) -> OrErrno[I64]:
        """Fill in `request` with what the thread `number` has, 0 for this one. Returns 0, -EINVAL
        or -ESRCH."""
        result = keep(I64)
        fail_if(number < 0, Errno.EINVAL)
        process = keep(try_(self.search.find_process(u32(number)), Errno.ESRCH))
        mov(result, -Errno.ESRCH)
        with process.lock.held():
            task = scratch(self.search.task_of(process, u32(number)))
            with if_(task != 0):
                xor(u32(result), u32(result))
                self._copy_policy(request, task)
            # The first thread has ended, but its number is that of the process: it can still be
            # asked for
            with elif_(u32(number) == process.number):
                xor(u32(result), u32(result))
                self._copy_policy(request, process.first_policy)
        self.processes.drop(process)
        ret(result)

    @inline(changes=rax)
    def _copy_policy(self, request: Ptr[PolicyRequest], owner: object) -> None:
        """Fill in `request` with what `owner` has."""
        for own, name in (
            ("policy", "policy"),
            ("real_time_priority", "priority"),
            ("nice", "nice"),
            ("resets_policy", "resets"),
        ):
            mov(eax, u32(getattr(owner, own)))
            mov(u32(getattr(request, name)), eax)

    # Setting them

    @function(context="thread", sleeps=True)
    def sched_setscheduler(
        self, number: Keep[I32], policy: Keep[U32], source: Keep[Fetched[User[U8]]]
    ) -> OrErrno[I64]:
        """Set policy and priority of the thread `number`, 0 for this one."""
        request = local(PolicyRequest)
        fail_if((i32(policy) < 0) | (number < 0) | (u64(source) == 0), Errno.EINVAL)
        mov(request.keeps_policy, 0)
        mov(request.has_deadline, 0)
        mov(request.resets, 0)
        # Older programs have no record to say it in, so the bit comes with the policy
        btr(policy, RESET_ON_FORK.bit_length() - 1)
        with if_(CF):
            mov(request.resets, 1)
        mov(request.policy, policy)
        ret(self._set_priority(number, source, address_of(request)))

    @function(context="thread", sleeps=True)
    def sched_setparam(self, number: Keep[I32], source: Keep[Fetched[User[U8]]]) -> OrErrno[I64]:
        """Set the priority of the thread `number`, 0 for this one."""
        request = local(PolicyRequest)
        fail_if((number < 0) | (u64(source) == 0), Errno.EINVAL)
        mov(request.keeps_policy, 1)
        mov(request.has_deadline, 0)
        ret(self._set_priority(number, source, address_of(request)))

    @function(context="thread", sleeps=True)
    def _set_priority(
        self, number: Keep[I32], source: Fetched[User[U8]], request: Keep[Ptr[PolicyRequest]]
    ) -> OrErrno[I64]:
        """Do what `request` says with the priority at `source`."""
        priority = local(U32)
        self.copy.copy_in_all(address_of(priority), source, sizeof(U32))
        mov(eax, priority)
        mov(request.priority, eax)
        mov(request.keeps_nice, 1)
        mov(request.keeps_all, 0)
        ret(self._set(number, request))

    @function(context="thread")
    def _set(self, number: Keep[I32], request: Keep[Ptr[PolicyRequest]]) -> OrErrno[I64]:
        """Do what `request` says with the thread `number`. Returns 0, -ESRCH, -EINVAL,
        -EPERM or -EBUSY."""
        result = keep(I64)
        process = keep(try_(self.search.find_process(u32(number)), Errno.ESRCH))
        mov(result, -Errno.ESRCH)
        with process.lock.held():
            task = keep(self.search.task_of(process, u32(number)))
            with if_(task != 0):
                # Under the lock with the change, so that what is kept is what it has then
                self._complete(task, request)
                mov(result, self.changes.change(process, task, request))
        self.processes.drop(process)
        ret(result)

    @function(holds="Process.lock")
    def _complete(self, task: Ptr[Task], request: Ptr[PolicyRequest]) -> None:
        """Fill in `request` with what `task` is to keep."""
        with if_(request.keeps_policy != 0):
            for own, name in (("policy", "policy"), ("resets_policy", "resets")):
                mov(eax, getattr(task, own))
                mov(getattr(request, name), eax)
        with if_(request.keeps_all != 0):
            mov(eax, task.real_time_priority)
            mov(request.priority, eax)
        with if_(request.keeps_nice != 0):
            mov(eax, task.nice)
            mov(request.nice, eax)

    # By records

    @function(context="thread", sleeps=True)
    def sched_getattr(
        self, number: I32, target: Keep[User[U8]], size: Keep[Untrusted[U32]], flags: U32
    ) -> OrErrno[I64]:
        """Store all that is set for the thread `number`, 0 for this one."""
        request, told = local(PolicyRequest), local(SchedulingAttributes)
        fail_if((u64(target) == 0) | (size > PAGE) | (size < FIRST_SIZE), Errno.EINVAL)
        # None have a meaning yet, and one that is taken today could never get one
        fail_if(flags != 0, Errno.EINVAL)
        try_(self._get(number, address_of(request)))
        zero(told)
        with if_(size > sizeof(SchedulingAttributes)):
            mov(size, sizeof(SchedulingAttributes))
        # What a program of another time does not know of is left out
        mov(told.size, size)
        copy_fields(told, request, "policy", "priority", "nice")
        with if_(request.resets != 0):
            mov(told.flags, AttributeFlag.RESET_ON_FORK)
        ret(self._store(target, address_of(told), u64(size)))

    @function(context="thread", sleeps=True)
    def sched_setattr(
        self, number: Keep[I32], source: Keep[Fetched[User[U8]]], flags: U32
    ) -> OrErrno[I64]:
        """Set what is at `source` for the thread `number`, 0 for this one."""
        request, wanted = local(PolicyRequest), local(SchedulingAttributes)
        fail_if((number < 0) | (u64(source) == 0) | (flags != 0), Errno.EINVAL)
        try_(self._take(source, address_of(wanted)))
        fail_if(i32(wanted.policy) < 0, Errno.EINVAL)
        mov(rax, wanted.flags)
        and_(
            rax,
            ~int(
                AttributeFlag.RESET_ON_FORK
                | AttributeFlag.KEEP_POLICY
                | AttributeFlag.KEEP_PARAMETERS
            ),
        )
        fail_if(rax != 0, Errno.EINVAL)
        for name in ("resets", "keeps_policy", "keeps_all", "keeps_nice"):
            mov(getattr(request, name), 0)
        with if_(wanted.flags & AttributeFlag.RESET_ON_FORK):
            mov(request.resets, 1)
        with if_(wanted.flags & AttributeFlag.KEEP_POLICY):
            mov(request.keeps_policy, 1)
        with if_(wanted.flags & AttributeFlag.KEEP_PARAMETERS):
            mov(request.keeps_all, 1)
            mov(request.keeps_nice, 1)
        copy_fields(request, wanted, "policy", "priority", "nice")
        mov(request.has_deadline, self._have_deadline(address_of(wanted)))
        ret(self._set(number, address_of(request)))

    @function
    def _have_deadline(self, wanted: Ptr[SchedulingAttributes]) -> Bool:
        """Return whether the times in `wanted` go together for DEADLINE (sched(7))."""
        period, wanted = scratch(U64), scratch(wanted)
        mov(period, wanted.period)
        with if_(period == 0):
            # 0 stands for the deadline (sched(7))
            mov(period, wanted.deadline)
        mov(ecx, LONGEST_PERIOD)
        with if_((period < SHORTEST_PERIOD) | (period > rcx)):
            ret(False)
        mov(rax, wanted.deadline)
        with if_((rax == 0) | (rax > period) | (rax < wanted.runtime)):
            ret(False)
        ret(wanted.runtime >= SHORTEST_RUNTIME)

    @function(context="thread", sleeps=True)
    def _take(
        self, source: Keep[Fetched[User[U8]]], wanted: Keep[Ptr[SchedulingAttributes]]
    ) -> OrErrno[I64]:
        """Fill in `wanted` with what is at `source`. Returns 0; -EFAULT; or -E2BIG, with the size
        that is taken stored there, for another one."""
        zero(wanted)
        self.copy.copy_in_all(u64(wanted), source, sizeof(U32))
        size = scratch(wanted.size)
        with if_(size == 0):
            # 0 is what programs wrote before sizes were told
            mov(size, FIRST_SIZE)
        with if_((size != FIRST_SIZE) & (size != sizeof(SchedulingAttributes))):
            stored = self.copy.copy_out_word(source, sizeof(SchedulingAttributes))
            ignore(stored, "as Linux does")
            ret(-Errno.E2BIG)
        refetch(source, "the size is not looked at again")
        self.copy.copy_in_all(u64(wanted), source, u64(size))
        ret(0)

    @function(context="thread", sleeps=True)
    def _store(self, target: User[U8], source: U64, length: U64) -> OrErrno[I64]:
        """Store `length` bytes of the kernel's. Returns 0 or an error."""
        result, left = self.copy.copy_out(target, source, length)
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    # The whole

    @function(context="thread", sleeps=True)
    def sysinfo(self, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store what is used of the machine at `target`."""
        told = local(SystemInformation)
        zero(told)
        mov(rax, self.clock.now())
        # `div` takes 128 bits
        xor(edx, edx)
        mov(ecx, NSEC_PER_SEC)
        div(rcx)
        mov(told.uptime, rax)
        for place in range(AVERAGES):
            mov(rax, self.averages.averages[place])
            # Programs expect 16 bits behind the point (SI_LOAD_SHIFT)
            shl(rax, LOAD_FRACTION_BITS - FRACTION_BITS)
            mov(told.loads[place], rax)
        mov(rax, self.overcommit.most_pages)
        shl(rax, PageShift.PAGE)
        mov(told.memory, rax)
        free = self.pages.unused_count()
        shl(free, PageShift.PAGE)
        mov(told.free, free)
        mov(eax, self.processes.count)
        mov(told.processes, ax)
        # The amounts are in bytes
        mov(told.unit, 1)
        ret(self._store(target, address_of(told), sizeof(SystemInformation)))
