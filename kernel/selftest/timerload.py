"""Timers by the thousand."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.console.console import Console
from kernel.mm.heap import Heap
from kernel.selftest.load import Load
from kernel.selftest.random import Random
from kernel.selftest.threadpool import ThreadPool
from pykasm import *

TIMERS = 1024
FARTHEST = (1 << 20) - 1
"""Nanoseconds from now to a deadline at most."""


class Shared(Struct):
    """A timer that any thread may arm or cancel."""

    timer: Timer
    busy: U64
    """1 while a thread does."""


class TimerLoad(Load):
    """Each step takes a timer that nobody else has at hand, cancels it, and most often arms it
    anew. Every time that one is armed has to lead to a call or to a cancellation."""

    name = "timers"
    first = bss(Owned[Ptr[Shared]])
    armed = bss(U64)
    cancelled = bss(U64)
    called = bss(U64)

    def __init__(
        self, console: Console, pool: ThreadPool, clock: Clock, timers: Timers, heap: Heap
    ) -> None:
        super().__init__(console, pool)
        self.clock = clock
        self.timers = timers
        self.heap = heap

    @function(sleeps=True)
    def prepare(self) -> Bool:
        """Make the timers."""
        one, left = keep(Ptr[Shared]), keep(U32)
        for number in (self.violations, self.armed, self.cancelled, self.called):
            mov(number, 0)
        mov(u64(one), self.heap.allocate(sizeof(Shared) * TIMERS))
        mov(self.first, one)
        with if_(one == 0):
            self.console.print("no memory for timers: ")
            ret(False)
        with for_(left, 0, TIMERS):
            one.timer.prepare(address_of(self._note))
            mov(one.busy, 0)
            add(one, sizeof(Shared))
        ret(True)

    @function(context="interrupt")
    def _note(self, timer: Keep[Ptr[Timer]]) -> None:
        """Handle a timer: check that its time has come."""
        lock.inc(self.called)
        now = self.clock.now()
        with if_(now < timer.node.key):
            lock.inc(self.violations)

    @function(sleeps=True)
    def step(self, random: Keep[Ptr[Random]]) -> None:
        """Cancel a timer, and arm it."""
        one = keep(Ptr[Shared])
        number = random.next()
        and_(number, TIMERS - 1)
        imul(one, number, sizeof(Shared))
        add(one, self.first)
        mov(eax, 1)
        xchg(one.busy, rax)
        with if_(rax != 0):
            ret()
        cancelled = self.timers.cancel_and_wait(address_of(one.timer))
        lock.add(self.cancelled, u64(cancelled))
        choice = random.next()
        with if_(choice & 3):
            self._arm(one, random)
        mov(one.busy, 0)

    @function
    def _arm(self, one: Keep[Ptr[Shared]], random: Ptr[Random]) -> None:
        """Arm a timer for some time soon."""
        delay = keep(random.next())
        and_(delay, FARTHEST)
        add(delay, self.clock.now())
        lock.inc(self.armed)
        tail(self.timers.arm, address_of(one.timer), delay)

    @function(sleeps=True)
    def finish(self) -> Bool:
        """Cancel all, and compare."""
        one, left = keep(self.first), keep(U32)
        with if_(one == 0):
            ret(False)
        with for_(left, 0, TIMERS):
            cancelled = self.timers.cancel_and_wait(address_of(one.timer))
            lock.add(self.cancelled, u64(cancelled))
            add(one, sizeof(Shared))
        self.heap.free(u64(self.first))
        mov(self.first, 0)
        mov(rax, self.called)
        add(rax, self.cancelled)
        with if_(rax != self.armed):
            self.console.print(
                "%u armed, %u called, %u cancelled: ", self.armed, self.called, self.cancelled
            )
            ret(False)
        tail(self.judge)
