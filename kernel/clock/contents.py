"""The parts of `kernel/clock`, in the order of reading."""

from kernel.clock.boottimer import BootTimer
from kernel.clock.clock import Clock
from kernel.clock.localtimer import LocalTimer
from kernel.clock.timers import Timers
from pykasm import *

CONTENTS: Contents = (
    BootTimer,  # how long it takes to start
    Clock,  # nanoseconds since the start
    LocalTimer,  # each processor's interrupt at a time
    Timers,  # what is to be done when
)
