"""Several threads at the same work, for tests."""

from __future__ import annotations

from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Entry, Thread
from kernel.threads.threads import BOOT_PRIORITY, Threads
from pykasm import *

CREW = 8
"""Threads that work together."""

MOST = 10_000
"""Members at a time."""


class ThreadPool(Subsystem):
    """Runs functions in many threads at a time. For one test at a time."""

    members = bss(Ptr[Thread] * MOST)
    count = bss(U64)
    """How many of those there are."""

    def __init__(self, scheduler: Scheduler, threads: Threads) -> None:
        self.scheduler = scheduler
        self.threads = threads

    @function(context="thread", sleeps=True)
    def work(self, entry: Entry) -> U32:
        """Let every one of `CREW` members call `entry` with its number, from 0 up, and wait for the
        end of all; 1, or 0 if memory did not do for all of them."""
        made = keep(self.recruit(entry, CREW, BOOT_PRIORITY, 0))
        self.join()
        ret(made)

    @function(context="thread")
    def recruit(
        self, entry: Keep[Entry], wanted: U64, priority: Keep[U32], pinned: Keep[U32]
    ) -> U32:
        """Let more members call `entry`, each with its number; 1, or 0 if memory did not do for all
        of them. Those that are `pinned` stay on this processor."""
        left = keep(wanted)
        with while_(left != 0):
            member = keep(self.threads.make(text("crew"), entry, self.count, priority))
            with if_(member == 0):
                ret(0)
            mov(member.pinned, pinned)
            self.admit(member)
            dec(left)
            release(member)
        ret(1)

    @function(context="thread")
    def admit(self, member: Ptr[Thread]) -> None:
        """Let a thread that was made and does not run yet be a member, and run."""
        mov(rcx, self.count)
        mov(self.members[rcx], member)
        inc(self.count)
        self.scheduler.start(member)

    @function(context="thread", sleeps=True)
    def join(self) -> None:
        """Wait for the end of all members."""
        with while_(self.count != 0):
            dec(self.count)
            mov(rcx, self.count)
            self.threads.join(self.members[rcx])
