"""What page tables are to be changed to."""

from __future__ import annotations

from kernel.paging.level import entry_size
from pykasm import *


class MappingRequest(Struct):
    """What is to be done with the addresses from `address` up to `end`.

    `address` moves on as entries are written, so that it tells how far the work has come.
    """

    address: U64
    end: U64
    target: U64
    """The physical address to map to."""
    flags: U64
    """The new permissions; 0 for unmapping."""
    largest: U64
    """The largest pages to use, a `PageShift`."""
    empty: U64
    """Tables that became empty: the physical address of the first; `Frame.owner` has the next."""

    @inline(changes=rcx)
    def skip(self, level: U64) -> Condition:
        """Move `address` to the end of the entry of `level` that it is in. Returns whether that is
        the end of all addresses."""
        size = entry_size(level)
        mov(rcx, size)
        neg(rcx)  # -size is the mask that rounds down
        and_(rcx, self.address)
        add(rcx, size)
        mov(self.address, rcx)  # leaves CF
        release(size)
        return CF
