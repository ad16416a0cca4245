"""Start everything that keeps time."""

from __future__ import annotations

from kernel.clock.localtimer import LocalTimer
from kernel.clock.timers import Timers
from kernel.interrupts.action import Action
from kernel.interrupts.dispatcher import Dispatcher
from kernel.interrupts.vectors import InterruptVector
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.time.calibration import Calibration
from kernel.time.hpet import Hpet
from kernel.time.pit import Pit
from kernel.time.pmtimer import PmTimer
from kernel.time.refinement import Refinement
from kernel.time.rtc import RealTimeClock
from kernel.time.wallclock import WallClock
from pykasm import *


class Timekeeping(Subsystem):
    """Start the clocks, in order, and the timer interrupt."""

    def __init__(
        self,
        hpet: Hpet,
        pm_timer: PmTimer,
        pit: Pit,
        rtc: RealTimeClock,
        calibration: Calibration,
        local_timer: LocalTimer,
        timers: Timers,
        refinement: Refinement,
        wall_clock: WallClock,
        log: Log,
        dispatcher: Dispatcher,
    ) -> None:
        self.hpet = hpet
        self.pm_timer = pm_timer
        self.pit = pit
        self.rtc = rtc
        self.calibration = calibration
        self.local_timer = local_timer
        self.refinement = refinement
        self.wall_clock = wall_clock
        self.clock = calibration.clock
        self.log = log
        self.dispatcher = dispatcher
        self.action = data(Action, Action(handler=timers.expire))

    @function(init=True)
    def start(self) -> None:
        """Start the clock and the first processor's local timer.

        Context: the first processor, interrupts off, after ACPI and the local APIC are started.
        """
        self.hpet.start()
        self.pm_timer.start()
        self.pit.start()
        self.rtc.start()
        self.local_timer.start_calibration()  # it counts while the other calibration waits
        self.calibration.run()
        self.local_timer.finish_calibration()
        self.dispatcher.claim(InterruptVector.TIMER, address_of(self.action))
        self.local_timer.start()
        self.refinement.start()
        self.wall_clock.start()
        with if_(self.calibration.reference == 0):
            self.log.write(
                LogLevel.WARNING,
                "clock: nothing measures the time-stamp counter; how fast time goes is a guess",
            )
            ret()
        frequency = self.clock.frequency()
        self.log.write(
            LogLevel.INFO, "clock: %u Hz, at most %u ppb wrong", frequency, self.calibration.error
        )
