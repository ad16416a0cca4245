"""A zone: the physical memory below 4 GiB, or all above it."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.locks.spinlock import SpinLock
from kernel.structures.list import ListHead
from pykasm import *

MAX_ORDER = 10
"""log2 of the pages of the largest block: 4 MiB, room for two of the CPU's large pages."""

ORDERS = MAX_ORDER + 1
LARGEST_BLOCK = PAGE << MAX_ORDER
"""Bytes."""

LOW_END = 1 << 32
"""Where devices with 32-bit addresses end to reach, and the lower zone with them."""

SECTION_SHIFT = 28
SECTION = 1 << SECTION_SHIFT
"""Bytes of memory whose records fill one large page (2 MiB) of the frame table."""

TABLE_SIZE = 1 << PageShift.LARGE
TABLE_PAGES = TABLE_SIZE // PAGE
"""Bytes and pages of such a part of the frame table."""


class Zone(Struct):
    """Free memory: blocks in lists, and sections that were not opened yet."""

    lock: SpinLock
    orders: U32 = field(guarded_by="lock")
    """Bit n is set if there is a free block of order n."""
    free_lists: Array[ListHead] = field(count=ORDERS, guarded_by="lock", elements="Frame.link")
    """Free blocks of each order, by `Frame.link`."""
    free_blocks: Array[U64] = field(count=ORDERS, guarded_by="lock")
    """How many each of these lists has."""
    free_pages: U64 = field(guarded_by="lock")
    """In all blocks."""
    unopened_pages: U64 = field(guarded_by="lock")
    """Pages that opening all remaining sections will free."""
    next_section: U64 = field(guarded_by="lock")
    """Physical address of the first section that was not looked at yet."""
    end: U64
    """Where the zone ends."""
