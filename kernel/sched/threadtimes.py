"""How the time is counted for which threads run."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import Nanoseconds
from kernel.sched.runqueue import RunQueue
from kernel.sched.thread import Thread
from pykasm import *


class ThreadTimes(Subsystem):
    """Counts up the `RunTimes` of the thread that runs. Context: interrupts off."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    @inline(changes=CALLER_SAVED)
    def count(self, queue: Ptr[RunQueue], thread: Ptr[Thread]) -> None:
        """Count what has passed since that was done last for `thread`, which `queue` runs. The
        lock of that is held; both are in kept registers."""
        now = self.clock.now()
        mov(rcx, now)
        sub(rcx, queue.since)
        mov(queue.since, now)
        add(thread.times.total, rcx)

    @function(context="interrupts off", holds="queue.lock")
    def attribute(
        self,
        queue: Keep[Ptr[RunQueue]],
        thread: Keep[Ptr[Thread]],
        span: Keep[Nanoseconds],
        is_user: Keep[U32],
    ) -> None:
        """Count, and note that a tick, of `span` nanoseconds, has found the program of `thread` at
        work, or if `is_user` is 0 the kernel. However late a tick is, it counts as one: what it
        finds tells little of the time before."""
        self.count(queue, thread)
        with if_(is_user == 0):
            add(thread.times.system, span)
            add(queue.system, span)
            ret()
        add(thread.times.user, span)
        with if_(thread.passes != 0):
            add(queue.nice, span)
        with else_():
            add(queue.user, span)
