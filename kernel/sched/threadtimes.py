"""How the time is counted for which threads run."""

from __future__ import annotations

from kernel.clock.clock import Clock
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
        self, queue: Keep[Ptr[RunQueue]], thread: Keep[Ptr[Thread]], is_user: Keep[U32]
    ) -> None:
        """Count, and take all that has come since this was done last for a program's own time, or
        if `is_user` is 0 for the kernel's."""
        self.count(queue, thread)
        mov(rax, thread.times.total)
        sub(rax, thread.times.user)
        sub(rax, thread.times.system)
        with if_(is_user != 0):
            add(thread.times.user, rax)
        with else_():
            add(thread.times.system, rax)
