"""Tests that never end, for the watchdog to find."""

from __future__ import annotations

from kernel.selftest.case import TestSuite, check
from kernel.selftest.threadpool import ThreadPool
from kernel.sync.semaphore import Semaphore, Semaphores
from pykasm import *


class StuckTests(TestSuite):
    """Run only when they are asked for by name."""

    never_given = bss(Semaphore)

    def __init__(self, pool: ThreadPool, semaphores: Semaphores) -> None:
        self.pool = pool
        self.semaphores = semaphores
        self.tests = [
            check("stuck.asleep", self.asleep, seconds=1, apart=True),
            check("stuck.busy", self.busy, seconds=1, apart=True),
        ]

    @function(sleeps=True)
    def asleep(self) -> U32:
        """All threads wait for what nobody will give."""
        tail(self.pool.run, address_of(self.wait))

    @function(sleeps=True, context="thread")
    def wait(self, number: U64) -> None:
        """Wait for ever."""
        tail(self.semaphores.down, address_of(self.never_given))

    @function
    def busy(self) -> U32:
        """A loop that nothing ends."""
        with loop():
            pause()
            break_if(self.never_given.count != 0)
        ret(1)
