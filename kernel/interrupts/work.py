"""What a handler leaves for later."""

from __future__ import annotations

from enum import IntEnum

from kernel.locks.waitqueue import WaitQueue
from kernel.structures.list import ListHead
from pykasm import *


class WorkState(IntEnum):
    """What is to become of a `Work`."""

    IDLE = 0
    """It is in no queue, and nobody does it."""
    WANTED = 1
    """It is in a queue, or goes there as soon as it has been done."""
    RUNNING = 2


class Work(Struct):
    """Something to be done once the interrupt is over. It belongs to whoever queues it, in whose
    data it lies for as long as it may be queued or done. Zeros with a handler are an idle one.

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
    """Who does the work of a processor. There is one at a time."""

    NOBODY = 0
    INTERRUPT = 1
    """The end of an interrupt."""
    THREAD = 2


class WorkQueue(Struct):
    """The work that a processor was given. It is for that processor alone, with interrupts off;
    others may read the counts."""

    items: ListHead
    waiting: U32
    """How many are in `items`."""
    performer: U32 = field(Performer)
    done: U64
    """How often work was done."""
    left: U64
    """How often some was left to the thread."""
    idle: WaitQueue
    """Where the thread waits for that."""
