"""A zone: the physical memory below 4 GiB, or all above it."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.locks.spinlock import SpinLock
from kernel.mm.frames import SIZE_SHIFT, Frame
from kernel.structures.list import ListHead
from pykasm import *

MAX_ORDER = 10
"""log2 of the pages of the largest block: 4 MiB, room for two of the CPU's large pages."""

ORDERS = MAX_ORDER + 1
LARGEST_BLOCK = PAGE << MAX_ORDER
"""Bytes."""

LOW_END = 1 << 32
"""Where devices with 32-bit addresses end to reach, and the lower zone with them."""

SECTION_SHIFT = 25
SECTION = 1 << SECTION_SHIFT
"""Bytes of memory that is opened at once: few, so that a machine which uses little of its memory
has few records, and enough that these take a part of one largest block in eight."""

RECORD_PAGES = SECTION // PAGE * sizeof(Frame) // PAGE
RECORD_BYTES = RECORD_PAGES * PAGE
"""What the records of a section's pages take."""

TABLE_REACH_SHIFT = PageShift.LARGE + PageShift.PAGE - SIZE_SHIFT
"""log2 of the bytes of memory whose records one page table maps."""


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
    record_pages: U64 = field(guarded_by="lock")
    """Pages that it will take for their records, and for the page tables of these."""
    next_section: U64 = field(guarded_by="lock")
    """Physical address of the first section that was not looked at yet."""
    end: U64
    """Where the zone ends."""
