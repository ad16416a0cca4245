"""Knowing the rate of the time-stamp counter better the longer the kernel runs."""

from __future__ import annotations

from kernel.log.level import Level
from kernel.log.log import Log
from kernel.time.calibration import FEMTOSECONDS_IN_NANOSECOND, Calibration
from kernel.time.clock import Clock
from kernel.time.timer import Timer
from kernel.time.timers import Timers
from kernel.time.units import NANOSECONDS
from pykasm import *

FIRST = NANOSECONDS // 100
"""Nanoseconds from the start to the first measurement."""

FACTOR = 10
"""By how much each goes on longer than the one before."""

LONGEST = 1000 * NANOSECONDS
"""The last one: the error is then that of the reference itself."""


class Refinement(Subsystem):
    """Measures again and again, each time over a longer way.

    It ends where the reference begins to count from 0 again, or when nothing is left to gain.
    """

    interval = bss(U64)
    """Nanoseconds up to the next measurement."""
    limit = bss(U64)
    """Nanoseconds that a measurement may take: half of the way that the reference can count."""

    warned = bss(U32)
    """Whether the log has been told that the time-stamp counter is not steady: 1 or 0."""

    def __init__(self, calibration: Calibration, clock: Clock, timers: Timers, log: Log) -> None:
        self.calibration = calibration
        self.clock = clock
        self.timers = timers
        self.log = log
        self.timer = data(Timer, Timer(handler=self.measure))

    @function(init=True)
    def start(self) -> None:
        """Plan the first measurement. Context: after `Calibration.run`; the alarm works."""
        reference = scratch(self.calibration.reference)
        with if_(reference == 0):
            ret()
        mov(rax, reference.mask)
        mul(reference.period)
        mov(rcx, LONGEST * FEMTOSECONDS_IN_NANOSECOND)
        with if_((rdx != 0) | (rax > rcx)):
            mov(rax, rcx)
        xor(edx, edx)
        mov(ecx, 2 * FEMTOSECONDS_IN_NANOSECOND)
        div(rcx)
        mov(self.limit, rax)
        mov(self.interval, FIRST)
        tail(self.plan)

    @function
    def plan(self) -> None:
        """Arm the timer for the next measurement, if the reference counts as far as that."""
        mov(rax, self.limit)
        with if_(self.interval > rax):
            ret()
        now = self.clock.now()
        add(now, self.interval)
        tail(self.timers.arm, address_of(self.timer), now)

    @function(context="interrupt")
    def measure(self, timer: Ptr[Timer]) -> None:
        """Measure, unless this comes too late, and plan the next time."""
        timer = keep(timer)
        late = self.clock.now()
        sub(late, timer.node.key)
        with if_(late > self.limit):
            ret()
        self.calibration.improve()
        self.log.write(Level.DEBUG, "clock: at most %u ppb wrong", self.calibration.error)
        with if_((self.calibration.unsteady != 0) & (self.warned == 0)):
            mov(self.warned, 1)
            self.log.write(Level.WARNING, "clock: the time-stamp counter does not run steadily")
        mov(rax, self.interval)
        imul(rax, rax, FACTOR)
        mov(self.interval, rax)
        tail(self.plan)
