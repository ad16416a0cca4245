"""Work that a handler defers."""

from __future__ import annotations

from enum import IntEnum

from kernel.locks.waitqueue import WaitQueue
from kernel.structures.list import ListHead
from pykasm import *


class WorkState(IntEnum):
    """The states of a `Work`."""

    IDLE = 0
    """It is in no queue and not running."""
    WANTED = 1
    """It is in a queue, or will be as soon as it has run."""
    RUNNING = 2


class Work(Struct):
    """Something to be done once the interrupt is over. It lies in the data of the driver that
    queues it, for as long as it may be queued or run. Zeros with a handler are an idle one.

    However often it is queued before it runs, it runs once; if it is queued while it runs, it runs
    once more. It never runs on two processors at a time.
    """

    link: ListHead
    handler: WorkHandler
    state: U32 = field(WorkState)
    """Changed by atomic instructions alone."""


class WorkHandler(Fn[[Ptr[Work]], Void], context="deferred"):
    """Called with interrupts on. The thread keeps its processor, and nothing sleeps."""


class Performer(IntEnum):
    """What does the work of a processor, one at a time."""

    NOBODY = 0
    INTERRUPT = 1
    """The end of an interrupt."""
    THREAD = 2


class WorkQueue(Struct):
    """The deferred work of a processor. Used by that processor alone, with interrupts off; others
    may read the counts."""

    items: ListHead = field(elements="Work.link")
    waiting: U32
    """The number of `items`."""
    performer: U32 = field(Performer)
    done: U64
    """The number of times that work was done."""
    left: U64
    """The number of times that some was left to the thread."""
    idle: WaitQueue
    """The queue in which the thread waits for that."""
