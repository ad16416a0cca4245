"""Counts of references."""

from __future__ import annotations

from pykasm import *


class ReferenceCount(Struct):
    """How many references there are to something, as Linux's `refcount_t`.

    Who takes a reference has one already, or holds a lock that keeps the last one from being
    dropped. Who drops the last one frees the thing. The methods are atomic and change flags alone.
    Where a lock guards the count, plain instructions on `count` do.
    """

    count: U32

    @inline
    def get(self) -> None:
        """Take one more reference. Debug builds panic at 2^31, long before the count wraps."""
        lock.inc(self.count)
        asserts(~SF)

    @inline
    def put(self) -> Condition:
        """Drop a reference. Returns whether it was the last. Debug builds panic if there was
        none."""
        lock.dec(self.count)
        asserts(~SF)
        return ZF
