"""A counter whose rate is known, to measure others by."""

from __future__ import annotations

from pykasm import *


class ReferenceClock(Struct):
    """Something that counts at a known rate."""

    name: Ptr[U8]
    read: Fn[[], U64]
    """Its count. Context: any."""
    period: U64
    """Femtoseconds that a count takes; 0 where there is no such counter."""
    mask: U64
    """The bits that it counts in."""


class ReferenceCounter(Subsystem):
    """Counts at a known rate."""

    reference: ReferenceClock
    """What the constructor makes of it."""
