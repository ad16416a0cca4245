"""Memory of any size."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.mm.frames import frame_of
from kernel.mm.objectcache import ObjectCache
from kernel.mm.pages import Pages
from kernel.mm.slab import Slab
from kernel.mm.slabs import SlabCache, Slabs
from kernel.mm.zone import MAX_ORDER
from kernel.paging.addresses import Area, direct
from pykasm import *

SIZES = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
"""Bytes of the objects that the heap has caches for; larger ones are blocks of pages."""

GRAIN = 16
GRAIN_SHIFT = 4
"""Sizes are looked up by how many of these bytes they have."""


class Heap(Subsystem):
    """Gives and takes memory, aligned to 16 bytes, from a page on to pages. What it gives is not
    cleared. Context: any."""

    def __init__(self, slabs: Slabs, pages: Pages) -> None:
        self.slabs = slabs
        self.pages = pages
        self.caches = [SlabCache(slabs, f"{size} bytes", size) for size in SIZES]
        self.by_size = rodata(
            Ptr[ObjectCache] * len(SIZES), [address_of(one.cache) for one in self.caches]
        )
        grains = range(SIZES[-1] // GRAIN + 1)
        fitting = [next(n for n, size in enumerate(SIZES) if size >= g * GRAIN) for g in grains]
        self.classes = rodata(U8 * len(fitting), fitting)

    @function
    def allocate(self, size: U64) -> U64:
        """The address of `size` bytes, or 0."""
        with if_(size > SIZES[-1]):
            tail(self.allocate_pages, size)
        add(size, GRAIN - 1)
        shr(size, GRAIN_SHIFT)
        movzx(eax, self.classes[size])
        mov(rdi, self.by_size[rax])
        ret(self.slabs.allocate_in_place(cast(rdi, Ptr[ObjectCache])))

    @function
    def free(self, address: U64) -> None:
        """Take back what `allocate` gave; 0 is nothing."""
        with if_(address == 0):
            ret()
        mov(rax, Area.DIRECT_MAP)
        physical = scratch(address)
        sub(physical, rax)
        and_(physical, -PAGE)
        mov(rax, frame_of(physical).owner)
        with if_(rax == 0):
            tail(self.free_pages, address)
        self.slabs.free_in_place(scratch(cast(rax, Ptr[Slab]).cache), address)

    @function
    def allocate_pages(self, size: U64) -> U64:
        """The same for whole pages."""
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
            mov(rax, block)
            mov(frame_of(rax).owner, 0)
            direct(block)
        ret(block)

    @function
    def free_pages(self, address: U64) -> None:
        """The same."""
        mov(rax, Area.DIRECT_MAP)
        sub(address, rax)
        mov(rax, address)
        movzx(esi, frame_of(rax).order)
        tail(self.pages.free, address, esi)
