"""A timer, and those that wait on one processor."""

from __future__ import annotations

from kernel.locks.spinlock import SpinLock
from kernel.structures.tree import Tree, TreeNode
from pykasm import *


class TimerQueue(Struct):
    """A processor's armed timers in the order of their deadlines; zeros are a queue of none."""

    lock: SpinLock
    count: U32
    """How many are armed."""
    timers: Tree = field(guarded_by="lock")
    running: Ptr[Timer]
    """The timer whose handler runs now, for those who wait for its end. The handler may have given
    the timer's memory back, so it is only compared."""


class Timer(Struct):
    """Something to be done at a time. It belongs to whoever arms it, in whose data it lies.

    Zeros with a handler are a timer that was never armed. All other fields are for `Timers`.
    """

    node: TreeNode
    """The key is the deadline, in nanoseconds of `Clock.now`."""
    handler: Fn[[Ptr[Timer]], Void]
    """Called with interrupts off, when the timer is armed no more: it may arm it again."""
    queue: Ptr[TimerQueue]
    """Where it is armed, or was armed last."""
    armed: U32

    def prepare(self, handler: object) -> None:
        """Make a timer that was never armed of memory that holds anything. Changes rax."""
        lea(rax, handler)
        mov(self.handler, rax)
        mov(self.queue, 0)
        mov(self.armed, 0)
