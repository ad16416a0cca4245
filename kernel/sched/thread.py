"""A thread of the kernel."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.locks.waitqueue import WaitQueue
from kernel.paging.space import Space
from kernel.sched.runqueue import PROCESSOR_WORDS, RunQueue
from kernel.sched.runtimes import RunTimes
from kernel.sched.userstate import UserState
from kernel.structures.list import ListHead
from kernel.text.textbuffer import TextBuffer
from pykasm import *


class Entry(Fn[[U64], Void], context="thread"):
    """What a thread runs; the thread ends when it returns."""


class ThreadState(IntEnum):
    """What a thread is doing. `Thread.run_queue.lock` guards it, but for a thread's own changes."""

    BLOCKED = 0
    """It is to be made ready by others, as it waits or has not begun. Its processor may still be on
    the way from it, with interrupts off."""
    READY = 1
    """It is in `run_queue`."""
    RUNNING = 2
    EXITED = 3


class Interruption(IntFlag):
    """What may end a wait, beside that it was waited for."""

    KILL = 1 << 0
    """The thread is to end."""
    SIGNAL = 1 << 1
    """A signal that is handled, or that ends the program."""
    TIMEOUT = 1 << 2
    """The time is over; only `Waiting` sets and clears it."""
    DAY = 1 << 5
    """The time of day was set. Ends waits for a time of day alone."""
    MOVE = 1 << 4
    """The processors that it may run on have changed. Ends no wait."""
    RESTART = 1 << 6
    """It has lost its processor: its program gives up what it does without an interruption. Ends no
    wait."""
    MEMORY = 1 << 7
    """It has wanted memory when there was none. Ends no wait."""
    DUMP = 1 << 8
    """It is to leave the memory of its process in a file, and to end then. Ends no wait."""
    TICK = 1 << 3
    """A tick came while it ran a program: its processor time has gone on. Ends no wait."""


UNINTERRUPTIBLE = Interruption(0)
KILLABLE = Interruption.KILL
INTERRUPTIBLE = Interruption.KILL | Interruption.SIGNAL
"""The modes of a wait: which interruptions end it."""


class Thread(Struct, align=64):
    """What the kernel knows of a thread. It lies at the upper end of the thread's stack.

    While READY it is in a run queue by `link`. It goes to no other processor's queue than
    `run_queue`, the one that it ran on last, while `stack_pointer` is 0, that is, before it has
    left that processor for good.
    """

    stack_pointer: U64
    """Where its registers are saved; 0 while a processor runs on its stack."""
    run_queue: Ptr[RunQueue]
    link: ListHead
    """Its next is null while it is READY and in no list, as it comes to another processor."""
    state: U32 = field(ThreadState, written_by=("Scheduler", "Waiting", "Threads"))
    priority: U32
    """That by which it runs: the higher one of the two below."""
    own_priority: U32
    """What it is given."""
    inherited_priority: U32
    """The highest one of those who wait for it; 0 for none."""
    pinned: U32
    """1 if it must stay on its processor."""
    lock_mode: U32
    """How it wants the lock that it waits for, in the words of that."""
    wait_mode: U32 = field(Interruption, written_by="Waiting")
    """What ends the wait that it is in; 0 while it is in none. Only the thread changes it."""
    pending: U32 = field(
        Interruption,
        written_by=("Waiting", "SchedulerTicks", "Scheduler", "MemoryBarriers", "MemoryKiller"),
    )
    """What was to end a wait of it and is not dealt with yet. Changed by atomic instructions."""
    used: U32
    """What it has used of its `quantum` before it was preempted last."""
    quantum: U32
    """What it may use before others of its priority run; UNLIMITED, if these wait for ever."""
    passes: U32
    """How often others of its priority go first after each turn of it."""
    restarts: U32
    """`Interruption.RESTART` if that becomes pending whenever it leaves its processor; else 0."""
    passes_left: U32
    """How often they still do before its next turn."""
    allowed: Array[U64] = field(count=PROCESSOR_WORDS)
    """The set of processors that it may run on, by their numbers."""
    extended: Owned[U64]
    """Where its x87, SSE and AVX registers are saved; 0 while it may use none (see
    `ExtendedState`)."""
    switches: U64
    """How often a processor turned to it."""
    times: RunTimes = field(guarded_by="RunQueue.lock")
    """For how long it has run, but for what has passed since its processor counted last."""
    faults: U64
    """How many page faults it had."""
    waits: U64
    """How often it left its processor to wait."""
    preemptions: U64
    """How often it had to leave it, or did so though it was ready."""
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
    recovery: U64
    """Where the kernel goes on after a fault at an address of the program, instead of a panic; 0
    for nowhere."""
    user: OrNull[Ptr[UserState]]
    """Its other half, which runs a program; null if it runs none."""
    space: OrNull[Ptr[Space]]
    """Whose lower half it sees; null for none, that is the kernel's. It sees its own changes of
    this at the next switch."""
    text: OrNull[Ptr[TextBuffer]]
    """Where a text is that it makes for a file."""
    detached: U32
    """1 if nobody will join it: its memory is given back when it exits."""
