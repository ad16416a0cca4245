"""Threads that wait for the same thing."""

from __future__ import annotations

from kernel.locks.spinlock import SpinLock
from kernel.structures.list import ListHead
from pykasm import *


class WaitQueue(Struct):
    """The waits of threads, the one that began first in front. Zero is an empty queue.

    `lock` also guards what they wait for, so that nothing is missed between looking and waiting:
    `Waiting` has the functions that wait and wake.
    """

    lock: SpinLock
    waiters: ListHead = field(guarded_by="lock", elements="WaitEntry.link")
    """Of `WaitEntry`. All zero as long as nobody has ever waited."""

    @inline
    def prepare(self) -> None:
        """Make an empty queue of memory that holds anything and that nobody else knows."""
        mov(self.lock.next_ticket, 0)
        mov(self.lock.now_serving, 0)
        mov(self.waiters.next, 0)

    @inline(changes=rax)
    def is_empty(self) -> Condition:
        """Return the condition that nobody waits. Context: the lock is held."""
        lea(rax, self.waiters)
        return (self.waiters.next == 0) | (self.waiters.next == rax)
