"""Threads that wait for the same thing."""

from __future__ import annotations

from typing import Any

from kernel.locks.spinlock import SpinLock
from kernel.structures.list import ListHead
from pykasm import *


class WaitQueue(Struct):
    """Links of blocked threads, the one that came first in front. Zero is an empty queue.

    `lock` also guards what they wait for, so that nothing is missed between looking and waiting:
    `Waiting` has the functions that sleep and wake. Who is woken may run before the waker has
    released `lock`: so what the queue lies in is not freed, or left on a stack, by a thread that
    knows of its waking alone, unless that has held `lock` since.
    """

    lock: SpinLock
    waiters: ListHead = field(guarded_by="lock")
    """All zero as long as nobody has ever waited."""

    def is_empty(self) -> Any:
        """The condition that nobody waits. Computes with rax; the lock is held."""
        lea(rax, self.waiters)
        return (self.waiters.next == 0) | (self.waiters.next == rax)
