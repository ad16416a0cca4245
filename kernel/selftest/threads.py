"""Lives of threads, and the order in which they run."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC
from kernel.console.console import Console
from kernel.sched.runqueue import BOOT_PRIORITY
from kernel.sched.sleep import Sleep
from kernel.selftest.case import TestSuite, check
from kernel.selftest.threadpool import ThreadPool
from pykasm import *

FEW = 10
MANY = 1000
SLEEP_TIME = 2_000_000
TIMEOUT = 30 * NSEC_PER_SEC
"""Nanoseconds after which something that should have happened will not happen any more."""


class ThreadTests(TestSuite):
    """Needs memory for `MANY` stacks."""

    ran = bss(U64)
    going = bss(U32)
    """1 while the threads are to run."""

    def __init__(
        self,
        console: Console,
        pool: ThreadPool,
        sleep: Sleep,
        clock: Clock,
    ) -> None:
        self.console = console
        self.pool = pool
        self.scheduler = pool.scheduler
        self.threads = pool.threads
        self.sleep = sleep
        self.clock = clock
        self.tests = [
            check("threads.create_run_join", self.create_run_join),
            check("threads.urgent_first", self.urgent_first),
            check("threads.detach", self.detach),
            check("threads.take_turns_by_themselves", self.take_turns_by_themselves),
            check("threads.sleep", self.sleep_long_enough),
        ]

    @function(sleeps=True)
    def create_run_join(self) -> U32:
        """A thousand threads are there at once, run, and end."""
        mov(self.ran, 0)
        made = keep(self.pool.create(self._run_once, MANY, BOOT_PRIORITY, 0))
        self.pool.join()
        with if_(made & (self.ran == MANY)):
            ret(1)
        self.console.print("%u of %u ran: ", self.ran, MANY)
        ret(0)

    @function
    def _run_once(self, number: U64) -> None:
        """Count the thread."""
        lock.inc(self.ran)

    @function(sleeps=True)
    def urgent_first(self) -> U32:
        """A more urgent thread runs before its creator continues, unless that finds another
        processor."""
        mov(self.ran, 0)
        creator = keep(self.scheduler.current)
        mov(creator.pinned, 1)
        ignore(self.pool.create(self._run_once, 1, BOOT_PRIORITY + 1, 1))
        seen = keep(self.ran)  # before the join, which would let it run in any case
        mov(creator.pinned, 0)
        self.pool.join()
        with if_(seen == 1):
            ret(1)
        self.console.print("it did not run at once: ")
        ret(0)

    @function(sleeps=True)
    def detach(self) -> U32:
        """Detached threads run, and leave nothing."""
        before = keep(self.threads.count)
        mov(self.ran, 0)
        with for_(keep(U32), 0, FEW):
            thread = self.threads.create(text("alone"), self._run_once, 0, BOOT_PRIORITY + 1)
            with if_(thread != 0):
                self.threads.detach(thread)
        with while_(self.threads.count != before):
            self.scheduler.yield_now()
        with if_(self.ran == FEW):
            ret(1)
        self.console.print("%u of %u ran: ", self.ran, FEW)
        ret(0)

    @function(sleeps=True)
    def take_turns_by_themselves(self) -> U32:
        """Threads that never yield run in turn all the same."""
        mov(self.ran, 0)
        mov(self.going, 1)
        ignore(self.pool.create(self._run_without_yielding, 2, BOOT_PRIORITY, 0))
        start = keep(self.clock.now())
        with loop():
            now = self.clock.now()
            sub(now, start)
            mov(rcx, TIMEOUT)
            break_if((now > rcx) | (self.ran == 2))
        mov(self.going, 0)
        self.pool.join()
        with if_(self.ran == 2):
            ret(1)
        self.console.print("%u of 2 had a turn: ", self.ran)
        ret(0)

    @function
    def _run_without_yielding(self, number: U64) -> None:
        """Count the thread, and keep the processor busy until `going` is cleared."""
        lock.inc(self.ran)
        with while_(self.going != 0):
            pause()

    @function(sleeps=True)
    def sleep_long_enough(self) -> U32:
        """A sleeper wakes up after its time, not before, and others run meanwhile."""
        start, slept, ran = keep(self.clock.now()), keep(U64), keep(U64)
        mov(self.ran, 0)
        ignore(self.pool.create(self._run_once, 1, BOOT_PRIORITY - 1, 1))
        self.sleep.sleep(SLEEP_TIME)
        mov(slept, self.clock.now())
        sub(slept, start)
        with loop():
            mov(ran, self.ran)
            now = self.clock.now()
            sub(now, start)
            mov(rcx, TIMEOUT)
            break_if((ran == 1) | (now > rcx))  # the time is short on a host that is busy
            self.sleep.sleep(SLEEP_TIME)
        self.pool.join()
        with if_((slept >= SLEEP_TIME) & (ran == 1)):
            ret(1)
        self.console.print("slept %u ns of %u, %u ran: ", slept, SLEEP_TIME, ran)
        ret(0)
