"""Tests and a benchmark of deferred work, in the running kernel."""

from __future__ import annotations

from typing import Any

from kernel.console.console import Console
from kernel.cpu.control import RFlags
from kernel.interrupts.action import Action
from kernel.interrupts.vectors import InterruptVector
from kernel.interrupts.work import Work, WorkState
from kernel.irq.deferred import Deferred
from kernel.sched.scheduler import Scheduler
from kernel.selftest.case import BenchmarkSuite, TestSuite, check, measure
from kernel.selftest.smp import SmpTests
from pykasm import *

VECTOR = InterruptVector.LAST_DEVICE
"""The vector of the tests: drivers are given it last of all."""

INTERRUPTS = 200
"""Interrupts of each processor."""
ITEMS = 4
"""Items of work in a row."""
STORM = 20
"""Times that a thread has to make progress under a storm."""


class DeferredTests(TestSuite, BenchmarkSuite):
    """Threads interrupt the processor that they run on, and the handlers leave work."""

    first = bss(Work)
    second = bss(Work)
    row = bss(Work * ITEMS)
    asked = bss(U64)
    """The number of interrupts that `first` has not counted yet."""
    heard = bss(U64)
    """The number of interrupts that it has counted."""
    inside = bss(U32)
    """1 while work runs that must not run twice at a time."""
    wrong = bss(U64)
    """The number of mistakes."""
    next = bss(U64)
    """The number in `row` whose turn it is."""
    rounds = bss(U64)
    storming = bss(U32)
    """1 as long as work is to queue itself again."""

    def __init__(
        self, console: Console, deferred: Deferred, scheduler: Scheduler, smp: SmpTests
    ) -> None:
        self.console = console
        self.deferred = deferred
        self.dispatcher = deferred.dispatcher
        self.scheduler = scheduler
        self.smp = smp
        self.action = bss(Action)
        self.tests = [
            check("deferred.in_order", self.in_order),
            check("deferred.not_nested", self.not_nested),
            check("deferred.from_all_processors", self.from_all_processors),
            check("deferred.storm", self.survive_storm),
        ]
        self.benchmarks = [
            measure(
                "deferred.interrupt_with_work",
                self.interrupt_with_work,
                prepare=self.claim_for_work,
                finish=self.give_back,
            )
        ]

    @inline(changes=CALLER_SAVED)
    def _claim(self, handler: Any) -> None:
        """Have `handler` called on `VECTOR`, with nothing counted yet."""
        for counter in (self.asked, self.heard, self.wrong, self.next, self.rounds):
            mov(counter, 0)
        mov(self.action.handler, address_of(handler))
        self.dispatcher.claim(VECTOR, address_of(self.action))

    @function
    def give_back(self) -> None:
        """Release `VECTOR`."""
        self.dispatcher.release(VECTOR, address_of(self.action))

    @function
    def _judge(self, found: U64, wanted: U64) -> U32:
        """Return PASSED if they are equal and nothing was wrong; else print all three and return
        FAILED."""
        with if_((found == wanted) & (self.wrong == 0)):
            ret(1)
        self.console.print("%u of %u, %u wrong: ", found, wanted, self.wrong)
        ret(0)

    @function(sleeps=True)
    def _interrupt(self, last: Keep[Ptr[Work]]) -> None:
        """Interrupt this processor, and wait until the work that is deferred is done, up to
        `last`."""
        # It is done before `int_` returns, unless it takes too long, as it does on a host that is
        # busy: then a thread does the rest.
        thread, left = keep(self.scheduler.current), keep(U64)
        mov(thread.pinned, 1)
        mov(left, self.deferred.queue.left)
        int_(VECTOR)
        with if_(left != self.deferred.queue.left), while_(last.state != WorkState.IDLE):
            self.scheduler.yield_now()
        mov(thread.pinned, 0)

    # In order

    @function(sleeps=True)
    def in_order(self) -> U32:
        """What one interrupt leaves is done in order, once, before its thread goes on."""
        self._claim(self._leave_row)
        self._interrupt(address_of(self.row[ITEMS - 1]))
        done = keep(self.next)
        self.give_back()
        tail(self._judge, done, ITEMS)

    @function(context="interrupt")
    def _leave_row(self, argument: U64) -> None:
        """Defer all of `row`, each twice."""
        for index in (*range(ITEMS), *range(ITEMS)):
            mov(self.row[index].handler, address_of(self._expect_turn))
            self.deferred.add(address_of(self.row[index]))

    @function(context="deferred")
    def _expect_turn(self, work: Ptr[Work]) -> None:
        """Check that it is the turn of `work`, and that interrupts are on."""
        pushfq()
        pop(rax)
        with if_((eax & RFlags.IF) == 0):
            inc(self.wrong)
        mov(rcx, self.next)
        point_at(rax, self.row, rcx)
        with if_(work != rax):
            inc(self.wrong)
        inc(self.next)

    # Not nested

    @function(sleeps=True)
    def not_nested(self) -> U32:
        """An interrupt that comes while work is done is served at once, but what it leaves waits
        for the end of that work."""
        self._claim(self._leave_either)
        mov(self.first.handler, address_of(self._interrupt_itself))
        mov(self.second.handler, address_of(self._expect_end))
        self._interrupt(address_of(self.second))
        done = keep(self.heard)
        self.give_back()
        tail(self._judge, done, 2)

    @function(context="interrupt")
    def _leave_either(self, argument: U64) -> None:
        """Defer the first work, and while that runs the second."""
        inc(self.asked)
        with if_(self.inside == 0):
            tail(self.deferred.add, address_of(self.first))
        tail(self.deferred.add, address_of(self.second))

    @function(context="deferred")
    def _interrupt_itself(self, work: Ptr[Work]) -> None:
        """Interrupt this processor while work runs."""
        mov(self.inside, 1)
        int_(VECTOR)
        with if_((self.asked != 2) | (self.heard != 0)):  # the handler ran, but its work did not
            inc(self.wrong)
        mov(self.inside, 0)
        inc(self.heard)

    @function(context="deferred")
    def _expect_end(self, work: Ptr[Work]) -> None:
        """Check that the other work is over."""
        with if_(self.inside != 0):
            inc(self.wrong)
        inc(self.heard)

    # From all processors

    @function(sleeps=True)
    def from_all_processors(self) -> U32:
        """All processors are interrupted and leave the same work at the same time: it is never
        done by two of them at once, and hears of every interrupt."""
        self._claim(self._leave_first)
        mov(self.first.handler, address_of(self._hear))
        made = keep(self.smp.everywhere(self._interrupt_often))
        with while_(self.first.state != 0):  # a thread may still have it to do
            self.scheduler.yield_now()
        self.give_back()
        with if_(~made):
            self.console.print("no memory: ")
            ret(0)
        mov(eax, self.smp.processors.count)
        imul(rax, rax, INTERRUPTS)
        tail(self._judge, self.heard, rax)

    @function
    def _interrupt_often(self, number: U64) -> None:
        """Interrupt this processor INTERRUPTS times."""
        with for_(scratch(U32), 0, INTERRUPTS):
            int_(VECTOR)

    @function(context="interrupt")
    def _leave_first(self, argument: U64) -> None:
        """Defer the first work."""
        lock.inc(self.asked)
        tail(self.deferred.add, address_of(self.first))

    @function(context="deferred")
    def _hear(self, work: Ptr[Work]) -> None:
        """Count all interrupts since the last time, and check that this runs only once at a
        time."""
        mov(eax, 1)
        xchg(self.inside, eax)
        with if_(eax != 0):
            lock.inc(self.wrong)
        xor(eax, eax)
        xchg(self.asked, rax)
        add(self.heard, rax)
        mov(self.inside, 0)

    # A storm

    @function(sleeps=True)
    def survive_storm(self) -> U32:
        """A thread makes progress while work queues itself again and again on its processor, and so
        does the work."""
        self._claim(self._leave_first)
        mov(self.first.handler, address_of(self._storm))
        mov(self.storming, 1)
        thread, seen = keep(self.scheduler.current), keep(U64)
        mov(thread.pinned, 1)
        int_(VECTOR)
        with for_(keep(U32), 0, STORM):
            mov(seen, self.rounds)
            with while_(self.rounds == seen):
                self.scheduler.yield_now()
        mov(self.storming, 0)
        with while_(self.first.state != 0):
            self.scheduler.yield_now()
        mov(thread.pinned, 0)
        self.give_back()
        ret(1)

    @function(context="deferred")
    def _storm(self, work: Ptr[Work]) -> None:
        """Queue `work` again."""
        inc(self.rounds)
        with if_(self.storming != 0):
            tail(self.deferred.add, work)

    # Benchmarks

    @function
    def claim_for_work(self) -> Bool:
        """Have interrupts on `VECTOR` defer work. Return true."""
        self._claim(self._leave_first)
        mov(self.first.handler, address_of(self._hear))
        ret(True)

    @function
    def interrupt_with_work(self, count: U32) -> None:
        """Interrupt `count` times, each time with work that does next to nothing."""
        with for_(scratch(U32), 0, count):
            int_(VECTOR)
