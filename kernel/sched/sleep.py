"""Threads that wait for a time."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import Nanoseconds
from kernel.locks.waitqueue import WaitQueue
from kernel.sched.thread import UNINTERRUPTIBLE
from kernel.sched.waiting import Waiting, WaitResult
from pykasm import *


class Sleep(Subsystem):
    """Waits that only time ends, or an interruption."""

    def __init__(self, waiting: Waiting, clock: Clock) -> None:
        self.waiting = waiting
        self.clock = clock

    @function(context="thread", sleeps=True)
    def sleep(self, nanoseconds: Nanoseconds) -> None:
        """Wait for at least `nanoseconds`; for ever if the clock ends before."""
        deadline = self.clock.after(nanoseconds)
        ignore(self.sleep_until(deadline, UNINTERRUPTIBLE), "nothing interrupts this")

    @function(context="thread", sleeps=True)
    def sleep_until(self, deadline: Keep[Nanoseconds], mode: Keep[U32]) -> OrErrno[I32]:
        """Wait until the clock has come to `deadline`, in nanoseconds, or for an interruption of
        `mode`: 0, or -EINTR."""
        result = keep(I32)
        queue = keep(Ptr[WaitQueue])
        lea(queue, local(WaitQueue))  # nobody knows it, so nobody wakes by it
        with unshared(queue):
            queue.prepare()
        with queue.lock.held():
            mov(result, self.waiting.wait_until(queue, deadline, mode))
        with if_(result == WaitResult.TIMED_OUT):
            ret(0)
        ret(result)
