"""The zones of physical memory."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.mm.buddy import Buddy
from kernel.mm.frames import Frame, frame_of, page_of
from kernel.mm.memoryshortage import MemoryShortage
from kernel.mm.sectioncounter import SectionCounter
from kernel.mm.sections import Sections
from kernel.mm.zone import LOW_END, Zone
from kernel.paging.addresses import MEMORY_END, PhysicalAddress
from kernel.paging.walk import PageWalk
from pykasm import *


class Zones(Subsystem):
    """Allocates and frees blocks of 2^order pages, by their physical addresses.

    Memory above 4 GiB is allocated first, so that what devices with 32-bit addresses can reach
    lasts longer. Context: any.
    """

    low = bss(Zone)
    high = bss(Zone)

    def __init__(
        self,
        counter: SectionCounter,
        sections: Sections,
        buddy: Buddy,
        walk: PageWalk,
        shortage: MemoryShortage,
    ) -> None:
        self.counter = counter
        self.sections = sections
        self.buddy = buddy
        self.walk = walk
        self.shortage = shortage

    @function(init=True)
    def start(self) -> None:
        """Take over the free memory of the boot record. The frame table has its tables, but for the
        lowest."""
        self.sections.memory.start()  # before anything is counted
        self._start_zone(address_of(self.low), 0, LOW_END)
        self._start_zone(address_of(self.high), LOW_END, MEMORY_END)

    @function(init=True)
    def _start_zone(self, zone: Keep[Ptr[Zone]], start: U64, end: U64) -> None:
        """Give `zone` the free memory from physical `start` up to `end`."""
        self.buddy.start(zone, start, end)
        with zone.lock.held():
            self.counter.count(zone)

    @function
    def allocate(self, order: Keep[U32]) -> Owned[OrNull[PhysicalAddress]]:
        """Allocate a block of either zone. Returns its physical address, or 0."""
        block = self.allocate_from(address_of(self.high), order)
        with if_(block != 0):
            ret(block)
        block = self.allocate_from(address_of(self.low), order)
        with if_(block == 0):
            self.shortage.note(order)
            ret(0)
        ret(block)

    @function
    def allocate_from(self, zone: Keep[Ptr[Zone]], order: Keep[U32]) -> Owned[OrNull[U64]]:
        """Allocate a block of `zone`. Returns its physical address, or 0."""
        block = keep(U64)
        with zone.lock.held():
            mov(block, u64(self.allocate_frame(zone, order)))
        with if_(block != 0):
            page_of(cast(block, Ptr[Frame]))
        ret(block)

    @function(holds="zone.lock")
    def allocate_frame(self, zone: Keep[Ptr[Zone]], order: Keep[U32]) -> Owned[OrNull[Ptr[Frame]]]:
        """Allocate a block of `zone`, for which as many sections are opened as it needs. Returns
        the record of its first page, or null."""
        with loop():
            frame = self.buddy.allocate(zone, order)
            with if_(frame != 0):
                ret(frame)
            with if_(~self.sections.open_next(zone)):
                ret(0)

    @function
    def free(self, physical: Owned[PhysicalAddress], order: Keep[U32]) -> None:
        """Free the block of 2^`order` pages at `physical`, whatever its record says."""
        zone, frame = keep(Ptr[Zone]), keep(physical)
        self._zone_of(zone, frame)
        with zone.lock.held():
            self.buddy.free(zone, frame_of(frame), order)

    @inline(changes=("zone", rax))
    def _zone_of(self, zone: Ptr[Zone], physical: PhysicalAddress) -> None:
        """Point `zone` at the zone of the memory at `physical`."""
        mov(rax, LOW_END)
        lea(zone, self.low)
        with if_(physical >= rax):
            lea(zone, self.high)

    @function
    def free_reserved(self, start: U64, end: Keep[U64]) -> None:
        """Free memory from physical `start` up to `end` that was reserved at the start: whole pages
        of available memory, which nothing refers to any more and the direct map can write."""
        page = keep(start)
        with while_(page < end):
            with if_(self._open_section_of(page)):
                take_over(page, "nothing refers to it")
                self.free(page, 0)
            add(page, PAGE)

    @function
    def _open_section_of(self, physical: Keep[PhysicalAddress]) -> Bool:
        """Open the section that has the page at `physical`. Returns whether the page has a record:
        a section without room for its records is never opened."""
        zone = keep(Ptr[Zone])
        self._zone_of(zone, physical)
        with zone.lock.held(), while_(zone.next_section <= physical):
            ignore(self.sections.open_next(zone))
        # A section that is skipped for want of room has no records: then those are not mapped
        ignore(frame_of(physical))
        tail(self.walk.is_mapped, physical)
