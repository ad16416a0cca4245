"""Units of time."""

from pykasm import *


class Nanoseconds(U64):
    """A time of `Clock.now`, or the distance of two."""


class Ticks(U64):
    """A value of the time-stamp counter, or the distance of two."""


NSEC_PER_SEC = 1_000_000_000
"""Nanoseconds in a second."""
FSEC_PER_SEC = 1_000_000_000_000_000
"""Femtoseconds in a second."""
BILLION = 1_000_000_000
"""The parts in which errors of a rate are given (ppb)."""
