"""Physical memory by pages."""

from __future__ import annotations

from kernel.cpu.interruptflag import interrupts_disabled
from kernel.mm.faultinjection import FaultInjection
from kernel.mm.frames import FrameState, frame_of
from kernel.mm.pagemagazines import PageMagazines
from kernel.mm.zones import Zones
from kernel.paging.addresses import PhysicalAddress, clear_page
from pykasm import *


class Pages(Subsystem):
    """Allocates and frees pages, and blocks of 2^order pages, by their physical addresses.

    A block is aligned to its size, and not cleared. Without memory the result is 0, and nothing has
    changed. Context: any.
    """

    def __init__(
        self, zones: Zones, caches: PageMagazines, fault_injection: FaultInjection
    ) -> None:
        self.zones = zones
        self.caches = caches
        self.fault_injection = fault_injection

    @function(init=True)
    def start(self) -> None:
        """Take over from `EarlyFrames`. The frame table has its tables, but for the lowest."""
        self.zones.start()
        tail(self.caches.start)

    @function
    def allocate_page(self) -> Owned[OrNull[PhysicalAddress]]:
        """Allocate a page. Returns its physical address, or 0."""
        self.fault_injection.inject()
        with interrupts_disabled():  # a handler may allocate, too
            page = self.caches.allocate()
        ret(page)

    @function
    def allocate_zeroed(self) -> Owned[OrNull[PhysicalAddress]]:
        """Allocate a page full of zeros. Returns its physical address, or 0."""
        self.fault_injection.inject()
        page, is_dirty = keep(U64), keep(U32)
        xor(is_dirty, is_dirty)
        with interrupts_disabled():
            mov(page, self.caches.allocate_zeroed())
            with if_(page == 0):
                mov(page, self.caches.allocate())
                inc(is_dirty)
        with if_((page != 0) & (is_dirty != 0)):
            clear_page(page)
        ret(page)

    @function
    def free_page(self, physical: Owned[PhysicalAddress]) -> None:
        """Free the page at `physical`, allocated alone or with order 0."""
        with interrupts_disabled():
            self._check(physical, 0)
            self.caches.free(physical)

    @function
    def free_zeroed(self, physical: Owned[PhysicalAddress]) -> None:
        """Free the page at `physical`, allocated alone, which is full of zeros again."""
        with interrupts_disabled():
            self._check(physical, 0)
            self.caches.free_zeroed(physical)

    @inline(changes=rax)
    def _check(self, physical: PhysicalAddress, order: object) -> None:
        """In debug builds, assert that a block of `order` is allocated there."""
        mov(rax, physical)
        frame = frame_of(rax)
        asserts(frame.state == FrameState.ALLOCATED)  # else freed twice, or never allocated
        asserts(frame.order == order)

    @function
    def allocate(self, order: U32) -> Owned[OrNull[PhysicalAddress]]:
        """Allocate a block of 2^`order` pages. Returns its physical address, or 0."""
        with if_(order == 0):
            tail(self.allocate_page)
        order = keep(order)
        block = self.allocate_at_hand(order)
        with if_(block != 0):
            ret(block)
        self.caches.drain_all()  # pages of this processor's cache may be what a block lacks
        tail(self.zones.allocate, order)

    @function
    def allocate_at_hand(self, order: U32) -> Owned[OrNull[PhysicalAddress]]:
        """Allocate a block of 2^`order` pages, more than one, if that takes no effort. Returns its
        physical address, or 0."""
        self.fault_injection.inject()
        tail(self.zones.allocate, order)

    @function
    def allocate_low(self, order: U32) -> Owned[OrNull[PhysicalAddress]]:
        """Allocate a block of 2^`order` pages below 4 GiB. Returns its physical address, or 0."""
        self.fault_injection.inject()
        order = keep(order)
        block = self.zones.allocate_from(address_of(self.zones.low), order)
        with if_(block != 0):
            ret(block)
        self.caches.drain_all()
        tail(self.zones.allocate_from, address_of(self.zones.low), order)

    @function
    def free(self, physical: Owned[PhysicalAddress], order: U32) -> None:
        """Free the block of 2^`order` pages at `physical`."""
        with if_(order == 0):
            tail(self.free_page, physical)
        self._check(physical, u8(order))
        tail(self.zones.free, physical, order)

    @function
    def free_count(self) -> U64:
        """Count the pages that can be allocated: of open sections, of others, and in caches."""
        sum = scratch(U64)
        xor(sum, sum)
        for zone in (self.zones.low, self.zones.high):
            with zone.lock.held():
                for pages in (zone.free_pages, zone.unopened_pages):
                    add(sum, pages)
        with self.caches.each() as cache:
            add(sum, cache.count)
        ret(sum)

    @function
    def unused_count(self) -> U64:
        """Count the pages that nobody uses: those, and what will hold records of others once these
        are used."""
        sum = keep(self.free_count())
        for zone in (self.zones.low, self.zones.high):
            with zone.lock.held():
                add(sum, zone.record_pages)
        ret(sum)
