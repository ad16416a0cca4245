"""Mappings that are made while the kernel runs."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.mm.arena import Arena, Range, Use
from kernel.mm.directmap import DirectMap
from kernel.mm.frames import frame_of
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.mapper import Mapper
from kernel.mm.pages import Pages
from kernel.mm.pagetables import PageTables
from kernel.mm.tablewalker import TableWalker
from kernel.paging.addresses import RUNTIME_END, Area
from kernel.paging.permissions import DEVICE, WRITE
from pykasm import *

GUARDS = 2
"""Pages of each range that stay unmapped: its first and its last, so that what runs over an end
is noticed."""


class Runtime(Subsystem):
    """Memory and devices at addresses of their own, with unmapped pages around them.

    Without memory the result is 0. Context: thread; sleeps not, but waits for other processors.
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
        """Take the addresses of the area over. Without memory for that, none can be had later."""
        mov(rdi, Area.RUNTIME)
        mov(rsi, RUNTIME_END)
        ignore(self.arena.start(rdi, rsi))

    @function
    def allocate(self, pages: Keep[U64]) -> U64:
        """The address of this many pages of memory, not cleared, or 0."""
        range, place, done = keep(Ptr[Range]), keep(U64), keep(U64)
        mov(range, self.range(pages, Use.MEMORY))
        with if_(range == 0):
            ret(0)
        mov(place, range.place.key)
        xor(u32(done), u32(done))
        with while_(done < pages):
            add(place, PAGE)
            added = self.add_page(place)
            with if_(added == 0):
                self.release(range, done)
                ret(0)
            inc(done)
        mov(rax, range.place.key)
        add(rax, PAGE)
        ret(rax)

    @function
    def range(self, pages: U64, use: U64) -> Ptr[Range]:
        """A range with room for this many pages and the guards, or null."""
        add(pages, GUARDS)
        with if_(CF):
            ret(0)
        tail(self.arena.allocate, pages, use)

    @function
    def add_page(self, address: Keep[U64]) -> U32:
        """Map a page of memory at `address`; 0 if there is none."""
        page = keep(self.pages.allocate_page())
        with if_(page == 0):
            ret(0)
        mov(r8, WRITE)
        kernel = address_of(self.kernel.space)
        failed = self.mapper.map(kernel, address, page, PAGE, r8, PageShift.PAGE)
        with if_(failed != 0):
            self.pages.free_page(page)
            ret(0)
        ret(1)

    @function
    def free(self, address: U64) -> None:
        """Free what `allocate` gave."""
        range = self.arena.find(self._start(address))
        asserts((range != 0) & (range.use == Use.MEMORY))  # else never allocated, or freed twice
        mov(rsi, range.pages)
        sub(rsi, GUARDS)
        tail(self.release, range, rsi)

    def _start(self, address: U64) -> U64:
        """Turn an address that was given out into the start of its range."""
        and_(address, -PAGE)
        sub(address, PAGE)
        return address

    @function
    def release(self, range: Keep[Ptr[Range]], count: U64) -> None:
        """Free a range whose first `count` pages have memory, and that memory."""
        length, first = keep(count), local(U64)
        shl(length, PageShift.PAGE)
        mov(first, self.collect(range, length))
        mov(rsi, range.place.key)
        add(rsi, PAGE)
        ignore(self.mapper.unmap(address_of(self.kernel.space), rsi, length))
        self.tables.free_chain(first)
        tail(self.arena.free, range)

    @function
    def collect(self, range: Ptr[Range], length: U64) -> U64:
        """Chain the pages that the first `length` bytes of `range` are mapped to; the first one."""
        address, end, last = keep(range.place.key), keep(length), keep(U64)
        add(address, PAGE)
        add(end, address)
        xor(u32(last), u32(last))
        with while_(address < end):
            page, entry = self.walker.translate(address_of(self.kernel.space), address)
            ignore(entry)
            mov(rcx, page)
            mov(frame_of(rcx).owner, last)
            mov(last, page)
            add(address, PAGE)
        ret(last)

    @function
    def map_device(self, physical: U64, length: Keep[U64]) -> U64:
        """Where `length` bytes of device registers at `physical` can be used, uncached; or 0, also
        where there can't be any: the place may be what a broken device says."""
        page, offset = keep(physical), keep(physical)
        possible = self.direct_map.can_be_registers(page, length)
        with if_(possible == 0):
            ret(0)
        and_(page, -PAGE)
        and_(offset, PAGE - 1)
        lea(length, bare[length + offset + (PAGE - 1)])
        and_(length, -PAGE)
        mov(rdi, length)
        shr(rdi, PageShift.PAGE)
        range = keep(self.range(rdi, Use.DEVICE))
        with if_(range == 0):
            ret(0)
        add(offset, range.place.key)
        add(offset, PAGE)
        failed = self.map_registers(range, page, length)
        with if_(failed != 0):
            self.arena.free(range)
            ret(0)
        ret(offset)

    @function
    def map_registers(self, range: Ptr[Range], page: U64, length: U64) -> I32:
        """Map the registers from physical `page` on. 0 or -ENOMEM."""
        mov(rax, range.place.key)
        add(rax, PAGE)
        mov(r8, DEVICE)
        kernel = address_of(self.kernel.space)
        tail(self.mapper.map, kernel, rax, page, length, r8, PageShift.PAGE)

    @function
    def unmap_device(self, address: U64) -> None:
        """Free the addresses that `map_device` gave."""
        range = keep(self.arena.find(self._start(address)))
        asserts((range != 0) & (range.use == Use.DEVICE))  # else never mapped, or unmapped twice
        mov(rsi, range.place.key)
        add(rsi, PAGE)
        mov(rdx, range.pages)
        sub(rdx, GUARDS)
        shl(rdx, PageShift.PAGE)
        ignore(self.mapper.unmap(address_of(self.kernel.space), rsi, rdx))
        tail(self.arena.free, range)
