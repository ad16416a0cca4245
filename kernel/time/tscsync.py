"""Check that the time-stamp counters of processors are synchronised."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.tsc import read_tsc
from kernel.locks.spinlock import SpinLock
from kernel.log.level import LogLevel
from kernel.log.log import Log
from pykasm import *

ROUNDS = 2000
"""Samples that each processor takes."""

TIMEOUT = 100_000_000
"""Polls for the other processor, after which one goes on alone."""


class TscSync(Subsystem):
    """Compare the time-stamp counters of two processors, which read them in turn.

    A counter that warps, which is to show less than the other one showed before, makes `Clock`
    prevent time from going backwards between processors, at the cost of a write to shared memory.
    """

    last_tsc = bss(U64)
    """The greatest value that either processor has read."""
    arrived = bss(U32)
    """The number of processors that have called `compare`."""
    max_warp = bss(U64)
    """The most ticks by which one counter was behind the other."""

    def __init__(self, clock: Clock, log: Log) -> None:
        self.clock = clock
        self.log = log
        self.lock = bss(SpinLock)

    @function
    def begin(self) -> None:
        """Reset the comparison. Context: one of the two processors, before any calls `compare`."""
        mov(self.last_tsc, 0)
        mov(self.arrived, 0)
        mov(self.max_warp, 0)

    @function
    def compare(self) -> None:
        """Compare with the other processor, which calls this at the same time.

        Each waits until the other has arrived. Context: interrupts off on both.
        """
        lock.inc(self.arrived)  # both processors do this at once
        with for_(scratch(U32), 0, TIMEOUT):
            break_if(self.arrived >= 2)
            pause()
        with for_(keep(U32), 0, ROUNDS):
            self._sample()

    @function
    def _sample(self) -> None:
        """Read this processor's counter, and note by how much it is behind `last_tsc`, if it is."""
        latest = scratch(U64)
        with self.lock.held():  # so that the other processor's read came before this one
            mov(latest, self.last_tsc)
            read_tsc()
            with if_(rax < latest):
                sub(latest, rax)
                with if_(latest > self.max_warp):
                    mov(self.max_warp, latest)
            with else_():
                mov(self.last_tsc, rax)

    @function
    def end(self) -> None:
        """Tell `Clock` of a warp, the first time. Context: one of the two, after both `compare`."""
        page = scratch(self.clock.page)
        with if_((self.max_warp != 0) & (page.unsynchronised == 0)):
            mov(page.unsynchronised, 1)
            self.log.write(
                LogLevel.WARNING,
                "clock: time-stamp counters of processors differ by %u ticks",
                self.max_warp,
            )
