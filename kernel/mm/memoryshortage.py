"""Allocations that find no memory."""

from __future__ import annotations

from pykasm import *

COSTLY_ORDER = 3
"""The largest order of a block for whose sake others lose memory. There may be none of a larger one
however much is freed (Linux: PAGE_ALLOC_COSTLY_ORDER)."""


class ShortageHandler(Fn[[U32], Void]):
    """Takes note that a block of this order was wanted, for whoever allocates. Context: any."""


class MemoryShortage(Subsystem):
    """Tells who wants to know of it when memory is wanted and there is none. Context: any."""

    handler = bss(OrNull[ShortageHandler])
    """Null until somebody wants to know."""

    @function
    def note(self, order: U32) -> None:
        """Tell that there was no block of 2^`order` pages."""
        handler = scratch(self.handler)
        with if_(handler != 0):
            handler(order)
