"""Allocations that find no memory."""

from __future__ import annotations

from pykasm import *

COSTLY_ORDER = 3
"""The largest order of a block for whose sake others lose memory. There may be none of a larger one
however much is freed (Linux: PAGE_ALLOC_COSTLY_ORDER)."""


class ShortageHandler(Fn[[U32], Void]):
    """Takes note that a block of this order was wanted, for whoever allocates. Context: any."""


class ShortageWait(Fn[[], Bool], context="thread"):
    """Has memory freed, and waits for it, if the thread that runs has wanted some in vain since it
    was last looked after. Returns whether it may try again."""


class MemoryShortage(Subsystem):
    """Tells who wants to know of it when memory is wanted and there is none. Context: any."""

    handler = bss(OrNull[ShortageHandler])
    """Null until somebody wants to know."""
    waiter = bss(OrNull[ShortageWait])
    """Null until somebody can free memory."""

    @function
    def note(self, order: U32) -> None:
        """Tell that there was no block of 2^`order` pages."""
        handler = scratch(self.handler)
        with if_(handler != 0):
            handler(order)

    @function(context="thread", sleeps=True)
    def wait(self) -> Bool:
        """Wait for memory, if it was for want of it that the thread that runs failed. Returns
        whether it may try again. For what a program must find done in its memory, where no call is
        left to begin again. Context: thread, with no lock held."""
        waiter = scratch(self.waiter)
        with if_(waiter == 0):
            ret(False)
        ret(waiter())
