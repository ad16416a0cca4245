"""How programs adjust the time of day."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from pykasm import *


class AdjustmentMode(IntFlag):
    """What is to be adjusted (include/uapi/linux/timex.h: ADJ_OFFSET and so on)."""

    OFFSET = 0x1
    FREQUENCY = 0x2
    MOST_ERROR = 0x4
    LIKELY_ERROR = 0x8
    STATUS = 0x10
    CONSTANT = 0x20
    ATOMIC_TIME = 0x80
    SET_OFFSET = 0x100
    MICROSECONDS = 0x1000
    NANOSECONDS = 0x2000
    """The microseconds of `Adjustment` are nanoseconds. With `ONCE`: only tell what is left."""
    TICK = 0x4000
    ONCE = 0x8000
    """What adjtime(3) does, apart from all the rest."""


class ClockStatus(IntFlag):
    """What is known of the time of day, and what is to be done (include/uapi/linux/timex.h:
    STA_PLL and so on)."""

    PHASE_LOCKED = 0x1
    """Offsets that are told change the rate, too."""
    FREQUENCY_LOCKED = 0x8
    """They do so in the way for long intervals."""
    INSERT = 0x10
    """A leap second is inserted when the day ends."""
    DELETE = 0x20
    UNSYNCHRONISED = 0x40
    """Nobody keeps the clock right."""
    FREQUENCY_HELD = 0x80
    CLOCK_ERROR = 0x1000
    NANOSECONDS = 0x2000
    """Offsets are told in nanoseconds."""
    FREQUENCY_MODE = 0x4000
    """The last offset was taken in the way for long intervals."""
    READ_ONLY = 0xFF00
    """Those that programs can't set: of pulses (PPS), and the three above."""


class ClockState(IntEnum):
    """What adjtimex(2) returns: where the clock is with a leap second."""

    OK = 0
    INSERT = 1
    DELETE = 2
    INSERTED = 3
    """The second is going on."""
    WAIT = 4
    """It is over, and still asked for."""
    ERROR = 5
    """Nobody keeps the clock right."""


class Adjustment(Struct):
    """Linux's `struct timex`."""

    modes: U32 = field(AdjustmentMode)
    offset: I64
    frequency: I64
    """In millionths, in units of 2**-16."""
    most_error: I64
    likely_error: I64
    status: U32 = field(ClockStatus)
    constant: I64
    precision: I64
    tolerance: I64
    seconds: I64
    microseconds: I64
    tick: I64
    frequency_of_pulses: I64
    jitter: I64
    shift: U32
    stability: I64
    counts: Array[I64] = field(count=4)
    """Of pulses, which nothing here listens to."""
    tai: I32
    unused: Array[U32] = field(count=11)
