"""Memory of any size."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.mm.frames import frame_at, frame_of
from kernel.mm.objectcache import ObjectCache
from kernel.mm.pages import Pages
from kernel.mm.slab import Slab
from kernel.mm.slabs import SlabCache, Slabs
from kernel.mm.zone import MAX_ORDER
from kernel.paging.addresses import direct, physical_of
from pykasm import *

SIZES = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
"""Bytes of the objects that the heap has caches for; larger ones are blocks of pages."""

GRAIN = 16
GRAIN_SHIFT = 4
"""Sizes are looked up by how many of these bytes they have."""


class Heap(Subsystem):
    """Allocates and frees memory, aligned to 16 bytes, from a page on to pages; Linux's kmalloc.
    It is not cleared. Context: any."""

    def __init__(self, slabs: Slabs, pages: Pages) -> None:
        self.slabs = slabs
        self.pages = pages
        self.caches = [SlabCache(slabs, f"{size} bytes", U8 * size) for size in SIZES]
        self.caches_by_class = rodata(
            Ptr[ObjectCache] * len(SIZES), [address_of(one.cache) for one in self.caches]
        )
        grains = range(SIZES[-1] // GRAIN + 1)
        fitting = [next(n for n, size in enumerate(SIZES) if size >= g * GRAIN) for g in grains]
        self.size_classes = rodata(U8 * len(fitting), fitting)

    @function
    def allocate(self, size: U64) -> Owned[OrNull[U64]]:
        """Allocate `size` bytes. Returns their address, or 0."""
        with if_(size > SIZES[-1]):
            tail(self._allocate_pages, size)
        add(size, GRAIN - 1)
        shr(size, GRAIN_SHIFT)
        size_class = scratch(U32)
        movzx(size_class, self.size_classes[size])
        cache = scratch(self.caches_by_class[size_class])
        ret(self.slabs.allocate_inline(cache))

    @function
    def free(self, address: Owned[U64]) -> None:
        """Free what `allocate` returned; 0 is nothing."""
        with if_(address == 0):
            ret()
        # Every page of a slab has the slab as its owner; blocks of whole pages have none
        page = scratch(address)
        slab = scratch(cast(frame_at(page).owner, Ptr[Slab]))
        with if_(slab == 0):
            tail(self._free_pages, address)
        self.slabs.free_inline(scratch(slab.cache), address)

    @function
    def _allocate_pages(self, size: U64) -> Owned[OrNull[U64]]:
        """Allocate the smallest block of pages that has `size` bytes. Returns its address, or 0."""
        order = keep(U32)
        xor(order, order)
        mov(eax, PAGE)
        with while_(rax < size):
            add(rax, rax)
            inc(order)
            with if_(order > MAX_ORDER):
                ret(0)
        block = keep(self.pages.allocate(order))
        with if_(block != 0):
            physical = scratch(block)
            mov(frame_of(physical).owner, 0)
            direct(block)
        ret(block)

    @function
    def _free_pages(self, address: Owned[U64]) -> None:
        """Free a block of pages at `address`."""
        physical_of(address)
        page, order = scratch(address), scratch(U32)
        movzx(order, frame_of(page).order)
        tail(self.pages.free, address, order)
