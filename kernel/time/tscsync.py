"""Whether two processors agree about the time."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.tsc import read_tsc
from kernel.locks.spinlock import SpinLock
from kernel.log.level import LogLevel
from kernel.log.log import Log
from pykasm import *

ROUNDS = 2000
"""How often each of the two looks."""

PATIENCE = 100_000_000
"""How often a processor looks for the other before it goes on alone."""


class TscSync(Subsystem):
    """Compares the time-stamp counters of two processors, which take turns in reading.

    A counter that is behind what the other showed just before makes `Clock` take care that time
    does not go backwards from one processor to the next, which costs it a write to shared memory.
    """

    latest = bss(U64)
    """The latest value that either saw."""
    present = bss(U32)
    """How many of the two have come."""
    behind = bss(U64)
    """The most ticks by which one was behind the other."""

    def __init__(self, clock: Clock, log: Log) -> None:
        self.clock = clock
        self.log = log
        self.lock = bss(SpinLock)

    @function
    def begin(self) -> None:
        """Forget what was seen before. Context: one of the two, before either calls `compare`."""
        mov(self.latest, 0)
        mov(self.present, 0)
        mov(self.behind, 0)

    @function
    def compare(self) -> None:
        """Compare with the other processor, which calls this at the same time. Each waits for the
        other. Context: interrupts off on both."""
        lock.inc(self.present)
        with for_(scratch(U32), 0, PATIENCE):
            break_if(self.present >= 2)
            pause()
        with for_(keep(U32), 0, ROUNDS):
            self.look()

    @function
    def look(self) -> None:
        """Note how far this processor is behind the latest value seen, or become the latest."""
        latest = scratch(U64)
        with self.lock.held():
            mov(latest, self.latest)
            read_tsc()
            with if_(rax < latest):
                sub(latest, rax)
                with if_(latest > self.behind):
                    mov(self.behind, latest)
            with else_():
                mov(self.latest, rax)

    @function
    def end(self) -> None:
        """Act on what was seen. Context: one of the two, after both have called `compare`."""
        with if_((self.behind != 0) & (self.clock.unsynchronised == 0)):
            mov(self.clock.unsynchronised, 1)
            self.log.write(
                LogLevel.WARNING,
                "clock: time-stamp counters of processors differ by %u ticks",
                self.behind,
            )
