"""Several threads at the same work, for tests."""

from __future__ import annotations

from kernel.threads.scheduler import Scheduler
from kernel.threads.thread import Entry, Thread
from kernel.threads.threads import BOOT_PRIORITY, Threads
from pykasm import *

CREW = 8
"""Threads that work together."""


class Crew(Subsystem):
    """Runs a function in `CREW` threads at a time. For one test at a time."""

    members = bss(Ptr[Thread] * CREW)

    def __init__(self, scheduler: Scheduler, threads: Threads) -> None:
        self.scheduler = scheduler
        self.threads = threads

    @function(context="thread", sleeps=True)
    def work(self, entry: Entry) -> U32:
        """Let every member call `entry` with its number, from 0 up, and wait for the end of all; 1,
        or 0 if memory did not do for all of them."""
        entry, number, made = keep(entry), keep(U64), keep(U32)
        mov(made, 1)
        with for_(number, 0, CREW):
            member = self.threads.create(text("crew"), entry, number, BOOT_PRIORITY)
            mov(self.members[number], member)
            with if_(member == 0):
                xor(made, made)
        with for_(number, 0, CREW):
            mov(rdi, self.members[number])
            with if_(rdi != 0):
                self.threads.join(cast(rdi, Ptr[Thread]))
        ret(made)
