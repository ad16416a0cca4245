"""The memory map: which physical memory there is, and what for."""

from __future__ import annotations

from kernel.boot.memorykind import MemoryKind
from pykasm import *


class MemoryRegion(Struct):
    """`length` bytes of physical memory from `address`."""

    address: U64
    length: U64
    kind: U64 = field(MemoryKind)


REGIONS_OF_ENTRY = 2
"""The most regions that an entry of a loader's map adds: one may be split by those over it."""


class MemoryMap(Subsystem):
    """Regions in ascending order of addresses that do not overlap. Adjacent ones are of different
    kinds.

    They are made of a loader's entries, which may overlap: there the kind of the greatest number
    counts (as in Linux's e820__update_table), so that memory in use is never taken to be available.
    All that has to be known of the entries so far is where those of each kind end at last. Context:
    the first processor adds to it while starting; later any context may read it.
    """

    regions = bss(Ptr[MemoryRegion])
    """An array, null while there is no memory for it."""
    region_count = bss(U32)
    settled = bss(U64)
    """Up to where regions are made: what is to be added begins at this address or behind it."""
    told_kinds = bss(U32)
    """A bit for each kind of which there were entries."""
    last_of_kind = bss(U64 * (max(MemoryKind) + 1))
    """The greatest last address of the entries of each kind in `told_kinds`."""

    # Adding

    @function(init=True)
    def add_entry(self, first: U64, last: Keep[U64], kind: Keep[U32]) -> None:
        """Add memory from physical `first` to `last`, inclusive; `first` is not less than that of
        the entry before."""
        start = keep(first)
        with while_(self.settled != start):
            self._settle(start)
        slot = scratch(Ptr[U64])
        lea(slot, self.last_of_kind[kind])
        bts(self.told_kinds, kind)
        with if_(~CF | (last > at(slot))):
            mov(at(slot), last)

    @function(init=True)
    def end_entries(self) -> None:
        """Make the last regions, when all entries are added."""
        with do_while(self.settled != 0):  # which it is again when all addresses are settled
            self._settle(0)

    @function(init=True)
    def _settle(self, until: U64) -> None:
        """Make a region of those that end at `until` at most, which is 0 for the end of all
        addresses: the one at `settled`, whose kind is the greatest of all entries there."""
        kind, last = scratch(U32), scratch(until)
        dec(last)
        mov(kind, max(MemoryKind))
        with while_(kind != 0):
            bt(self.told_kinds, kind)
            with if_(CF):
                mov(rax, self.last_of_kind[kind])
                with if_(rax >= self.settled):
                    with if_(rax < last):
                        mov(last, rax)
                    break_()
            dec(kind)
        first = scratch(self.settled)
        lea(rax, bare[last + 1])
        mov(self.settled, rax)
        with if_(kind != 0):
            tail(self._append, first, last, kind)

    @function(init=True)
    def _append(self, first: U64, last: U64, kind: U32) -> None:
        """Append a region from `first` to `last`, or extend the one before it."""
        region, length = scratch(Ptr[MemoryRegion]), scratch(last)
        sub(length, first)
        inc(length)
        with if_(length == 0):  # all addresses: their number is none of 64 bits
            dec(length)
        imul(eax, self.region_count, sizeof(MemoryRegion))
        mov(region, self.regions)
        add(region, rax)
        with if_(self.region_count != 0):
            before = region[-1]
            mov(rax, before.address)
            add(rax, before.length)
            with if_((rax == first) & (before.kind == u64(kind))):
                add(before.length, length)
                ret()
        mov(region.address, first)
        mov(region.length, length)
        mov(region.kind, u64(kind))
        inc(self.region_count)

    # Asking

    @function
    def first_from(self, address: U64) -> tuple[Ptr[MemoryRegion], Ptr[MemoryRegion]]:
        """Return the first region that ends behind physical `address`, and the end of the array,
        which is that region's place if there is none."""
        regions, middle = scratch(self.regions), scratch(Ptr[MemoryRegion])
        low, high = scratch(U32), scratch(self.region_count)
        xor(low, low)
        with while_(low < high):
            lea(eax, bare[u64(low) + u64(high)])
            shr(eax, 1)
            point_at(middle, regions, rax)
            mov(rcx, middle.address)
            add(rcx, middle.length)
            dec(rcx)  # the last address, as the end may be 2**64
            with if_(rcx < address):
                lea(low, bare[rax + 1])
            with else_():
                mov(high, eax)
        point_at(middle, regions, u64(low))
        mov(eax, self.region_count)
        point_at(rdx, regions, rax)
        ret(middle, cast(rdx, Ptr[MemoryRegion]))

    @function
    def has_memory(self, start: U64, last: Keep[U64]) -> Bool:
        """Return whether there is memory, used or not, from physical `start` to `last`,
        inclusive."""
        region, end = self.first_from(start)
        with while_((region < end) & (region.address <= last)):
            with if_(region.kind != MemoryKind.RESERVED):
                ret(True)
            add(region, sizeof(MemoryRegion))
        ret(False)
