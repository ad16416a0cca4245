"""The frame table: what is known of each page of physical memory."""

from __future__ import annotations

from enum import IntEnum

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.paging.addresses import Area, PhysicalAddress, physical_of
from kernel.structures.alignment import round_down
from kernel.structures.list import ListHead
from kernel.structures.refcount import ReferenceCount
from pykasm import *

SIZE_SHIFT = 5
"""log2 of the bytes of a record, a power of two so that addresses turn into each other by shifts
and the records of two buddies differ in one bit."""


class FrameState(IntEnum):
    """What a page is, or the block of pages that begins with it."""

    RESERVED = 0
    """Not the allocator's: the kernel's image, the firmware's, no memory at all."""
    FREE = 1
    """The first of a free block, which is in a list of its zone."""
    INNER = 2
    """Was the first of a block that is now a part of another one."""
    CACHED = 3
    """Free, in the cache of a processor."""
    ALLOCATED = 4
    """The first of an allocated block."""


class FrameUses(Union):
    """How many use a block, by what it is used for."""

    references: ReferenceCount = field(freed_by="Pages.free_page")
    """Of a program's page: the entries that lead to it, in all address spaces."""
    entries: U32
    """Of a page table: its entries that are not empty, if somebody counts them."""
    records: U32
    """Of a page of a `RecordPool`: its records in use."""


class Frame(Struct, size=1 << SIZE_SHIFT):
    """The record of a page, which Linux calls `struct page`.

    Only that of a block's first page means anything; others may never have been written. While the
    block is allocated, `link`, `flags`, `uses` and `owner` are its user's.
    """

    link: ListHead
    """In the list of free blocks."""
    state: U8 = field(FrameState)
    order: U8
    """log2 of the block's pages."""
    flags: U16
    uses: FrameUses
    owner: U64
    """What the block belongs to, or the next one of a chain."""


@inline(changes="physical")
def frame_of(physical: U64) -> Ptr[Frame]:
    """Turn the physical address of a page, in the register `physical`, into that of its record."""
    shr(physical, PageShift.PAGE - SIZE_SHIFT)
    base = scratch(U64)
    mov(base, Area.FRAME_TABLE)
    add(physical, base)
    release(base)
    return cast(physical, Ptr[Frame])


@inline(changes="address")
def frame_at(address: U64) -> Ptr[Frame]:
    """Turn an address in the direct map, in the register `address`, into that of the record of its
    page."""
    physical_of(address)
    round_down(address, PAGE)  # or bits of the offset would be shifted into the record's address
    return frame_of(address)


@inline(changes="frame")
def page_of(frame: Ptr[Frame]) -> PhysicalAddress:
    """Turn the address of a record, in the register `frame`, into the physical address of its
    page."""
    physical = cast(frame, PhysicalAddress)
    base = scratch(U64)
    mov(base, Area.FRAME_TABLE)
    sub(physical, base)
    release(base)
    shl(physical, PageShift.PAGE - SIZE_SHIFT)
    return physical
