"""Free pages at hand for each processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.cpu.interruptflag import interrupts_disabled
from kernel.cpu.percpu import PerCpu
from kernel.mm.frames import FrameState, frame_of, page_of
from kernel.mm.memoryshortage import MemoryShortage
from kernel.mm.zone import Zone
from kernel.mm.zones import Zones
from kernel.paging.addresses import PhysicalAddress
from kernel.structures.list import ListHead
from pykasm import *

CACHE_SIZE = 64
"""Pages that a processor keeps for itself at most."""

BATCH = 32
"""Pages that go into or out of its cache at once, so that a processor which allocates and frees
pages in turn at the edge of its cache seldom needs a zone."""


class PageMagazine(Struct):
    """Free pages of one processor, used like a stack: what was freed last is in the processor's
    data cache. Linux calls it a per-CPU page list."""

    link: ListHead
    """In `PageMagazines.caches`."""
    count: U64
    pages: Array[Owned[U64]] = field(count=CACHE_SIZE)


class PageMagazines(Subsystem):
    """Allocates and frees single pages without a lock, in batches from and to the zones. Context:
    interrupts off, but where said otherwise."""

    caches = bss(ListHead, elements="PageMagazine.link")
    """Of all processors that were started."""
    cache = percpu(PageMagazine)
    zeroed = percpu(PageMagazine)
    """Pages that were full of zeros when they were freed, as page tables are: they need not be
    cleared again."""

    def __init__(self, zones: Zones, shortage: MemoryShortage, per_cpu: PerCpu) -> None:
        self.zones = zones
        self.shortage = shortage
        self.per_cpu = per_cpu

    @function(init=True)
    def start(self) -> None:
        """Start with the cache of this processor, the first one."""
        self.caches.reset()
        tail(self.start_processor)

    @function
    def start_processor(self) -> None:
        """Start the caches of this processor, which is starting."""
        for one in (self.cache, self.zeroed):
            cache = scratch(Ptr[PageMagazine])
            self.per_cpu.point_at(u64(cache), one)
            link = scratch(address_of(cache.link))
            self.caches.append(link)
            release(cache, link)

    @inline(changes=CALLER_SAVED)
    def allocate(self) -> PhysicalAddress:
        """Allocate a page. Returns its physical address, 0 if there is none, in a scratch
        register."""
        with if_(self.cache.count == 0):
            self._refill()
        page = scratch(PhysicalAddress)
        self._pop(self.cache, page)
        with if_(page == 0):
            self._pop(self.zeroed, page)
        return page

    @inline(changes=rax)
    def allocate_zeroed(self) -> PhysicalAddress:
        """Allocate a page that is full of zeros already. Returns its physical address, 0 if none
        is at hand, in a scratch register."""
        page = scratch(PhysicalAddress)
        self._pop(self.zeroed, page)
        return page

    @inline(changes=("page", rax))
    def _pop(self, cache: PageMagazine, page: U64) -> None:
        """Set `page` to a page of `cache`, 0 if there is none."""
        count = scratch(cache.count)
        xor(u32(page), u32(page))
        with if_(count != 0):
            dec(count)
            mov(cache.count, count)
            mov(page, cache.pages[count])
            mov(rax, page)
            mov(frame_of(rax).state, FrameState.ALLOCATED)  # so that freeing twice is found
        release(count)

    @inline(changes=("page", *CALLER_SAVED))
    def free(self, page: U64) -> None:
        """Free the page at physical `page`."""
        with if_(self.cache.count == CACHE_SIZE):
            self._drain_and_push(page)
        with else_():
            self._push(self.cache, page)

    @inline(changes=("page", *CALLER_SAVED))
    def free_zeroed(self, page: U64) -> None:
        """Free the page at physical `page`, which is full of zeros."""
        with if_(self.zeroed.count != CACHE_SIZE):
            self._push(self.zeroed, page)
        with else_():
            self.free(page)

    @inline(changes=rax)
    def _push(self, cache: PageMagazine, page: U64) -> None:
        """Put `page` into `cache`, which is not full."""
        mov(rax, cache.count)
        mov(cache.pages[rax], page)
        inc(cache.count)
        mov(rax, page)
        mov(frame_of(rax).state, FrameState.CACHED)

    @function
    def _drain_and_push(self, page: Keep[Owned[U64]]) -> None:
        """Put `page` into the cache, which is full."""
        self._drain(BATCH)
        self._push(self.cache, page)

    @function
    def _refill(self) -> None:
        """Put some pages into the empty cache, if there are any."""
        # Low memory only when the high one is out: devices may need it
        self._refill_from(address_of(self.zones.high))
        with if_(self.cache.count == 0):
            self._refill_from(address_of(self.zones.low))
        with if_(self.cache.count == 0):
            tail(self.shortage.note, 0)

    @function
    def _refill_from(self, zone: Keep[Ptr[Zone]]) -> None:
        """Put up to `BATCH` pages of `zone` into the cache."""
        left = keep(U32)
        # One lock for a batch: it is what makes single pages cheap on many processors
        with zone.lock.held_interrupts_off(), for_(left, 0, BATCH):
            frame = scratch(self.zones.allocate_frame(zone, 0))
            break_if(frame == 0)
            self._push(self.cache, page_of(frame))
            release(frame)

    @function
    def _drain(self, count: U64) -> None:
        """Free up to `count` pages of the cache into their zones."""
        left = keep(count)
        self._drain_from(self.cache, left)

    @inline(changes=("left", *CALLER_SAVED))
    def _drain_from(self, cache: PageMagazine, left: U64) -> None:
        """Free up to `left` pages of `cache` into their zones."""
        page = keep(U64)
        with while_(left != 0):
            self._pop(cache, page)
            break_if(page == 0)
            self.zones.free(page, 0)
            dec(left)
        release(page)

    @function(context="any")
    def drain_all(self) -> None:
        """Free all pages of this processor's caches into their zones. Context: any."""
        left = keep(U64)
        with interrupts_disabled():
            for one in (self.cache, self.zeroed):
                mov(left, CACHE_SIZE)
                self._drain_from(one, left)

    @inline(changes=rax)
    @contextmanager
    def each(self) -> Iterator[Ptr[PageMagazine]]:
        """Run the block for the cache of each processor, which may change meanwhile. The block
        calls nothing."""
        with self.caches.each(PageMagazine, "link", scratch) as cache:
            yield cache
