"""System calls that tell what programs have used."""

from __future__ import annotations

from enum import IntEnum

from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC
from kernel.errno import Errno
from kernel.process.processes import Processes
from kernel.process.resourceusage import ResourceUsage
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.usages import Usages
from kernel.process.userusages import UserUsages
from kernel.vm.usercopy import UserCopy
from pykasm import *

TICK_TIME = NSEC_PER_SEC // 100
"""Nanoseconds of a clock tick, as programs count them (sysconf(3), _SC_CLK_TCK)."""


class UsageKind(IntEnum):
    """Whose usage is told (include/uapi/linux/resource.h: RUSAGE_SELF and so on)."""

    CHILDREN = -1
    SELF = 0
    THREAD = 1


class ProcessTicks(Struct):
    """Linux's `struct tms`, in clock ticks."""

    user: U64
    system: U64
    user_of_children: U64
    system_of_children: U64


class UsageCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        usages: Usages,
        user_usages: UserUsages,
        clock: Clock,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.usages = usages
        self.user_usages = user_usages
        self.clock = clock
        self.copy = copy

    @function(context="thread", sleeps=True)
    def getrusage(self, kind: I32, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store what the process, its children or the thread that runs have used."""
        usage = local(ResourceUsage)
        with if_(kind == UsageKind.SELF):
            self._fill(address_of(usage))
        with elif_(kind == UsageKind.CHILDREN):
            self.processes.usage_of_children(address_of(usage))
        with elif_(kind == UsageKind.THREAD):
            self.usages.of_thread(self.processes.current(), address_of(usage))
            self.usages.add_present_space(address_of(usage))
        with else_():
            ret(-Errno.EINVAL)
        ret(self.user_usages.give(target, address_of(usage)))

    @function(context="thread")
    def _fill(self, usage: Keep[Ptr[ResourceUsage]]) -> None:
        """Fill in `usage` with what the process that runs has used."""
        self.usages.of_process(self.processes.current_process(), usage)
        self.usages.add_present_space(usage)

    @function(context="thread", sleeps=True)
    def times(self, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the processor time of the process that runs and of its children, unless `target` is
        null. Return the clock ticks since the start."""
        usage, ticks = local(ResourceUsage), local(ProcessTicks)
        with if_(u64(target) != 0):
            self._fill(address_of(usage))
            self._set_ticks(ticks.user, ticks.system, usage)
            self.processes.usage_of_children(address_of(usage))
            self._set_ticks(ticks.user_of_children, ticks.system_of_children, usage)
            self.copy.copy_out_all(target, address_of(ticks), sizeof(ProcessTicks))
        mov(rax, self.clock.now())
        self._to_ticks()
        ret(rax)

    @inline(changes=(rax, rcx, rdx))
    def _set_ticks(self, user: U64, system: U64, usage: ResourceUsage) -> None:
        """Set both parts of the processor time."""
        for target, source in ((user, usage.time.user), (system, usage.time.system)):
            mov(rax, source)
            self._to_ticks()
            mov(target, rax)

    @inline(changes=(rax, rcx, rdx))
    def _to_ticks(self) -> None:
        """Turn nanoseconds in rax into ticks."""
        xor(edx, edx)
        mov(ecx, TICK_TIME)
        div(rcx)
