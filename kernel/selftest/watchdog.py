"""A watchdog for tests that do not end by themselves."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.clock.units import NSEC_PER_SEC
from kernel.console.console import Console
from kernel.debug.panic import Panic
from kernel.selftest.case import Test
from kernel.selftest.threadtraces import ThreadTraces
from pykasm import *


class Watchdog(Subsystem):
    """A timer for one test at a time. If it expires, it prints what all threads do, and panics."""

    name = bss(Ptr[U8])
    """The name of the test that runs."""

    def __init__(
        self, console: Console, panic: Panic, traces: ThreadTraces, clock: Clock, timers: Timers
    ) -> None:
        self.console = console
        self.panic = panic
        self.traces = traces
        self.clock = clock
        self.timers = timers
        self.timer = data(Timer, Timer(handler=self._expire))

    @function
    def begin(self, test: Keep[Ptr[Test]]) -> None:
        """Start watching `test`."""
        mov(rax, test.name)
        mov(self.name, rax)
        deadline = keep(U64)
        mov(u32(deadline), test.seconds)
        imul(deadline, deadline, NSEC_PER_SEC)
        add(deadline, self.clock.now())
        tail(self.timers.arm, address_of(self.timer), deadline)

    @function
    def end(self) -> None:
        """Stop watching the test."""
        ignore(self.timers.cancel_and_wait(address_of(self.timer)))

    @function(context="interrupt")
    def _expire(self, timer: Ptr[Timer]) -> None:
        """Report that the test takes too long."""
        self.console.print("\nstuck: %s\n", self.name)
        self.traces.print()
        self.panic.stop(text("a test does not end"))
