"""Physical memory by pages."""

from __future__ import annotations

from kernel.cpu.interruptflag import interrupts_disabled
from kernel.cpu.pagetable import PAGE
from kernel.cpu.percpu import PerCpu
from kernel.mm.buddy import Buddy
from kernel.mm.faultinjection import FaultInjection
from kernel.mm.frames import Frame, FrameState, frame_of, page_of
from kernel.mm.sections import Sections
from kernel.mm.zone import LOW_END, Zone
from kernel.paging.addresses import MEMORY_END, clear_page
from kernel.paging.walk import PageWalk
from kernel.structures.list import ListHead, container
from pykasm import *

CACHE_SIZE = 64
"""Pages that a processor keeps for itself at most."""

BATCH = 32
"""Pages that go into or out of its cache at once, so that a processor which takes and gives pages
in turn at the edge of its cache seldom needs a zone."""


class PageCache(Struct):
    """Free pages of one processor, used like a stack: what was freed last is in its caches."""

    link: ListHead
    """In `Pages.caches`."""
    count: U64
    pages: Array[U64] = field(count=CACHE_SIZE)


class Pages(Subsystem):
    """Gives and takes pages, and blocks of 2^order pages, by their physical addresses.

    A block is aligned to its size. Nothing is cleared unless said so. Without memory the result is
    0, and nothing has changed. Memory above 4 GiB is given first, so that what devices with 32-bit
    addresses can reach lasts longer. Context: any.
    """

    low = bss(Zone)
    high = bss(Zone)
    caches = bss(ListHead)
    """Of all processors that were started."""
    cache = percpu(PageCache)

    def __init__(
        self,
        sections: Sections,
        buddy: Buddy,
        walk: PageWalk,
        per_cpu: PerCpu,
        fault_injection: FaultInjection,
    ) -> None:
        self.sections = sections
        self.buddy = buddy
        self.walk = walk
        self.per_cpu = per_cpu
        self.fault_injection = fault_injection

    @function(init=True)
    def start(self) -> None:
        """Take over from `EarlyFrames`. The tables that map the frame table's large pages exist."""
        self.sections.start()
        self.caches.reset()
        self.start_zone(address_of(self.low), 0, LOW_END)
        self.start_zone(address_of(self.high), LOW_END, MEMORY_END)
        tail(self.start_processor)

    @function(init=True)
    def start_zone(self, zone: Keep[Ptr[Zone]], start: U64, end: U64) -> None:
        """Let `zone` have the free memory from physical `start` up to `end`."""
        self.buddy.start(zone, start, end)
        with zone.lock.held():
            self.sections.count_untouched(zone)

    @function
    def start_processor(self) -> None:
        """Let this processor have a cache. Context: starting it, interrupts off."""
        cache, link = scratch(Ptr[PageCache]), scratch(Ptr[ListHead])
        self.per_cpu.point_at(u64(cache), self.cache)
        lea(link, cache.link)
        self.caches.append(link)

    # Single pages

    @function
    def allocate_page(self) -> U64:
        """The physical address of a page, or 0."""
        self.fault_injection.inject()
        with interrupts_disabled():
            with if_(self.cache.count == 0):
                self.refill()
            page = scratch(U64)
            self._pop(page)
        ret(page)

    def _pop(self, page: U64) -> None:
        """A page of the cache, 0 if there is none. Changes rax."""
        count = scratch(self.cache.count)
        xor(u32(page), u32(page))
        with if_(count != 0):
            dec(count)
            mov(self.cache.count, count)
            mov(page, self.cache.pages[count])
            mov(rax, page)
            mov(frame_of(rax).state, FrameState.ALLOCATED)
        release(count)

    @function
    def free_page(self, physical: U64) -> None:
        """Take a page back that `allocate_page`, or `allocate` with order 0, gave."""
        with interrupts_disabled():
            self._check(physical, 0)
            with if_(self.cache.count == CACHE_SIZE):
                self.drain_and_push(physical)
            with else_():
                self._push(physical)

    def _check(self, physical: U64, order: object) -> None:
        """In debug builds: see that somebody has the block. Changes rax."""
        mov(rax, physical)
        frame = frame_of(rax)
        asserts(frame.state == FrameState.ALLOCATED)  # else freed twice, or never allocated
        asserts(frame.order == order)

    def _push(self, page: U64) -> None:
        """Put `page` into the cache, which is not full. Changes rax."""
        mov(rax, self.cache.count)
        mov(self.cache.pages[rax], page)
        inc(self.cache.count)
        mov(rax, page)
        mov(frame_of(rax).state, FrameState.CACHED)

    @function
    def drain_and_push(self, page: Keep[U64]) -> None:
        """The same, into a full one."""
        self.drain(BATCH)
        self._push(page)

    @function
    def refill(self) -> None:
        """Put some pages into the empty cache, if there are any. Context: interrupts off."""
        self.refill_from(address_of(self.high))
        with if_(self.cache.count == 0):
            tail(self.refill_from, address_of(self.low))

    @function
    def refill_from(self, zone: Keep[Ptr[Zone]]) -> None:
        """Put up to `BATCH` pages of `zone` into the cache. Context: interrupts off."""
        left = keep(U32)
        with zone.lock.held_interrupts_off(), for_(left, 0, BATCH):
            frame = scratch(self.take(zone, 0))
            break_if(frame == 0)
            self._push(page_of(frame))
            release(frame)

    @function
    def drain(self, count: U64) -> None:
        """Give up to `count` pages of the cache back to their zones. Context: interrupts off."""
        left, page = keep(count), keep(U64)
        with while_(left != 0):
            self._pop(page)
            break_if(page == 0)
            self.free_block(page, 0)
            dec(left)

    # Blocks

    @function
    def allocate(self, order: U32) -> U64:
        """The physical address of a block of 2^`order` pages, or 0."""
        with if_(order == 0):
            tail(self.allocate_page)
        self.fault_injection.inject()
        order = keep(order)
        block = self.allocate_from_any(order)
        with if_(block != 0):
            ret(block)
        self.empty_cache()  # its pages may be what a block lacks
        tail(self.allocate_from_any, order)

    @function
    def allocate_low(self, order: U32) -> U64:
        """As `allocate`, below 4 GiB."""
        self.fault_injection.inject()
        order = keep(order)
        block = self.allocate_from(address_of(self.low), order)
        with if_(block != 0):
            ret(block)
        self.empty_cache()
        tail(self.allocate_from, address_of(self.low), order)

    @function
    def allocate_from_any(self, order: Keep[U32]) -> U64:
        """A block of either zone, or 0."""
        block = self.allocate_from(address_of(self.high), order)
        with if_(block != 0):
            ret(block)
        tail(self.allocate_from, address_of(self.low), order)

    @function
    def allocate_from(self, zone: Keep[Ptr[Zone]], order: Keep[U32]) -> U64:
        """A block of `zone`, or 0."""
        block = keep(U64)
        with zone.lock.held():
            mov(block, u64(self.take(zone, order)))
        with if_(block != 0):
            page_of(cast(block, Ptr[Frame]))
        ret(block)

    @function(holds="zone.lock")
    def take(self, zone: Keep[Ptr[Zone]], order: Keep[U32]) -> Ptr[Frame]:
        """As `Buddy.take`, opening as many sections as that needs. Holds the zone's lock."""
        with loop():
            frame = self.buddy.take(zone, order)
            with if_(frame != 0):
                ret(frame)
            opened = self.sections.open_next(zone)
            with if_(opened == 0):
                ret(0)

    @function
    def free(self, physical: U64, order: U32) -> None:
        """Take a block back that `allocate` or `allocate_low` gave for the same `order`."""
        with if_(order == 0):
            tail(self.free_page, physical)
        self._check(physical, u8(order))
        tail(self.free_block, physical, order)

    @function
    def free_block(self, physical: U64, order: Keep[U32]) -> None:
        """Give a block back to its zone, whatever its record says."""
        zone, frame = keep(Ptr[Zone]), keep(physical)
        self._zone_of(zone, frame)
        with zone.lock.held():
            self.buddy.give(zone, frame_of(frame), order)

    def _zone_of(self, zone: Ptr[Zone], physical: U64) -> None:
        """Let `zone` be that of the memory at `physical`. Changes rax."""
        mov(rax, LOW_END)
        lea(zone, self.low)
        with if_(physical >= rax):
            lea(zone, self.high)

    # All together

    @function
    def zeroed(self) -> U64:
        """A page full of zeros, or 0."""
        page = keep(self.allocate_page())
        with if_(page != 0):
            clear_page(page)
        ret(page)

    @function
    def empty_cache(self) -> None:
        """Give all of this processor's cache back to the zones."""
        with interrupts_disabled():
            self.drain(CACHE_SIZE)

    @function
    def adopt(self, start: U64, end: Keep[U64]) -> None:
        """Free memory from physical `start` up to `end` that was in use at the start: whole pages
        of available memory, which nothing refers to any more and the direct map can write."""
        page = keep(start)
        with while_(page < end):
            known = self.open_up_to(page)
            with if_(known != 0):
                self.free_block(page, 0)
            add(page, PAGE)

    @function
    def open_up_to(self, physical: Keep[U64]) -> U32:
        """Open the section that has the page at `physical`; 0 if that was not possible."""
        zone = keep(Ptr[Zone])
        self._zone_of(zone, physical)
        with zone.lock.held(), while_(zone.next <= physical):
            ignore(self.sections.open_next(zone))
        ignore(frame_of(physical))
        tail(self.walk.is_mapped, physical)

    @function
    def free_count(self) -> U64:
        """All pages that are free: of open sections, of others, and in caches."""
        sum = scratch(U64)
        xor(sum, sum)
        for zone in (self.low, self.high):
            with zone.lock.held():
                for pages in (zone.free_pages, zone.untouched):
                    add(sum, pages)
        link = scratch(self.caches.next)
        head = scratch(U64)
        lea(head, self.caches)
        with while_(u64(link) != head):
            mov(rax, link)
            cache = container(cast(rax, Ptr[ListHead]), PageCache, "link")
            add(sum, cache.count)
            mov(link, link.next)
        ret(sum)
