"""Knowing the rate of the time-stamp counter better the longer the kernel runs."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.clock.units import NSEC_PER_SEC
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.time.calibration import Calibration
from pykasm import *

FIRST = NSEC_PER_SEC // 100
"""Nanoseconds from the start to the first measurement."""

FACTOR = 10
"""By how much each goes on longer than the one before."""

TOLERABLE = 10_000_000
"""Parts of a billion by which the time-stamp counter may stray before the log warns of it. That of
an emulator was seen to go ahead by 0.07 % while processors did nothing but read it."""

LONGEST = 500 * NSEC_PER_SEC
"""No measurement takes longer: the error is then that of the reference itself."""


class Refinement(Subsystem):
    """Measures again and again, each time over a longer way, unless the counter strayed on it.

    It ends where the reference is no measure any more (`Calibration.way`), or when nothing is left
    to gain.
    """

    interval = bss(U64)
    """Nanoseconds up to the next measurement."""
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
        mov(self.interval, FIRST)
        tail(self.plan)

    @function
    def plan(self) -> None:
        """Arm the timer for the next measurement, if the reference counts as far as that."""
        mov(rax, LONGEST)
        mov(rcx, self.interval)
        with if_((rcx > rax) | (rcx > self.calibration.way)):
            ret()
        now = self.clock.now()
        add(now, self.interval)
        tail(self.timers.arm, address_of(self.timer), now)

    @function(context="interrupt")
    def measure(self, timer: Ptr[Timer]) -> None:
        """Measure, and plan the next time."""
        unsteady = keep(self.calibration.unsteady)
        self.calibration.improve()
        self.log.write(LogLevel.DEBUG, "clock: at most %u ppb wrong", self.calibration.error)
        with if_(self.calibration.unsteady != unsteady):
            self.warn()
        with else_():
            mov(rax, self.interval)
            imul(rax, rax, FACTOR)
            mov(self.interval, rax)
        tail(self.plan)

    @function
    def warn(self) -> None:
        """Tell the log that the time-stamp counter has strayed, and people, once, if it has strayed
        too far."""
        with if_((self.calibration.deviation > TOLERABLE) & (self.warned == 0)):
            mov(self.warned, 1)
            self._tell(LogLevel.WARNING)
        with else_():
            self._tell(LogLevel.INFO)

    def _tell(self, level: LogLevel) -> None:
        self.log.write(
            level,
            "clock: the time-stamp counter does not run steadily: off by up to %u ppb",
            self.calibration.deviation,
        )
