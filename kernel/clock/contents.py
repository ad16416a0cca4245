"""The parts of `kernel/clock`, in the order of reading."""

from kernel.clock.boottimer import BootTimer
from kernel.clock.clock import Clock
from kernel.clock.localtimer import LocalTimer
from kernel.clock.timers import Timers
from pykasm import *

CONTENTS: Contents = (
    BootTimer,  # how long booting takes
    Clock,  # nanoseconds since the start
    LocalTimer,  # each processor's local APIC timer
    Timers,  # functions called at given times
)
