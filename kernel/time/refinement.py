"""Refine the rate of the time-stamp counter while the kernel runs."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.clock.units import NSEC_PER_SEC
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.time.calibration import Calibration
from pykasm import *

FIRST_INTERVAL = NSEC_PER_SEC // 100
"""Nanoseconds of the first measurement."""

FACTOR = 10
"""The factor by which each measurement is longer than the one before."""

TOLERABLE = 10_000_000
"""Parts per billion by which the time-stamp counter may deviate without a warning. An emulator's
was seen to run ahead by 0.07 % while processors did nothing but read it."""

MAX_INTERVAL = 500 * NSEC_PER_SEC
"""Nanoseconds of the longest measurement: beyond it, the reference's own error prevails."""


class Refinement(Subsystem):
    """Repeat the calibration over ever longer intervals, unless the counter turns out unstable.

    It ends at the longest interval that is useful, or that the reference allows
    (`Calibration.max_interval`).
    """

    interval = bss(U64)
    """Nanoseconds until the next measurement."""
    warned = bss(U32)
    """Whether the warning that the time-stamp counter is unstable has been logged: 1 or 0."""

    def __init__(self, calibration: Calibration, clock: Clock, timers: Timers, log: Log) -> None:
        self.calibration = calibration
        self.clock = clock
        self.timers = timers
        self.log = log
        self.timer = data(Timer, Timer(handler=self._measure))

    @function(init=True)
    def start(self) -> None:
        """Schedule the first measurement.

        Context: the first processor, after `Calibration.run` and `LocalTimer.start`.
        """
        mov(self.interval, FIRST_INTERVAL)
        tail(self._schedule)

    @function
    def _schedule(self) -> None:
        """Arm the timer for the next measurement, unless its interval would be too long."""
        mov(rax, MAX_INTERVAL)
        mov(rcx, self.interval)
        with if_((rcx > rax) | (rcx > self.calibration.max_interval)):
            ret()
        tail(self.timers.arm, address_of(self.timer), self.clock.after(self.interval))

    @function(context="interrupt")
    def _measure(self, timer: Ptr[Timer]) -> None:
        """Measure, and schedule the next measurement."""
        unsteady = keep(self.calibration.unstable_count)
        self.calibration.refine()
        self.log.write(LogLevel.DEBUG, "clock: at most %u ppb wrong", self.calibration.error)
        with if_(self.calibration.unstable_count != unsteady):
            self._report_instability()  # and measure over the same interval again
        with else_():
            mov(rax, self.interval)
            imul(rax, rax, FACTOR)
            mov(self.interval, rax)
        tail(self._schedule)

    @function
    def _report_instability(self) -> None:
        """Log that the time-stamp counter is unstable; once as a warning, if beyond TOLERABLE."""
        with if_((self.calibration.deviation > TOLERABLE) & (self.warned == 0)):
            mov(self.warned, 1)
            self._log_deviation(LogLevel.WARNING)
        with else_():
            self._log_deviation(LogLevel.INFO)

    @inline(changes=CALLER_SAVED)
    def _log_deviation(self, level: LogLevel) -> None:
        """Log by how much the counter has deviated."""
        self.log.write(
            level,
            "clock: the time-stamp counter does not run steadily: off by up to %u ppb",
            self.calibration.deviation,
        )
