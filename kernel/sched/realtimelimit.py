"""How much of a processor urgent threads may have."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.sched.preemption import Preemption
from kernel.sched.runqueue import (
    ALL_PRIORITIES,
    BOOT_PRIORITY,
    IDLE_PRIORITY,
    USUAL_PRIORITIES,
    RunQueue,
)
from pykasm import *

MICROSECOND = 1000
"""In nanoseconds."""

PERIOD, RUNTIME = 1_000_000, 950_000
"""Microseconds, if nobody has set them (sched(7), sched_rt_period_us and sched_rt_runtime_us)."""

WITHOUT_LIMIT = -1
"""The runtime where there is none."""


class RealTimeLimit(Subsystem):
    """Leaves others something of a processor that threads of real-time policies would have for
    themselves, so that who has made one that never waits can still end it (sched(7), limiting the
    CPU usage of real-time processes).

    Ticks count for how long they run in a period. When that is the runtime, and others wait, they
    are not chosen until the period ends, or until no other thread wants the processor.
    """

    period = data(I64, PERIOD)
    runtime = data(I64, RUNTIME)
    """In microseconds; the other at least 1, this at most as much, or WITHOUT_LIMIT."""

    def __init__(self, preemption: Preemption, clock: Clock) -> None:
        self.preemption = preemption
        self.clock = clock

    @function(context="interrupt")
    def count(self, queue: Keep[Ptr[RunQueue]], span: Keep[U64]) -> None:
        """Count `span` nanoseconds, those since the last tick, to the thread that runs on the
        processor of `queue`, this one, and have it choose again if that should make a
        difference."""
        now = self.clock.now()
        with if_(now >= queue.period_end):
            self._begin_period(queue, now)
        with if_(queue.priority <= BOOT_PRIORITY):
            ret()
        add(queue.urgent, span)
        runtime = scratch(self.runtime)
        imul(runtime, runtime, MICROSECOND)
        with if_((runtime < 0) | (queue.urgent < u64(runtime))):
            ret()
        with if_((queue.ready & USUAL_PRIORITIES) == 0):
            ret()
        mov(queue.eligible, USUAL_PRIORITIES | 1 << IDLE_PRIORITY)
        self.preemption.request()

    @function(context="interrupt")
    def _begin_period(self, queue: Ptr[RunQueue], now: U64) -> None:
        """Begin a period of `queue`, in which all threads may be chosen."""
        queue, end = scratch(queue), scratch(self.period)
        imul(end, end, MICROSECOND)
        add(end, now)
        mov(queue.period_end, u64(end))
        mov(queue.urgent, 0)
        with if_(queue.eligible != ALL_PRIORITIES):
            mov(queue.eligible, ALL_PRIORITIES)
            self.preemption.request()
