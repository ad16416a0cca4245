"""Counting the memory of sections that are not opened yet."""

from kernel.cpu.pagetable import PageShift
from kernel.mm.remaining import RemainingMemory
from kernel.mm.zone import (
    RECORD_PAGES,
    SECTION,
    SECTION_SHIFT,
    TABLE_REACH_SHIFT,
    Zone,
)
from kernel.structures.alignment import round_down
from pykasm import *


class SectionCount(Struct):
    """What is known of a section while its pages are counted."""

    section: U64
    """Its physical address."""
    pages: U64
    has_room: U64
    """1 if the records of its pages, and a page table, fit into its free memory, else 0."""
    table: U64
    """The page table of the section that was counted last, by its number in the frame table."""


class SectionCounter(Subsystem):
    """Counts the pages that opening the sections of a zone will free, and those that it will take
    for records, from the boot record alone. Context: the first processor, while starting."""

    def __init__(self, memory: RemainingMemory) -> None:
        self.memory = memory

    @function(init=True, holds="zone.lock")
    def count(self, zone: Keep[Ptr[Zone]]) -> None:
        """Set `unopened_pages` and `record_pages` of `zone`, none of whose sections is open."""
        count = keep(Ptr[SectionCount])
        space, place, end = local(SectionCount), keep(zone.next_section), keep(U64)
        lea(count, space)
        mov(count.section, -1)  # none: the first part begins a section
        mov(count.table, -1)
        mov(count.pages, 0)
        mov(count.has_room, 0)
        with loop():
            start, found = self.memory.find(place, zone.end)
            break_if(found == 0)
            mov(place, start)
            mov(end, found)
            with while_(place < end):
                mov(place, self._count_part(zone, count, place, end))
        self._count_section(zone, count)

    @function(init=True, holds="zone.lock")
    def _count_part(
        self,
        zone: Keep[Ptr[Zone]],
        count: Keep[Ptr[SectionCount]],
        start: Keep[U64],
        end: Keep[U64],
    ) -> U64:
        """Count a part of the free range from `start` up to `end`: whole sections, or what is in
        that of `start`. Return where it ends."""
        section = keep(start)
        round_down(section, SECTION)
        with if_(section != count.section):
            self._count_section(zone, count)
            mov(count.section, section)
        with if_(section == start):
            mov(rax, end)
            round_down(rax, SECTION)
            with if_(rax > start):
                mov(end, rax)
                mov(rcx, end)
                sub(rcx, start)
                shr(rcx, PageShift.PAGE)
                self._add(zone, count, start, end, rcx)
                ret(end)
        add(section, SECTION)
        with if_(end > section):
            mov(end, section)
        mov(rax, end)
        sub(rax, start)
        shr(rax, PageShift.PAGE)
        add(count.pages, rax)
        with if_(rax > RECORD_PAGES):  # as `FrameTable.find_memory` will look for it
            mov(count.has_room, 1)
        ret(end)

    @function(init=True, holds="zone.lock")
    def _count_section(self, zone: Ptr[Zone], count: Keep[Ptr[SectionCount]]) -> None:
        """Add the section that was counted, and reset `count`. A section without room for its
        records is never opened."""
        with if_(count.has_room != 0):
            end = scratch(count.section)
            add(end, SECTION)
            self._add(zone, count, count.section, end, count.pages)
        mov(count.pages, 0)
        mov(count.has_room, 0)

    @function(init=True, holds="zone.lock")
    def _add(
        self, zone: Ptr[Zone], count: Ptr[SectionCount], start: U64, end: U64, pages: U64
    ) -> None:
        """Add the sections from physical `start` up to `end`, which have free `pages`."""
        records = scratch(end)
        sub(records, start)
        shr(records, SECTION_SHIFT)
        imul(records, records, RECORD_PAGES)
        # And a page table for each part of them that another one maps than sections before
        dec(end)
        shr(end, TABLE_REACH_SHIFT)
        shr(start, TABLE_REACH_SHIFT)
        sub(records, start)
        add(records, end)
        with if_(start != count.table):
            inc(records)
        mov(count.table, end)
        add(zone.record_pages, records)
        sub(pages, records)
        add(zone.unopened_pages, pages)
