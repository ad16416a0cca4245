"""Counters of known rates, to calibrate the time-stamp counter with."""

from __future__ import annotations

from pykasm import *


class ReadCounter(Fn[[], U64], context="any"):
    """Returns the count."""


class ReferenceClock(Struct):
    """A counter of a known rate."""

    name: Ptr[U8]
    read: ReadCounter
    period: U64
    """Femtoseconds per count; 0 if the machine has no such counter."""
    mask: U64
    """The bits of the count; those above have no meaning."""


class ReferenceClockDriver(Subsystem):
    """The driver of such a counter."""

    reference: ReferenceClock
    """The counter; the constructor declares it."""
