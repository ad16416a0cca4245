"""The parts of `kernel/time`, in the order of reading."""

from kernel.time.calendar import Calendar
from kernel.time.calibration import Calibration
from kernel.time.clockdiscipline import ClockDiscipline
from kernel.time.daywaits import DayWaits
from kernel.time.hpet import Hpet
from kernel.time.leapseconds import LeapSeconds
from kernel.time.pit import Pit
from kernel.time.pmtimer import PmTimer
from kernel.time.refinement import Refinement
from kernel.time.rtc import RealTimeClock
from kernel.time.timekeeping import Timekeeping
from kernel.time.tscsync import TscSync
from kernel.time.wallclock import WallClock
from pykasm import *

CONTENTS: Contents = (
    Hpet,  # a reference clock: the high-precision event timer
    PmTimer,  # another: ACPI's power-management timer
    Pit,  # another: the 8254 of every PC
    Calibration,  # the clock's rate, measured by the first of these that works
    Refinement,  # calibration over ever longer intervals
    TscSync,  # comparison of the processors' time-stamp counters
    Calendar,  # conversion of dates and seconds
    RealTimeClock,  # the battery-backed clock (CMOS)
    WallClock,  # the time of day
    LeapSeconds,  # seconds that are inserted into it, or left out
    ClockDiscipline,  # how programs keep it right (adjtimex(2))
    DayWaits,  # waiting for it
    Timekeeping,  # the order in which these start
)
