"""Clocks that show for how long programs have run."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.process.processes import Processes
from kernel.process.processtimes import ProcessTimes
from kernel.process.tasksearch import TaskSearch
from kernel.sched.runtimes import RunTimes
from kernel.sched.scheduler import Scheduler
from pykasm import *

KIND = 0b11
"""The bits of a clock's number that tell what it counts (Linux: CPUCLOCK_WHICH)."""
OF_THREAD = 1 << 2
"""Set for that of a thread (Linux: CPUCLOCK_PERTHREAD_MASK)."""
OWNER_SHIFT = 3
"""Above it is the complement of the number of the thread or process, 0 for the one that runs
(clock_getcpuclockid(3), pthread_getcpuclockid(3))."""


class ProcessorClockKind(IntEnum):
    """What such a clock counts (include/linux/posix-timers_types.h: CPUCLOCK_PROF and so on)."""

    PROFILE = 0
    """Time of the program and of the kernel, as ticks find it."""
    VIRTUAL = 1
    """That of the program alone."""
    SCHEDULED = 2
    """All time, exactly."""


def own_clock(flags: int) -> int:
    """Return the number of such a clock of the process that runs, or of the thread by OF_THREAD."""
    return (~0 << OWNER_SHIFT | flags | ProcessorClockKind.SCHEDULED) & 0xFFFF_FFFF


OWN_PROCESS = own_clock(0)
OWN_THREAD = own_clock(OF_THREAD)
"""What CLOCK_PROCESS_CPUTIME_ID and CLOCK_THREAD_CPUTIME_ID mean."""


class ProcessorClocks(Subsystem):
    """Reads them. Context: thread."""

    def __init__(
        self, processes: Processes, search: TaskSearch, times: ProcessTimes, scheduler: Scheduler
    ) -> None:
        self.processes = processes
        self.search = search
        self.times = times
        self.scheduler = scheduler

    @function(context="thread")
    def read(self, clock: Keep[U32]) -> OrErrno[I64]:
        """Return the nanoseconds that `clock`, by its number, shows; -EINVAL if there is none."""
        times, owner, result = local(RunTimes), keep(U32), keep(I64)
        mov(eax, clock)
        and_(eax, KIND)
        fail_if(eax > ProcessorClockKind.SCHEDULED, Errno.EINVAL)
        mov(owner, clock)
        sar(i32(owner), OWNER_SHIFT)
        not_(owner)
        with if_(clock & OF_THREAD):
            mov(result, self._read_thread(owner, address_of(times)))
        with else_():
            mov(result, self._read_process(owner, address_of(times)))
        with if_(result != 0):
            ret(result)
        and_(clock, KIND)
        mov(rax, times.total)
        with if_(clock != ProcessorClockKind.SCHEDULED):
            mov(rax, times.user)
        with if_(clock == ProcessorClockKind.PROFILE):
            add(rax, times.system)
        ret(i64(rax))

    @function(context="thread")
    def _read_thread(self, number: Keep[U32], times: Keep[Ptr[RunTimes]]) -> OrErrno[I64]:
        """Fill in `times` with those of the thread `number` of the process that runs, 0 for the one
        that runs. Returns 0 or -EINVAL."""
        process, result = keep(self.processes.current_process()), keep(I64)
        mov(result, -Errno.EINVAL)
        with process.lock.held():
            task = scratch(self.search.task_of(process, number))
            with if_(task != 0):
                self.scheduler.read_times(task.thread, times)
                xor(u32(result), u32(result))
        ret(result)

    @function(context="thread")
    def _read_process(self, number: Keep[U32], times: Keep[Ptr[RunTimes]]) -> OrErrno[I64]:
        """Fill in `times` with those of the process `number`, 0 for the one that runs. Returns 0 or
        -EINVAL."""
        task = self.processes.current()
        mov(eax, task.number)
        with if_(number == eax):
            xor(number, number)  # any of its threads may say so for itself
        with if_(number == 0):
            self.times.read(scratch(task.process), times)
            ret(0)
        process = keep(try_(self.processes.find(number), Errno.EINVAL))
        self.times.read(process, times)
        self.processes.drop(process)
        ret(0)
