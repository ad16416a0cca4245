"""Blocking and waking, answered by tests."""

from __future__ import annotations

from kernel.interrupts.work import Work
from kernel.locks.waitqueue import WaitQueue
from pykasm import *


class FakeScheduler(Subsystem):
    """Blocks as the tests say."""

    @function
    def block(self) -> None:
        """Answered by the tests."""

    def preempt_if_due(self) -> None:
        """Nothing else wants to run."""


class FakeWaiting(Subsystem):
    """Counts who waits, and wakes nobody."""

    waiting = bss(U32)
    woken = bss(U32)

    @function
    def enqueue(self, queue: Ptr[WaitQueue]) -> None:
        """Count."""
        inc(self.waiting)

    @function
    def wake_all(self, queue: Ptr[WaitQueue]) -> None:
        """Count."""
        mov(eax, self.waiting)
        add(self.woken, eax)
        mov(self.waiting, 0)


class FakeDeferred(Subsystem):
    """Remembers that there is work, which the tests do."""

    waiting = bss(Ptr[Work])

    @function
    def add(self, work: Ptr[Work]) -> None:
        """Remember."""
        mov(self.waiting, work)
