"""A load of threads that are created and end."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.sched.runqueue import BOOT_PRIORITY
from kernel.sched.sleep import Sleep
from kernel.selftest.load import Load
from kernel.selftest.random import Random
from kernel.selftest.threadpool import ThreadPool
from pykasm import *

LONGEST_SLEEP = (1 << 17) - 1
"""Nanoseconds."""

DETACHED = 1 << 30
"""Set in the choice of what a thread does if nobody joins it."""


class ThreadLoad(Load):
    """Each step makes a thread, which sleeps, yields or does nothing, and joins or detaches it."""

    name = "threads"
    STEPS = 1000

    begun = bss(U64)
    ended = bss(U64)

    def __init__(self, console: Console, pool: ThreadPool, sleep: Sleep) -> None:
        super().__init__(console, pool)
        self.scheduler = pool.scheduler
        self.threads = pool.threads
        self.sleep = sleep

    @function(sleeps=True)
    def prepare(self) -> Bool:
        """Reset the counts."""
        for number in (self.violations, self.begun, self.ended):
            mov(number, 0)
        ret(True)

    @function(sleeps=True)
    def step(self, random: Keep[Ptr[Random]]) -> None:
        """Create a thread, and join or detach it."""
        choice = keep(random.next())
        priority = u32(random.next())
        and_(priority, 3)
        add(priority, BOOT_PRIORITY - 2)
        thread = self.threads.create(text("short"), self._run_thread, choice, priority)
        with if_(thread == 0):
            ret()
        lock.inc(self.begun)
        with if_(choice & DETACHED):
            tail(self.threads.detach, thread)
        tail(self.threads.join, thread)

    @function(sleeps=True, context="thread")
    def _run_thread(self, choice: Keep[U64]) -> None:
        """Sleep, yield or do nothing, as `choice` says."""
        mov(eax, u32(choice))
        and_(eax, 3)
        with switch(eax):
            with case(0):
                self.scheduler.yield_now()
            with case(1):
                shr(choice, 2)
                and_(choice, LONGEST_SLEEP)
                self.sleep.sleep(choice)
            with default():
                pass
        lock.inc(self.ended)

    @function(sleeps=True)
    def finish(self) -> Bool:
        """Wait for the threads that nobody joined."""
        with loop():
            mov(rax, self.begun)
            break_if(rax == self.ended)
            self.sleep.sleep(LONGEST_SLEEP)
        tail(self.judge)
