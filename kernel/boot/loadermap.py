"""The memory map as a loader left it."""

from __future__ import annotations

from kernel.boot import efi
from kernel.boot.memorykind import MemoryKind
from kernel.boot.multiboot2 import Multiboot2MemoryMapEntry
from kernel.cpu.pagetable import PageShift
from kernel.structures.sort import HeapSort
from pykasm import *

KIB_SHIFT = 10
EXTENDED_MEMORY = 1 << 20
"""Where the upper memory of a loader's basic information begins."""


class LoaderMap(Subsystem):
    """The entries of the best memory map that the loader left, in its own memory.

    Multiboot2 and PVH have the same form of entries; other maps are brought into it. Maps are
    offered in the order of their worth: the first with available memory counts. Context: the first
    processor, while it reads the loader's information.
    """

    entries = bss(Ptr[Multiboot2MemoryMapEntry])
    """Null as long as there is no map."""
    count = bss(U64)
    size = bss(U64)
    """Bytes of an entry."""
    basic = bss(Multiboot2MemoryMapEntry * 2)
    """The map that is made of basic information."""

    def __init__(self, heap_sort: HeapSort) -> None:
        self.heap_sort = heap_sort

    @function(init=True)
    def offer(
        self, entries: Ptr[Multiboot2MemoryMapEntry], count: Keep[U64], size: Keep[U64]
    ) -> None:
        """Take the map of `count` entries of `size` bytes, a multiple of 8, if there is available
        memory in it and no map yet; sort it by addresses."""
        entry = keep(entries)
        with if_((self.entries != 0) | (lambda: ~self._has_memory(entry, count, size))):
            ret()
        mov(self.entries, entry)
        mov(self.count, count)
        mov(self.size, size)
        tail(self.heap_sort.sort, u64(entry), count, size)

    @function(init=True)
    def _has_memory(self, entry: Ptr[Multiboot2MemoryMapEntry], count: U64, size: U64) -> Bool:
        """Return whether one of `count` entries of `size` bytes is available memory."""
        with while_(count != 0):
            with if_((entry.type == MemoryKind.AVAILABLE) & (entry.length != 0)):
                ret(True)
            add(entry, size)
            dec(count)
        ret(False)

    @function(init=True)
    def offer_efi(self, descriptors: Ptr[efi.MemoryDescriptor], count: U64, size: U64) -> None:
        """Offer the map of UEFI that has `count` descriptors of `size` bytes."""
        with if_(self.entries != 0):
            ret()
        descriptor, left = scratch(descriptors), scratch(count)
        with while_(left != 0):
            self._rewrite(descriptor)
            add(descriptor, size)
            dec(left)
        tail(self.offer, cast(descriptors, Ptr[Multiboot2MemoryMapEntry]), count, size)

    @inline(changes=(rax, rcx))
    def _rewrite(self, descriptor: Ptr[efi.MemoryDescriptor]) -> None:
        """Turn `descriptor` into an entry, which is shorter."""
        entry, kind_found = cast(descriptor, Ptr[Multiboot2MemoryMapEntry]), scratch(U32)
        mov(kind_found, MemoryKind.RESERVED)
        for kind, types in efi.TYPES_OF_KIND.items():
            for one in types:
                with if_(descriptor.type == one):
                    mov(kind_found, kind)
        mov(rax, descriptor.physical_start)
        mov(rcx, descriptor.number_of_pages)
        shl(rcx, PageShift.PAGE)
        mov(entry.base_address, rax)
        mov(entry.length, rcx)
        mov(entry.type, kind_found)
        release(kind_found)

    @function(init=True)
    def offer_basic(self, lower: U32, upper: U32) -> None:
        """Offer `lower` KiB from 0 and `upper` KiB from 1 MiB on (Multiboot2, 3.6.3)."""
        low, high = self.basic[0], self.basic[1]
        mov(rax, EXTENDED_MEMORY)
        mov(high.base_address, rax)
        for entry, amount in ((low, lower), (high, upper)):
            shl(u64(amount), KIB_SHIFT)
            mov(entry.length, u64(amount))
            mov(entry.type, MemoryKind.AVAILABLE)
        tail(self.offer, address_of(low), 2, sizeof(Multiboot2MemoryMapEntry))
