"""Several threads at the same work, for tests."""

from __future__ import annotations

from kernel.sched.runqueue import BOOT_PRIORITY
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Entry, Thread
from kernel.threads.threads import Threads
from pykasm import *

THREADS = 8
"""Threads that work together."""

MOST_THREADS = 10_000
"""Threads at a time."""


class ThreadPool(Subsystem):
    """Runs functions in many threads at a time. For one test at a time."""

    running = bss(Owned[Ptr[Thread]] * MOST_THREADS)
    count = bss(U64)
    """How many of those there are."""

    def __init__(self, scheduler: Scheduler, threads: Threads) -> None:
        self.scheduler = scheduler
        self.threads = threads

    @function(context="thread", sleeps=True)
    def run(self, entry: Entry) -> Bool:
        """Run `THREADS` threads that call `entry` with their numbers, from 0 up, and wait for all
        of them. Return whether there was memory for that."""
        made = keep(self.create(entry, THREADS, BOOT_PRIORITY, 0))
        self.join()
        ret(made)

    @function(context="thread")
    def create(
        self, entry: Keep[Entry], wanted: U64, priority: Keep[U32], pinned: Keep[U32]
    ) -> Bool:
        """Add `wanted` threads that call `entry`, each with its number. Those that are `pinned`
        stay on this processor. Return whether there was memory for all."""
        left = keep(wanted)
        with while_(left != 0):
            thread = keep(self.threads.make(text("pool"), entry, self.count, priority))
            with if_(thread == 0):
                ret(False)
            mov(thread.pinned, pinned)
            self.add(thread)
            dec(left)
            release(thread)
        ret(True)

    @function(context="thread")
    def add(self, thread: Owned[Ptr[Thread]]) -> None:
        """Add a thread that was made and does not run yet, and start it."""
        mov(rcx, self.count)
        mov(self.running[rcx], thread)
        inc(self.count)
        self.scheduler.start(thread)

    @function(context="thread", sleeps=True)
    def join(self) -> None:
        """Wait until all threads have ended."""
        with while_(self.count != 0):
            dec(self.count)
            mov(rcx, self.count)
            self.threads.join(self.running[rcx])
