"""Counts of references."""

from __future__ import annotations

from pykasm import *


class ReferenceCount(Struct):
    """How many references there are to something, as Linux's `refcount_t`.

    A reference is owned, as memory is. Who gains one has one already, or holds a lock that keeps
    the last one from being dropped. Who drops the last one owns the thing itself, and frees it by
    the function that the field names as `freed_by=`. `gain` and `drop` are atomic; all methods
    change flags alone.
    """

    count: U32 = field(written_by="ReferenceCount")

    @inline
    def start(self) -> None:
        """Count the first reference, that of who made the thing."""
        mov(self.count, 1)

    @inline
    def gain(self) -> None:
        """Gain one more reference. Debug builds panic at 2^31, long before the count wraps."""
        gaining(self)
        lock.inc(self.count)
        asserts(~SF)

    @inline(changes=(rax, rcx))
    def gain_if_any(self) -> Condition:
        """Gain one more reference, unless the last one was dropped already: for who finds the thing
        where it is until it is freed, and holds a lock that keeps it there. Returns whether there
        is one, which the caller takes over."""
        mov(eax, self.count)
        with while_(eax != 0):
            lea(ecx, bare[rax + 1])
            lock.cmpxchg(self.count, ecx)
            break_if(ZF)
        return eax != 0

    @inline
    def drop(self) -> Condition:
        """Drop a reference. Returns whether it was the last. Debug builds panic if there was
        none."""
        dropping(self)
        lock.dec(self.count)
        asserts(~SF)
        return ZF
