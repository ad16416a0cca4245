"""Loads, one by one and all of them mixed."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC
from kernel.console.console import Console
from kernel.selftest.case import TestSuite, check
from kernel.selftest.load import Load
from kernel.selftest.random import Random
from kernel.selftest.threadpool import ThreadPool
from pykasm import *

SHORT, LONG = 2, 60
"""Seconds of a mix."""


class StressTests(TestSuite):
    """`stress.…` for each kind of load, `stress.mix`, and `soak.mix`, which takes a minute and so
    runs only when it is asked for by its name."""

    end = bss(U64)
    """The time at which the mix ends, in nanoseconds."""

    def __init__(
        self, console: Console, pool: ThreadPool, clock: Clock, loads: Sequence[Load]
    ) -> None:
        self.console = console
        self.pool = pool
        self.clock = clock
        self.loads = loads
        self.steps = rodata(
            Fn[[Ptr[Random]], Void] * len(self.loads), [load.step for load in loads]
        )
        self.tests = [
            *(check(f"stress.{load.name}", load.run) for load in loads),
            check("stress.mix", self.mix),
            check("soak.mix", self.soak, seconds=2 * LONG, apart=True),
        ]

    @function(sleeps=True)
    def mix(self) -> U32:
        """All loads at once for a moment."""
        tail(self.run, SHORT * NSEC_PER_SEC)

    @function(sleeps=True)
    def soak(self) -> U32:
        """All loads at once for a minute."""
        tail(self.run, LONG * NSEC_PER_SEC)

    @function(sleeps=True)
    def run(self, duration: Keep[U64]) -> U32:
        """Run all loads at once for `duration` nanoseconds. Return PASSED if nothing went wrong."""
        good = keep(U32)
        add(duration, self.clock.now())
        mov(self.end, duration)
        mov(good, 1)
        for load in self.loads:
            and_(good, load.prepare())
        with if_(good != 0):
            and_(good, self.pool.run(self._take_steps))
        for load in self.loads:
            and_(good, load.finish())
        ret(good)

    @function(sleeps=True, context="thread")
    def _take_steps(self, number: U64) -> None:
        """Take steps of random loads, in each thread of the pool, until the time is over."""
        random = local(Random)
        random.begin()
        with loop():
            now = self.clock.now()
            break_if(now >= self.end)
            ignore(random.next())  # in rax, the dividend
            xor(edx, edx)
            mov(ecx, len(self.loads))
            div(rcx)
            self.steps[rdx](address_of(random))
