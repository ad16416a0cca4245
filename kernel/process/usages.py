"""What is told of what programs have used."""

from __future__ import annotations

from typing import Any

from kernel.process.process import Process
from kernel.process.processtimes import ProcessTimes
from kernel.process.resourceusage import COUNTS, ResourceUsage, SplitTime, ThreadUsage
from kernel.process.task import Task
from kernel.sched.runtimes import RunTimes
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from pykasm import *


class Usages(Subsystem):
    """Fills `ResourceUsage`s in. Context: any."""

    def __init__(self, times: ProcessTimes, spaces: AddressSpaces) -> None:
        self.times = times
        self.spaces = spaces

    @function(context="any")
    def of_process(self, process: Keep[Ptr[Process]], usage: Keep[Ptr[ResourceUsage]]) -> None:
        """Fill in `usage` with what all threads of `process` have used until now, but for what was
        in memory in its present space."""
        used = local(ThreadUsage)
        used.clear()
        with process.lock.held():
            ended = scratch(address_of(process.ended))
            used.add(ended)
            release(ended)
            with process.tasks.each(Task, "sibling") as task:
                self.times.add(address_of(used), task)
            self._split(
                address_of(used.times), address_of(process.told_time), address_of(usage.time)
            )
        # Without the lock: `used` is this thread's own
        self._count(usage, used)
        mov(rax, process.peak)
        mov(usage.peak, rax)

    @inline(changes=rax)
    def _count(self, usage: Ptr[ResourceUsage], used: ThreadUsage) -> None:
        """Copy the counts."""
        for name in COUNTS:
            mov(rax, getattr(used, name))
            mov(getattr(usage, name), rax)

    @function(context="thread")
    def of_thread(self, task: Keep[Ptr[Task]], usage: Keep[Ptr[ResourceUsage]]) -> None:
        """Fill in `usage` with what `task`, the one that runs, has used until now."""
        used, process = local(ThreadUsage), keep(task.process)
        used.clear()
        with process.lock.held():
            self.times.add(address_of(used), task)
            self._split(address_of(used.times), address_of(task.told_time), address_of(usage.time))
        self._count(usage, used)
        mov(rax, process.peak)
        mov(usage.peak, rax)

    @function(context="thread")
    def add_present_space(self, usage: Keep[Ptr[ResourceUsage]]) -> None:
        """Count in `usage`, which is about the process that runs, what is in memory in its
        space."""
        space = scratch(self.spaces.current())
        asserts(space != 0)  # that of its program
        self._raise(usage, space)

    @function(context="thread")
    def leave_space(self, process: Ptr[Process], space: Ptr[AddressSpace]) -> None:
        """Note what was in memory in `space`, which a thread of `process` leaves."""
        with process.lock.held():
            self._raise(process, space)

    @inline(changes=rax)
    def _raise(self, record: Any, space: Ptr[AddressSpace]) -> None:
        """Make the peak of `record` that of `space`, if that is higher."""
        for pages in (space.resident, space.peak):
            mov(rax, pages)
            with if_(rax > record.peak):
                mov(record.peak, rax)

    # Times

    @function(context="interrupts off", holds="Process.lock")
    def _split(
        self, times: Ptr[RunTimes], told: Ptr[SplitTime], time: Keep[Ptr[SplitTime]]
    ) -> None:
        """Fill in `time` with the parts of `times`, in the ratio that ticks have found, and note it
        in `told`. Neither becomes less than it was there."""
        times, told, total = scratch(times), scratch(told), scratch(times.total)
        system = scratch(self._system_part(times, total))
        # Programs take differences of two answers, which must not be negative (getrusage(2))
        with if_(system < told.system):
            mov(system, told.system)
        mov(rax, total)
        sub(rax, system)
        with if_(CF | (rax < told.user)):
            # What is lacking is taken from the kernel's part, so that the sum stays right
            mov(rax, told.user)
            mov(system, total)
            sub(system, rax)
            with if_(CF | (system < told.system)):  # nothing has been counted since
                mov(system, told.system)
        for part in (told, time):
            mov(part.user, rax)
            mov(part.system, system)

    @inline(changes=(rax, rdx))
    def _system_part(self, times: Ptr[RunTimes], total: U64) -> U64:
        """Return how much of `total` the kernel has spent: nothing, if no tick has found
        it at work."""
        both = scratch(times.system)
        add(both, times.user)
        xor(eax, eax)
        with if_(both != 0):
            mov(rax, total)
            # 128 bits in rdx:rax, so that long times do not overflow
            mul(times.system)
            div(both)  # the quotient is `total` at most
        release(both)
        return rax
