"""The parts of `kernel/time`, in the order of reading."""

from kernel.time.calendar import Calendar
from kernel.time.calibration import Calibration
from kernel.time.hpet import Hpet
from kernel.time.pit import Pit
from kernel.time.pmtimer import PmTimer
from kernel.time.refinement import Refinement
from kernel.time.rtc import RealTimeClock
from kernel.time.timekeeping import Timekeeping
from kernel.time.tscsync import TscSync
from kernel.time.wallclock import WallClock
from pykasm import *

CONTENTS: Contents = (
    Hpet,  # a counter at a known rate
    PmTimer,  # another, which ACPI describes
    Pit,  # the oldest, which every PC has
    Calibration,  # the clock's rate, measured by the first of these that works
    Refinement,  # the same again and again, ever better
    TscSync,  # whether processors agree about the time
    Calendar,  # years, months and days
    RealTimeClock,  # what goes on while the machine is off
    WallClock,  # the time of day
    Timekeeping,  # how all of these start
)
