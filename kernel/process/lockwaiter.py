"""A thread that waits for a word, and then for a lock."""

from __future__ import annotations

from kernel.futex.futexwaiter import FutexWaiter
from kernel.process.task import PriorityWait
from pykasm import *


class LockWaiter(FutexWaiter):
    """One such wait, on the stack of its thread."""

    wait: PriorityWait
    """That for the lock; in no list before somebody has woken the other one."""
