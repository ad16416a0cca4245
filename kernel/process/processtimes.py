"""The processor time of processes."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import Nanoseconds
from kernel.process.process import Process
from kernel.process.resourceusage import COUNTS, ThreadUsage
from kernel.process.task import Task
from kernel.processors.processors import Processors
from kernel.sched.runtimes import RunTimes
from kernel.sched.scheduler import Scheduler
from pykasm import *

SHORTEST_LOOK = 1_000_000
"""Nanoseconds between two looks at a clock of processor time that somebody waits by, at least."""


class ProcessTimes(Subsystem):
    """Adds up what the threads of a process have used. Context: any."""

    def __init__(self, scheduler: Scheduler, clock: Clock, processors: Processors) -> None:
        self.scheduler = scheduler
        self.clock = clock
        self.processors = processors

    @function(context="any")
    def read(self, process: Keep[Ptr[Process]], times: Keep[Ptr[RunTimes]]) -> None:
        """Fill in `times` with for how long the threads of `process` have run until now, those that
        have ended too."""
        times.clear()
        with process.lock.held():
            ended = scratch(address_of(process.ended.times))
            times.add(ended)
            release(ended)
            with process.tasks.each(Task, "sibling") as task:
                self._add_times(times, task)

    @function(context="interrupts off")
    def _add_times(self, times: Keep[Ptr[RunTimes]], task: Ptr[Task]) -> None:
        """Add the times of `task`."""
        more = local(RunTimes)
        self.scheduler.read_times(task.thread, address_of(more))
        other = scratch(Ptr[RunTimes])
        lea(other, more)
        times.add(other)

    @function(context="any")
    def of_thread(self, task: Ptr[Task]) -> Nanoseconds:
        """Return for how long `task`, which the caller keeps from being freed, has run."""
        times = local(RunTimes)
        self.scheduler.read_times(task.thread, address_of(times))
        ret(times.total)

    @function(context="interrupts off", holds="Process.lock")
    def add(self, usage: Keep[Ptr[ThreadUsage]], task: Keep[Ptr[Task]]) -> None:
        """Add to `usage` what `task` has used."""
        self._add_times(address_of(usage.times), task)
        thread = scratch(task.thread)
        for name in COUNTS:
            mov(rax, getattr(thread, name))
            add(getattr(usage, name), rax)

    @function(context="any")
    def next_look(self, time: Nanoseconds, shown: Nanoseconds) -> Nanoseconds:
        """Return when a clock of processor time that shows `shown` may show `time`, which is later,
        at the earliest."""
        mov(rax, time)
        sub(rax, shown)
        xor(edx, edx)
        mov(ecx, self.processors.count)  # so many threads may run at once
        div(rcx)
        mov(ecx, SHORTEST_LOOK)
        with if_(rax < rcx):
            mov(rax, rcx)
        tail(self.clock.after, cast(rax, Nanoseconds))
