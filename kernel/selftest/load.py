"""Loads: operations of one kind that many threads do at once, to find races."""

from __future__ import annotations

from typing import ClassVar

from kernel.console.console import Console
from kernel.selftest.random import Random
from kernel.selftest.threadpool import ThreadPool
from pykasm import *


class Load(Subsystem):
    """The base of all loads: `prepare`, many times `step`, `finish`.

    `violations` counts what a step finds wrong. Context: one test at a time, in a thread.
    """

    name: ClassVar[str]
    """The test is called `stress.NAME`."""
    STEPS = 4000
    """The number of steps of all threads together in a test."""

    left = bss(I64)
    """The number of steps that no thread has begun."""
    violations = bss(U64)

    def __init__(self, console: Console, pool: ThreadPool) -> None:
        self.console = console
        self.pool = pool

    @function(sleeps=True)
    def run(self) -> U32:
        """Run threads that take `STEPS`. Return PASSED if nothing went wrong."""
        good = keep(self.prepare())
        mov(self.left, self.STEPS)
        with if_(good != 0):
            mov(good, self.pool.run(self._take_steps))
        and_(good, self.finish())
        ret(good)

    @function(sleeps=True, context="thread")
    def _take_steps(self, number: U64) -> None:
        """Take steps, in each thread of the pool, until none is left."""
        random = local(Random)
        random.begin()
        with loop():
            lock.dec(self.left)
            break_if(SF)
            self.step(address_of(random))

    @function(sleeps=True)
    def prepare(self) -> Bool:
        """Prepare what the steps need. Return whether that worked."""
        raise NotImplementedError

    @function(sleeps=True)
    def step(self, random: Ptr[Random]) -> None:
        """Do something that others may do too at the same time."""
        raise NotImplementedError

    @function(sleeps=True)
    def finish(self) -> Bool:
        """Free what is left. Return whether all is as it should be. Called after a `prepare` that
        failed, too."""
        raise NotImplementedError

    @function
    def judge(self) -> Bool:
        """Return whether there were no violations; print their number if there were."""
        with if_(self.violations == 0):
            ret(True)
        self.console.print("%u violations: ", self.violations)
        ret(False)
