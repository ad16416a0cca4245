"""Extended registers of several threads at a time."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.console.console import Console
from kernel.cpu.control import Cr0
from kernel.sched.runqueue import BOOT_PRIORITY
from kernel.sched.thread import Entry, Thread
from kernel.sched.xstate import INITIAL_CONTROL, INITIAL_MXCSR, StateComponent
from kernel.selftest.case import BenchmarkSuite, Outcome, TestSuite, check, measure
from kernel.selftest.threadpool import THREADS, ThreadPool
from kernel.threads.threads import Threads
from pykasm import *
from pykasm.lang import registers

REGISTERS = 16
"""xmm0 to xmm15, or ymm0 to ymm15."""
XMM, YMM = 16, 32
"""Bytes of each."""
ROUNDS = 50
SWITCHES = 3
"""So often each thread has to lose its processor without asking for it."""
TIMEOUT = 2_000_000_000
"""Nanoseconds after which none waits for that any more."""
ROUNDING = 3
"""Mask for the kinds of rounding, and where control words have it (AMD64 APM vol. 1, 4.2.2 and
6.2.4)."""
ROUNDING_IN_MXCSR = 13
ROUNDING_IN_CONTROL = 10


class Values(Struct, align=8):
    """What is in the registers."""

    vectors: Array[U64] = field(count=REGISTERS * YMM // sizeof(U64))
    integer: U64
    """The x87 register that is in use, if any is."""
    mxcsr: U32
    control: U16
    unused: U16


class ExtendedStateTests(TestSuite, BenchmarkSuite):
    """Each thread of the pool has values of its own in the registers, and finds them again."""

    wanted = bss(Values * THREADS)
    found = bss(Values * THREADS)
    wrong = bss(U64)
    """How often something else was found, or a thread had no memory for registers."""
    going = bss(U32)
    """1 while the partner of the benchmark is to go on."""
    partner = bss(Owned[Ptr[Thread]])

    def __init__(self, console: Console, pool: ThreadPool, threads: Threads, clock: Clock) -> None:
        self.console = console
        self.pool = pool
        self.scheduler = pool.scheduler
        self.extended = pool.scheduler.extended
        self.threads = threads
        self.areas = threads.areas
        self.clock = clock
        self.tests = [
            check("xstate.yield", self.try_yielding),
            check("xstate.preempt", self.try_preemption),
            check("xstate.not_asked", self.try_not_asked),
        ]
        self.benchmarks = [
            measure("xstate.yield", self.take_turns, 1000, self.prepare, self.finish),
        ]

    # Tests

    @function(sleeps=True)
    def try_yielding(self) -> U32:
        """Values stay where others run in between."""
        tail(self.run, address_of(self._keep_yielding))

    @function(sleeps=True)
    def try_preemption(self) -> U32:
        """Values stay where the thread did not ask others to run."""
        tail(self.run, address_of(self._keep_busy))

    @function(sleeps=True)
    def run(self, entry: Entry) -> U32:
        """Run the threads. Return PASSED if all of them found their values."""
        mov(self.wrong, 0)
        made = self.pool.run(entry)
        with if_(~made):
            self.console.print("no memory for threads: ")
            ret(0)
        with if_(self.wrong == 0):
            ret(1)
        self.console.print("%u times other values: ", self.wrong)
        ret(0)

    @function(sleeps=True)
    def try_not_asked(self) -> U32:
        """A thread that has not asked has no registers, even after threads that have."""
        outcome = self.run(address_of(self._keep_yielding))
        with if_(outcome != Outcome.PASSED):
            ret(outcome)
        current = scratch(self.scheduler.current)
        mov(rcx, cr0)
        with if_((current.extended == 0) & (rcx & Cr0.TS)):
            ret(1)
        self.console.print("there are some: ")
        ret(0)

    # Threads of the pool

    @function(sleeps=True, context="thread")
    def _keep_yielding(self, number: Keep[U64]) -> None:
        """Look at the registers each time after others ran."""
        ready = self.begin(number)
        with if_(~ready):
            ret()
        with for_(keep(U32), 0, ROUNDS):
            self.scheduler.yield_now()
            self._look(number)

    @function(sleeps=True, context="thread")
    def _keep_busy(self, number: Keep[U64]) -> None:
        """Look at the registers without yielding, until preemption has run others often enough."""
        end, enough = keep(U64), keep(U64)
        ready = self.begin(number)
        with if_(~ready):
            ret()
        current = scratch(self.scheduler.current)
        mov(enough, current.switches)
        add(enough, SWITCHES)
        mov(end, self.clock.now())
        add(end, TIMEOUT)
        with loop():
            self._look(number)
            current = scratch(self.scheduler.current)
            break_if(current.switches >= enough)
            now = self.clock.now()
            break_if(now > end)

    @function
    def begin(self, number: Keep[U64]) -> Bool:
        """Ask for registers, check that nobody else's values are in them, and fill them. Return
        whether there was memory."""
        refused = self.areas.use(self.scheduler.current)
        with if_(refused != 0):
            lock.inc(self.wrong)
            ret(False)
        self._expect_none(number)
        self._store(number)
        self._compare(number)
        self._choose(number)
        self.load(number)
        ret(True)

    @function
    def _look(self, number: Keep[U64]) -> None:
        """Count a mistake if the registers of thread `number` have other values than they
        should."""
        contents = scratch(Ptr[Values])
        point_at(contents, self.found, number)
        fistp(contents.integer)  # x87 has no store that leaves a 64-bit integer on its stack
        fild(contents.integer)
        self._store(number)
        tail(self._compare, number)

    # Values

    @function
    def _expect_none(self, number: U64) -> None:
        """Store what a reset leaves as the values that are wanted."""
        wanted, found = scratch(Ptr[Values]), scratch(Ptr[Values])
        point_at(wanted, self.wanted, number)
        point_at(found, self.found, number)
        xor(eax, eax)
        for contents in (wanted, found):
            for offset in range(0, sizeof(Values), sizeof(U64)):
                mov(u64[u64(contents) + offset], rax)
        mov(wanted.control, INITIAL_CONTROL)
        mov(wanted.mxcsr, INITIAL_MXCSR)

    @function
    def _choose(self, number: U64) -> None:
        """Store values that no other thread has as those that are wanted."""
        wanted = scratch(Ptr[Values])
        point_at(wanted, self.wanted, number)
        mov(rax, number)
        shl(rax, 32)
        for index in range(REGISTERS * XMM // sizeof(U64)):
            inc(rax)
            mov(wanted.vectors[index], rax)
        with if_(self._has_avx()):
            for index in range(REGISTERS * XMM // sizeof(U64), REGISTERS * YMM // sizeof(U64)):
                inc(rax)
                mov(wanted.vectors[index], rax)
        inc(rax)
        mov(wanted.integer, rax)
        and_(number, ROUNDING)
        mov(rax, number)
        shl(eax, ROUNDING_IN_MXCSR)
        or_(wanted.mxcsr, eax)
        mov(rax, number)
        shl(eax, ROUNDING_IN_CONTROL)
        or_(wanted.control, ax)

    @inline
    def _has_avx(self) -> Condition:
        """Return the condition that the registers have `YMM` bytes."""
        return self.extended.mask & StateComponent.AVX

    @function
    def load(self, number: U64) -> None:
        """Load the registers with the values that thread `number` wants."""
        wanted = scratch(Ptr[Values])
        point_at(wanted, self.wanted, number)
        fldcw(wanted.control)
        ldmxcsr(wanted.mxcsr)
        fild(wanted.integer)
        with if_(self._has_avx()):
            for index in range(REGISTERS):
                vmovdqu(getattr(registers, f"ymm{index}"), bare[u64(wanted) + index * YMM])
        with else_():
            for index in range(REGISTERS):
                movdqu(getattr(registers, f"xmm{index}"), bare[u64(wanted) + index * XMM])

    @function
    def _store(self, number: U64) -> None:
        """Store the registers but the x87 ones in `found`."""
        found = scratch(Ptr[Values])
        point_at(found, self.found, number)
        fnstcw(found.control)
        stmxcsr(found.mxcsr)
        with if_(self._has_avx()):
            for index in range(REGISTERS):
                vmovdqu(bare[u64(found) + index * YMM], getattr(registers, f"ymm{index}"))
        with else_():
            for index in range(REGISTERS):
                movdqu(bare[u64(found) + index * XMM], getattr(registers, f"xmm{index}"))

    @function
    def _compare(self, number: U64) -> None:
        """Count a mistake if the values found differ from those that are wanted."""
        wanted, found = scratch(Ptr[Values]), scratch(Ptr[Values])
        point_at(wanted, self.wanted, number)
        point_at(found, self.found, number)
        mov(rsi, wanted)
        mov(rdi, found)
        mov(ecx, sizeof(Values) // sizeof(U64))
        repe.cmpsq()
        with if_(~ZF):
            lock.inc(self.wrong)

    # Benchmark

    @function(sleeps=True)
    def prepare(self) -> Bool:
        """Give this thread and a partner extended registers. Return whether there was memory."""
        refused = self.areas.use(self.scheduler.current)
        with if_(refused != 0):
            ret(False)
        mov(self.going, 1)
        partner = self.threads.create(text("partner"), self._go_on, 0, BOOT_PRIORITY)
        mov(self.partner, partner)
        with if_(partner == 0):
            ret(False)
        ret(True)

    @function(sleeps=True, context="thread")
    def _go_on(self, number: U64) -> None:
        """Yield with registers until told otherwise."""
        used = self.areas.use(self.scheduler.current)
        ignore(used, "without registers it yields all the same")
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

    @function(sleeps=True, context="thread")
    def finish(self) -> None:
        """End the partner, and drop the registers."""
        mov(self.going, 0)
        with if_(self.partner != 0):
            self.threads.join(self.partner)
        self.areas.drop(self.scheduler.current)
