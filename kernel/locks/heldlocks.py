"""The spin locks that a processor holds."""

from __future__ import annotations

from pykasm import *

MOST_HELD = 16
"""Locks that a processor holds at a time, more than any code here nests."""


class HeldLock(Struct):
    """A lock that a processor holds or waits for."""

    lock: U64
    """Its address."""
    number: U64
    """Of its class."""
    place: Ptr[U8]
    """The line of the code that took it."""


class HeldLocks(Struct):
    """In the order in which they were taken."""

    count: U64
    locks: Array[HeldLock] = field(count=MOST_HELD + 1)
    """With room for one that is complained of."""
