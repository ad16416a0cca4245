"""The clock and the timers of the running kernel."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.clock.units import NSEC_PER_SEC
from kernel.console.console import Console
from kernel.cpu.interruptflag import interrupts_disabled
from kernel.mm.pages import Pages
from kernel.paging.addresses import direct
from kernel.selftest.case import BenchmarkSuite, TestSuite, check, measure
from kernel.time.calibration import Calibration
from kernel.time.refinement import TOLERABLE
from pykasm import *

READINGS = 10_000

THOUSAND = 1000
SPREAD = NSEC_PER_SEC // 200
"""Nanoseconds over which a test's timers are spread."""
TIMEOUT = 10 * NSEC_PER_SEC
"""Nanoseconds after which timers count as lost."""
FAR = 1 << 62
"""Nanoseconds from the start to a deadline that never comes."""

MULTIPLIER = 6_364_136_223_846_793_005
"""Of a generator of numbers that look random (Knuth, TAOCP vol. 2, 3.3.4)."""

FEW, MANY = 10, 10_000
SPARES = 1000
"""Timers to be armed and cancelled, one after the other: where each comes to be in the tree depends
on its address, so that one alone would measure chance."""
ORDER = 8
"""Of the block of pages that MANY timers fit into."""
assert sizeof(Timer * (MANY + SPARES)) <= 4096 << ORDER


