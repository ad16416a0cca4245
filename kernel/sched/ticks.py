"""Turns that end by themselves."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.sched.preemption import Preemption
from kernel.sched.realtimelimit import RealTimeLimit
from kernel.sched.runqueue import IDLE_PRIORITY, UNLIMITED, USED_BY_TICK, RunQueue
from kernel.sched.thread import Interruption, Thread
from kernel.sched.threadtimes import ThreadTimes
from pykasm import *

TICK = 5_000_000
"""Nanoseconds between two looks at whose turn it is. A thread that does not block runs for one to
two of these before others of its priority do."""


class SchedulerTicks(Subsystem):
    """Each processor looks from time to time, but while it is idle, whether the thread that runs
    has had its turn and another one of its priority waits."""

    in_program = percpu(U32)
    """1 while an interrupt of a program is handled."""

    def __init__(
        self,
        preemption: Preemption,
        times: ThreadTimes,
        limit: RealTimeLimit,
        clock: Clock,
        timers: Timers,
    ) -> None:
        self.preemption = preemption
        self.limit = limit
        self.times = times
        self.clock = clock
        self.timers = timers

    @function(context="interrupt")
    def begin(self, queue: Ptr[RunQueue]) -> None:
        """Look from now on at this processor's `queue`, unless it is idle."""
        with if_(queue.priority != IDLE_PRIORITY):
            mov(queue.ticking, 1)
            tail(self._set_timer, queue)

    @function
    def _set_timer(self, queue: Keep[Ptr[RunQueue]]) -> None:
        """Have `tick` called at the next tick."""
        deadline = self.clock.now()
        add(deadline, TICK)
        tail(self.timers.arm, address_of(queue.tick), deadline)

    @function(context="interrupt")
    def tick(self, timer: Ptr[Timer]) -> None:
        """Count time to the turn of the thread that runs, and let the processor choose again if
        another one could run."""
        queue = keep(container_of(timer, RunQueue, "tick"))
        with if_(queue.priority == IDLE_PRIORITY):
            mov(queue.ticking, 0)
            ret()
        xor(eax, eax)  # `bsr` may leave it as it was
        bsr(eax, queue.ready)
        with if_(eax >= queue.priority):
            self.preemption.request()
        self._count(queue)
        self.limit.count(queue, TICK)
        tail(self._set_timer, queue)

    @function(context="interrupt")
    def _count(self, queue: Keep[Ptr[RunQueue]]) -> None:
        """Count the time of the thread that runs, and have it look what that means if it runs a
        program."""
        thread = keep(Ptr[Thread])
        with queue.lock.held_interrupts_off():
            mov(u64(thread), queue.running)
            self.times.attribute(queue, thread, TICK, self.in_program)
        with if_(thread.quantum != UNLIMITED):
            add(queue.used, USED_BY_TICK)
        with if_(thread.user != 0):
            lock.or_(thread.pending, Interruption.TICK)
