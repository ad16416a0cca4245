"""Mappings that are made while the kernel runs."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.mm.addressrange import AddressRange, RangeUse
from kernel.mm.arena import Arena
from kernel.mm.directmap import DirectMap
from kernel.mm.frames import frame_of
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.mapper import Mapper
from kernel.mm.pages import Pages
from kernel.mm.pagetables import PageTables
from kernel.mm.tablewalker import TableWalker
from kernel.paging.addresses import RUNTIME_END, Area, PhysicalAddress
from kernel.paging.permissions import DEVICE, WRITE
from kernel.structures.alignment import round_down
from pykasm import *

GUARDS = 2
"""Pages of each range that stay unmapped: its first and its last, so that what runs over an end
faults."""


class RuntimeMappings(Subsystem):
    """Maps memory and device registers at addresses of their own, between unmapped guard pages;
    what Linux calls vmalloc and ioremap.

    Without memory the result is 0. Context: thread; does not sleep, but waits for other processors.
    """

    def __init__(
        self,
        arena: Arena,
        kernel: KernelSpace,
        mapper: Mapper,
        walker: TableWalker,
        tables: PageTables,
        pages: Pages,
        direct_map: DirectMap,
    ) -> None:
        self.arena = arena
        self.kernel = kernel
        self.mapper = mapper
        self.walker = walker
        self.tables = tables
        self.pages = pages
        self.direct_map = direct_map

    @function(init=True)
    def start(self) -> None:
        """Give the arena its addresses. Without memory for that, none can be allocated later."""
        ignore(self.arena.start(Area.RUNTIME, RUNTIME_END))

    @function
    def _allocate_range(self, pages: U64, use: U64) -> Owned[OrNull[Ptr[AddressRange]]]:
        """Allocate a range for this many pages and the guards, or return null."""
        add(pages, GUARDS)
        fail_if(CF)
        tail(self.arena.allocate, pages, use)

    @inline(changes="address")
    def _range_start(self, address: U64) -> U64:
        """Turn an address that users have into the start of its range."""
        round_down(address, PAGE)
        sub(address, PAGE)
        return address

    # Memory

    @function
    def allocate(self, pages: Keep[U64]) -> Owned[OrNull[U64]]:
        """Allocate this many pages, not cleared. Returns their address, or 0."""
        range, place, done = keep(Ptr[AddressRange]), keep(U64), keep(U64)
        mov(range, self._allocate_range(pages, RangeUse.MEMORY))
        with if_(range == 0):
            ret(0)
        mov(place, range.by_address.key)
        xor(u32(done), u32(done))
        with while_(done < pages):
            add(place, PAGE)
            with if_(~self._add_page(place)):
                self._release(range, done)
                ret(0)
            inc(done)
        address = scratch(range.by_address.key)
        add(address, PAGE)
        disown(range, "its address stands for it")
        ret(address)

    @function
    def _add_page(self, address: Keep[U64]) -> Bool:
        """Map a page of memory at `address`. Returns whether there was one."""
        page = keep(try_(self.pages.allocate_page()))
        errdefer(self.pages.free_page, page)
        kernel = address_of(self.kernel.space)
        fail_if(self.mapper.map(kernel, address, page, PAGE, WRITE, PageShift.PAGE) != 0)
        disown(page, "it is mapped")
        ret(True)

    @function
    def free(self, address: Owned[U64]) -> None:
        """Free what `allocate` returned."""
        disown(address, "the range stands for it")
        range = self.arena.find(self._range_start(address))
        asserts((range != 0) & (range.use == RangeUse.MEMORY))  # else freed twice, or never got
        pages = scratch(range.pages)
        sub(pages, GUARDS)
        take_over(range, "who had the address had it")
        tail(self._release, range, pages)

    @function
    def _release(self, range: Keep[Owned[Ptr[AddressRange]]], count: U64) -> None:
        """Free a range whose first `count` pages have memory, and that memory."""
        length, first = keep(count), local(U64)
        shl(length, PageShift.PAGE)
        # Pages are found before they are unmapped, and freed after all TLBs have forgotten them
        mov(first, self._chain_pages(range, length))
        address = scratch(range.by_address.key)
        add(address, PAGE)
        kernel = address_of(self.kernel.space)
        ignore(self.mapper.unmap(kernel, address, length), "all its pages are small")
        self._free_pages(first)
        tail(self.arena.free, range)

    @function
    def _free_pages(self, first: U64) -> None:
        """Free what `_chain_pages` has linked. Unlike tables that are empty again, these pages have
        whatever was written to them."""
        next = keep(first)
        with while_(next != 0):
            page, record = scratch(next), scratch(next)
            mov(next, frame_of(record).owner)  # before the page is somebody else's
            take_over(page, "the chain had it")
            self.pages.free_page(page)

    @function
    def _chain_pages(self, range: Ptr[AddressRange], length: U64) -> U64:
        """Link the pages that the first `length` bytes of `range` are mapped to, by `Frame.owner`.
        Returns the physical address of the first, or 0."""
        address, end, last = keep(range.by_address.key), keep(length), keep(U64)
        add(address, PAGE)
        add(end, address)
        xor(u32(last), u32(last))
        with while_(address < end):
            page, entry = self.walker.translate(address_of(self.kernel.space), address)
            ignore(entry)
            physical = scratch(page)
            mov(frame_of(physical).owner, last)
            mov(last, page)
            release(physical)
            add(address, PAGE)
        ret(last)

    # Devices

    @function
    def map_device(self, physical: PhysicalAddress, length: Keep[U64]) -> Owned[OrNull[U64]]:
        """Map `length` bytes of device registers at `physical`, uncached. Returns their address; or
        0, also where there can't be any: the place may be what a broken device says."""
        page, offset = keep(physical), keep(physical)
        with if_(~self.direct_map.can_be_registers(page, length)):
            ret(0)
        round_down(page, PAGE)
        and_(offset, PAGE - 1)
        lea(length, bare[length + offset + (PAGE - 1)])
        round_down(length, PAGE)
        pages = scratch(length)
        shr(pages, PageShift.PAGE)
        range = keep(self._allocate_range(pages, RangeUse.DEVICE))
        with if_(range == 0):
            ret(0)
        add(offset, range.by_address.key)
        add(offset, PAGE)
        failed = self._map_registers(range, page, length)
        with if_(failed != 0):
            self.arena.free(range)
            ret(0)
        disown(range, "its address stands for it")
        ret(offset)

    @function
    def _map_registers(self, range: Ptr[AddressRange], page: U64, length: U64) -> OrErrno[I32]:
        """Map `length` bytes of registers from physical `page` on into `range`. Returns 0 or
        -ENOMEM."""
        address, kernel = scratch(range.by_address.key), address_of(self.kernel.space)
        add(address, PAGE)
        tail(self.mapper.map, kernel, address, page, length, DEVICE, PageShift.PAGE)

    @function
    def unmap_device(self, address: Owned[U64]) -> None:
        """Unmap what `map_device` returned."""
        disown(address, "the range stands for it")
        range = keep(self.arena.find(self._range_start(address)))
        asserts((range != 0) & (range.use == RangeUse.DEVICE))  # else unmapped twice, or never got
        start, length = scratch(range.by_address.key), scratch(range.pages)
        add(start, PAGE)
        sub(length, GUARDS)
        shl(length, PageShift.PAGE)
        kernel = address_of(self.kernel.space)
        ignore(self.mapper.unmap(kernel, start, length), "all its pages are small")
        take_over(range, "who had the address had it")
        tail(self.arena.free, range)
