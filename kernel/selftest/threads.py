"""Lives of threads, and the order in which they run."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.selftest.case import check, measure
from kernel.threads.scheduler import Scheduler
from kernel.threads.sleep import Sleep
from kernel.threads.thread import Thread
from kernel.threads.threads import BOOT_PRIORITY, Threads
from kernel.time.clock import Clock
from pykasm import *

FEW = 10
MANY = 1000
NAP = 2_000_000
PATIENCE = 2_000_000_000
"""Nanoseconds after which something that should have happened will not happen any more."""
CROWD = 10_000
"""Threads that wait while a switch is measured."""


class ThreadTests(Subsystem):
    """Needs memory for `MANY` stacks."""

    made = bss(Ptr[Thread] * CROWD)
    count = bss(U64)
    """How many of those there are."""
    ran = bss(U64)
    going = bss(U32)
    """1 while the partner of a benchmark is to go on."""

    def __init__(
        self,
        console: Console,
        scheduler: Scheduler,
        threads: Threads,
        sleep: Sleep,
        clock: Clock,
    ) -> None:
        self.console = console
        self.scheduler = scheduler
        self.threads = threads
        self.sleep = sleep
        self.clock = clock
        self.tests = [
            check("threads.create_run_join", self.create_run_join),
            check("threads.urgent_first", self.urgent_first),
            check("threads.detach", self.detach),
            check("threads.take_turns_by_themselves", self.take_turns_by_themselves),
            check("threads.sleep", self.sleep_long_enough),
        ]
        self.benchmarks = [
            measure("threads.yield", self.take_turns, 1000, self.prepare_partner, self.finish),
            measure(
                "threads.yield_in_a_crowd", self.take_turns, 1000, self.prepare_crowd, self.finish
            ),
            measure("threads.create_join", self.create_and_join, 100),
        ]

    # Tests

    @function(sleeps=True)
    def create_run_join(self) -> U32:
        """A thousand threads are there at once, run, and end."""
        mov(self.ran, 0)
        self.make(self.run_once, MANY, BOOT_PRIORITY)
        made = keep(self.count)
        self.join_all()
        with if_((made == MANY) & (self.ran == MANY)):
            ret(1)
        self.console.print("%u made, %u ran: ", made, self.ran)
        ret(0)

    @function
    def run_once(self, number: U64) -> None:
        """Count the thread."""
        lock.inc(self.ran)

    @function(sleeps=True)
    def urgent_first(self) -> U32:
        """A more urgent thread runs before its creator goes on."""
        mov(self.ran, 0)
        self.make(self.run_once, 1, BOOT_PRIORITY + 1)
        seen = keep(self.ran)
        self.join_all()
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
            thread = self.threads.create(text("alone"), self.run_once, 0, BOOT_PRIORITY + 1)
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
        self.make(self.run_without_yielding, 2, BOOT_PRIORITY)
        start = keep(self.clock.now())
        with loop():
            now = self.clock.now()
            sub(now, start)
            break_if((now > PATIENCE) | (self.ran == 2))
        mov(self.going, 0)
        self.join_all()
        with if_(self.ran == 2):
            ret(1)
        self.console.print("%u of 2 had a turn: ", self.ran)
        ret(0)

    @function
    def run_without_yielding(self, number: U64) -> None:
        """Count the thread, and keep the processor busy until told otherwise."""
        lock.inc(self.ran)
        with while_(self.going != 0):
            pause()

    @function(sleeps=True)
    def sleep_long_enough(self) -> U32:
        """A sleeper wakes up behind its time, not before, and others run meanwhile."""
        start, slept, ran = keep(self.clock.now()), keep(U64), keep(U64)
        mov(self.ran, 0)
        self.make(self.run_once, 1, BOOT_PRIORITY - 1)
        self.sleep.sleep(NAP)
        mov(slept, self.clock.now())
        sub(slept, start)
        with loop():
            mov(ran, self.ran)
            now = self.clock.now()
            sub(now, start)
            break_if((ran == 1) | (now > PATIENCE))  # a nap is short on a host that is busy
            self.sleep.sleep(NAP)
        self.join_all()
        with if_((slept >= NAP) & (ran == 1)):
            ret(1)
        self.console.print("slept %u ns of %u, %u ran: ", slept, NAP, ran)
        ret(0)

    @function(sleeps=True)
    def make(self, entry: Fn[[U64], Void], wanted: U64, priority: U32) -> None:
        """Create as many threads as are `wanted`, or as memory does for."""
        entry, wanted, priority = keep(entry), keep(wanted), keep(priority)
        mov(self.count, 0)
        with while_(self.count < wanted):
            thread = self.threads.create(text("one of many"), entry, self.count, priority)
            with if_(thread == 0):
                ret()
            mov(rcx, self.count)
            mov(self.made[rcx], thread)
            inc(self.count)

    @function(sleeps=True)
    def join_all(self) -> None:
        """Wait for the threads that `make` made."""
        with while_(self.count != 0):
            dec(self.count)
            mov(rcx, self.count)
            self.threads.join(self.made[rcx])

    # Benchmarks

    @function(sleeps=True)
    def prepare_partner(self) -> U32:
        """Make a thread that yields for ever."""
        mov(self.going, 1)
        self.make(self.go_on, 1, BOOT_PRIORITY)
        ret(u32(self.count))

    @function(sleeps=True)
    def prepare_crowd(self) -> U32:
        """The same among many that are ready, but less urgent."""
        mov(self.going, 1)
        self.make(self.run_once, CROWD - 1, BOOT_PRIORITY - 1)
        with if_(self.count != CROWD - 1):
            ret(0)
        thread = self.threads.create(text("partner"), self.go_on, 0, BOOT_PRIORITY)
        mov(rcx, self.count)
        mov(self.made[rcx], thread)
        with if_(thread == 0):
            ret(0)
        inc(self.count)
        ret(1)

    @function(sleeps=True)
    def finish(self) -> None:
        """Let all threads end."""
        mov(self.going, 0)
        tail(self.join_all)

    @function(sleeps=True)
    def go_on(self, number: U64) -> None:
        """Yield until told otherwise."""
        with while_(self.going != 0):
            self.scheduler.yield_now()

    @function(sleeps=True)
    def take_turns(self, count: U32) -> None:
        """Yield half as often as told: each time, the partner yields too."""
        left = keep(count)
        shr(left, 1)
        with while_(left != 0):
            dec(left)
            self.scheduler.yield_now()

    @function(sleeps=True)
    def create_and_join(self, count: U32) -> None:
        """Create a thread that does nothing, and join it."""
        left = keep(count)
        with while_(left != 0):
            dec(left)
            thread = self.threads.create(text("short"), self.run_once, 0, BOOT_PRIORITY)
            with if_(thread != 0):
                self.threads.join(thread)
