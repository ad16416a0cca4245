"""Blocking and waking, answered by tests."""

from __future__ import annotations

from kernel.interrupts.work import Work
from kernel.locks.waitqueue import WaitQueue
from pykasm import *


class FakeScheduler(Subsystem):
    """Runs one thread."""

    def preempt_if_due(self) -> None:
        """Nothing else wants to run."""


class FakeWaiting(Subsystem):
    """Does something for the tests while a thread waits, and counts who is woken."""

    woken = bss(U32)

    @function(holds="queue.lock")
    def wait(self, queue: Ptr[WaitQueue]) -> None:
        """Release the lock meanwhile, as `Waiting` does."""
        queue = keep(queue)
        queue.lock.release()
        self.meanwhile()
        queue.lock.acquire()

    @function
    def meanwhile(self) -> None:
        """Answered by the tests."""

    @function
    def wake_all(self, queue: Ptr[WaitQueue]) -> None:
        """Count."""
        inc(self.woken)


class FakeDeferred(Subsystem):
    """Remembers that there is work, which the tests do."""

    waiting = bss(Ptr[Work])

    @function
    def add(self, work: Ptr[Work]) -> None:
        """Remember."""
        mov(self.waiting, work)
