"""A thread of the kernel."""

from __future__ import annotations

from enum import IntEnum

from kernel.locks.waitqueue import WaitQueue
from kernel.paging.space import Space
from kernel.sched.runqueue import RunQueue
from kernel.structures.list import ListHead
from pykasm import *

Entry = Fn[[U64], Void]
"""What a thread runs; the thread ends when it returns."""


class ThreadState(IntEnum):
    """What a thread is doing. `Thread.run_queue.lock` guards it, but for a thread's own changes."""

    BLOCKED = 0
    """It waits to be woken, or is on its way from the processor to do so."""
    READY = 1
    """It is in `run_queue`."""
    RUNNING = 2
    EXITED = 3


class Thread(Struct, align=64):
    """What the kernel knows of a thread. It lies at the upper end of the thread's stack.

    A thread is in one list at a time by `link`: a run queue while READY, and a wait queue, perhaps,
    while BLOCKED. It goes to no other processor's queue than `run_queue`, the one that it ran on
    last, while `stack_pointer` is 0, that is, before it has left that processor for good.
    """

    stack_pointer: U64
    """Where its registers are saved; 0 while a processor runs on its stack."""
    run_queue: Ptr[RunQueue]
    link: ListHead
    state: U32 = field(ThreadState)
    priority: U32
    pinned: U32
    """1 if it must stay on its processor."""
    wait_mode: U32
    """How it waits, in the words of the lock that it waits for."""
    used: U32
    """What it has used of its `runqueue.QUANTUM` before it was preempted last."""
    queue: Ptr[WaitQueue]
    """Where it waits, guarded by the lock of that; null if in no wait queue."""
    extended: U64
    """Where its x87, SSE and AVX registers are saved; 0 while it may use none (see
    `ExtendedState`)."""
    switches: U64
    """How often a processor turned to it."""
    name: Ptr[U8]
    """Outlives the thread."""
    entry: Entry
    argument: U64
    number: U64
    """Counted from 0 in the order of creation, never used twice."""
    listed: ListHead
    """In the list of all threads."""
    finished: WaitQueue
    """Who waits for its end."""
    space: Ptr[Space]
    """Whose lower half it sees; null for none, that is the kernel's. It sees its own changes of
    this at the next switch."""
    detached: U32
    """1 if nobody will join it: its memory is given back when it exits."""
