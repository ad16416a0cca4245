"""Timers, and the queue of those that are armed on a processor."""

from __future__ import annotations

from kernel.locks.spinlock import SpinLock
from kernel.structures.tree import Tree, TreeNode
from pykasm import *


class TimerQueue(Struct):
    """A processor's armed timers in the order of their deadlines; zeros are an empty queue."""

    lock: SpinLock
    count: U32
    """The number of armed timers."""
    timers: Tree = field(guarded_by="lock", elements="Timer.node")
    running: Ptr[Timer]
    """The timer whose handler runs now, for threads that wait until it returns. The handler may
    have freed the timer, so the pointer is only compared."""


class Timer(Struct):
    """A timer: a function to be called at a time. It is part of the data of its owner, who arms it.

    Zeros with a handler are a timer that was never armed. The other fields belong to `Timers`.
    """

    node: TreeNode
    """The key is the deadline, in nanoseconds of `Clock.now`."""
    handler: TimerHandler
    queue: Ptr[TimerQueue]
    """The queue in which it is armed, or was armed last."""
    armed: U32
    """Whether it is armed: 1 or 0."""

    @inline(changes=rax)
    def prepare(self, handler: TimerHandler) -> None:
        """Initialize memory as a timer that was never armed."""
        mov(rax, handler)
        mov(self.handler, rax)
        mov(self.queue, 0)
        mov(self.armed, 0)


class TimerHandler(Fn[[Ptr[Timer]], Void], context="interrupt"):
    """Called with interrupts off, after the timer is disarmed: it may arm it again."""
