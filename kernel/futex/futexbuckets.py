"""Where waits are found."""

from __future__ import annotations

from kernel.futex.futexwaiter import FutexBucket, FutexKey
from pykasm import *

BITS = 8
BUCKETS = 1 << BITS
"""Lists into which waiters are spread, by their words: what is long is the list, not the table."""

MULTIPLIER = 0x9E37_79B9_7F4A_7C15
"""Spreads all bits of a number over the upper ones of its product: 2^64 by the golden ratio (Knuth,
The Art of Computer Programming, vol. 3, 6.4)."""


class FutexBuckets(Subsystem):
    """All waits, by their words."""

    def __init__(self) -> None:
        self.buckets = bss(FutexBucket * BUCKETS)

    @function
    def of(self, key: Ptr[FutexKey]) -> Ptr[FutexBucket]:
        """Return the bucket for the word `key`."""
        bucket = scratch(U64)
        mov(rax, key.space)
        add(rax, key.place)
        mov(rcx, MULTIPLIER)
        imul(rax, rcx)
        shr(rax, 64 - BITS)
        imul(eax, eax, sizeof(FutexBucket))
        lea(bucket, self.buckets)
        add(bucket, rax)
        ret(cast(bucket, Ptr[FutexBucket]))