class TimeTests(TestSuite, BenchmarkSuite):
    """Timers by the thousand, in memory from the page allocator."""

    block = bss(Owned[U64])
    """The physical address of the timers' memory."""
    first = bss(Ptr[Timer])
    made = bss(U32)
    """How many there are."""
    spare = bss(Ptr[Timer])
    """The first of `SPARES`, which are armed and cancelled to measure that."""
    middle = bss(U64)
    """A deadline that half of the others have before it."""
    called = bss(U32)
    """How many handlers have run."""
    early = bss(U32)
    """How many ran before their time."""
    disordered = bss(U32)
    """How many ran after one with a later deadline."""
    latest = bss(U64)
    """The latest deadline of those that ran."""

    def __init__(
        self,
        console: Console,
        clock: Clock,
        calibration: Calibration,
        timers: Timers,
        pages: Pages,
    ) -> None:
        self.console = console
        self.clock = clock
        self.calibration = calibration
        self.timers = timers
        self.pages = pages
        self.tests = [
            check("time.clock_rises", self.clock_rises),
            check("time.clock_agrees_with_reference", self.clock_agrees),
            check("time.timers_by_the_thousand", self.thousand),
            check("time.cancelled_timers_stay_silent", self.half),
        ]
        self.benchmarks = [
            measure("time.now", self.read_clock),
            measure(
                f"time.arm_and_cancel_among_{FEW}",
                self.arm_and_cancel,
                SPARES,
                prepare=self.prepare_few,
                finish=self.finish,
            ),
            measure(
                f"time.arm_and_cancel_among_{MANY}",
                self.arm_and_cancel,
                SPARES,
                prepare=self.prepare_many,
                finish=self.finish,
            ),
        ]

    # The clock

    @function
    def clock_rises(self) -> U32:
        """The clock never shows less than it did before."""
        last = keep(U64)
        xor(last, last)
        with for_(keep(U32), 0, READINGS):
            now = self.clock.now()
            with if_(now < last):
                self.console.print("%u after %u: ", now, last)
                ret(0)
            mov(last, now)
        ret(1)

    @function
    def clock_agrees(self) -> U32:
        """The clock's rate is what the reference says, as far as both errors allow, or nearly."""
        with interrupts_disabled():
            self.calibration.refine()
        with if_(self.calibration.deviation <= TOLERABLE):
            ret(1)
        self.console.print("off by %u ppb: ", self.calibration.deviation)
        ret(0)

    # Timers

    @function
    def thousand(self) -> U32:
        """A thousand timers go off in order, none before its time."""
        ready = self._make(THOUSAND)
        with if_(~ready):
            ret(0)
        self._arm_all(THOUSAND)
        self._wait_for(THOUSAND)
        self.finish()
        tail(self._judge, THOUSAND)

    @function
    def half(self) -> U32:
        """Of a thousand timers, those that are cancelled in time are not called."""
        cancelled, timer, last = keep(U32), keep(Ptr[Timer]), keep(Ptr[Timer])
        ready = self._make(THOUSAND)
        with if_(~ready):
            ret(0)
        self._arm_all(THOUSAND)
        xor(cancelled, cancelled)
        mov(timer, self.first)
        lea(last, timer[THOUSAND])
        with while_(timer < last):
            add(cancelled, self.timers.cancel_and_wait(timer))  # those that were in time
            add(timer, 2 * sizeof(Timer))
        neg(cancelled)
        add(cancelled, THOUSAND)
        self._wait_for(cancelled)
        self.finish()
        tail(self._judge, cancelled)

    @function
    def _make(self, count: Keep[U32]) -> Bool:
        """Allocate and initialize `count` timers. Return whether there was memory."""
        timer = keep(Ptr[Timer])
        mov(self.made, count)
        mov(self.called, 0)
        mov(self.early, 0)
        mov(self.disordered, 0)
        mov(self.latest, 0)
        mov(self.block, self.pages.allocate(ORDER))
        with if_(self.block == 0):
            self.console.print("no memory: ")
            ret(False)
        mov(u64(timer), self.block)
        direct(u64(timer))
        mov(self.first, timer)
        with while_(count != 0):
            timer.prepare(address_of(self._note))
            add(timer, sizeof(Timer))
            dec(count)
        ret(True)

    @function
    def _arm_all(self, count: Keep[U32]) -> None:
        """Arm the timers over the next SPREAD nanoseconds, in no order."""
        timer, random, now = keep(self.first), keep(U64), keep(U64)
        mov(now, self.clock.now())
        mov(random, now)
        # Uninterrupted, or some would be late already, and come after later ones.
        with interrupts_disabled(), while_(count != 0):
            mov(rax, MULTIPLIER)
            imul(random, rax)
            inc(random)
            mov(eax, SPREAD)
            mul(random)  # rdx: a fraction of SPREAD, as `random` is of 2**64
            add(rdx, now)
            self.timers.arm(timer, rdx)
            add(timer, sizeof(Timer))
            dec(count)

    @function(context="interrupt")
    def _note(self, timer: Keep[Ptr[Timer]]) -> None:
        """Handle a timer: check that its time has come, after the one before it."""
        now = self.clock.now()
        deadline = scratch(timer.node.key)
        with if_(now < deadline):
            lock.inc(self.early)
        with if_(deadline < self.latest):
            lock.inc(self.disordered)
        mov(self.latest, deadline)  # timers of one processor expire one after the other
        lock.inc(self.called)

    @function
    def _wait_for(self, count: Keep[U32]) -> None:
        """Wait until `count` handlers have run, for TIMEOUT nanoseconds at most."""
        end = keep(self.clock.now())
        mov(rax, TIMEOUT)
        add(end, rax)
        with while_(self.called < count):
            pause()
            now = self.clock.now()
            break_if(now > end)

    @function
    def _judge(self, count: U32) -> U32:
        """Return PASSED if `count` handlers ran, in order and in time, else FAILED."""
        with if_((self.called == count) & (self.early == 0) & (self.disordered == 0)):
            ret(1)
        self.console.print(
            "%u of %u called, %u early, %u out of order: ",
            self.called,
            count,
            self.early,
            self.disordered,
        )
        ret(0)

    @function
    def finish(self) -> None:
        """Disarm all timers and free their memory."""
        timer, left = keep(self.first), keep(U32)
        with if_(self.block == 0):
            ret()
        with for_(left, 0, self.made):
            ignore(self.timers.cancel_and_wait(timer))
            add(timer, sizeof(Timer))
        self.pages.free(self.block, ORDER)

    # Measurements

    @function
    def read_clock(self, count: Keep[U32]) -> None:
        """Read the clock."""
        with while_(count != 0):
            ignore(self.clock.now())
            dec(count)

    @function
    def arm_and_cancel(self, count: Keep[U32]) -> None:
        """Arm each of the spare timers in the middle of all others, and cancel it."""
        timer, deadline = keep(self.spare), keep(self.middle)
        with while_(count != 0):
            self.timers.arm(timer, deadline)
            ignore(self.timers.cancel(timer))
            add(timer, sizeof(Timer))
            dec(count)

    @function
    def prepare_few(self) -> Bool:
        """Prepare `arm_and_cancel` beside FEW other timers."""
        tail(self.prepare, FEW)

    @function
    def prepare_many(self) -> Bool:
        """Prepare `arm_and_cancel` beside MANY other timers."""
        tail(self.prepare, MANY)

    @function
    def prepare(self, count: Keep[U32]) -> Bool:
        """Arm `count` timers but one for times that never come, each later than the one before.
        Make `SPARES` more."""
        timer, deadline = keep(Ptr[Timer]), keep(U64)
        mov(eax, count)
        add(eax, SPARES)
        ready = self._make(eax)
        with if_(~ready):
            ret(False)
        mov(timer, self.first)
        mov(deadline, FAR)
        mov(eax, count)
        shr(rax, 1)
        add(rax, deadline)
        mov(self.middle, rax)
        dec(count)
        with while_(count != 0):
            self.timers.arm(timer, deadline)
            inc(deadline)
            add(timer, sizeof(Timer))
            dec(count)
        mov(self.spare, timer)
        ret(True)
