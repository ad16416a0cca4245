"""Counting the memory of sections that are not opened yet."""

from kernel.cpu.pagetable import PageShift
from kernel.mm.remaining import RemainingMemory
from kernel.mm.zone import SECTION, TABLE_PAGES, TABLE_SIZE, Zone
from kernel.structures.alignment import round_down, round_up
from pykasm import *


class SectionCount(Struct):
    """What is known of a section while its pages are counted."""

    section: U64
    """Its physical address."""
    pages: U64
    has_table: U64
    """1 if a large page of the frame table fits into its free memory, else 0."""


class SectionCounter(Subsystem):
    """Counts the pages that opening the sections of a zone will free, from the boot record alone.
    Context: the first processor, while starting."""

    def __init__(self, memory: RemainingMemory) -> None:
        self.memory = memory

    @function(init=True, holds="zone.lock")
    def count(self, zone: Keep[Ptr[Zone]]) -> None:
        """Set `unopened_pages` of `zone`, none of whose sections is open."""
        count = keep(Ptr[SectionCount])
        space, place, end = local(SectionCount), keep(zone.next_section), keep(U64)
        lea(count, space)
        mov(count.section, -1)  # none: the first part begins a section
        mov(count.pages, 0)
        mov(count.has_table, 0)
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
        """Count the part of the free range from `start` up to `end` that is in the section of
        `start`. Returns where it ends."""
        section = keep(start)
        round_down(section, SECTION)
        with if_(section != count.section):
            self._count_section(zone, count)
            mov(count.section, section)
        add(section, SECTION)
        with if_(end > section):
            mov(end, section)
        mov(rax, end)
        sub(rax, start)
        shr(rax, PageShift.PAGE)
        add(count.pages, rax)
        # As `FrameTable.find_memory` will look for it
        round_up(start, TABLE_SIZE)
        add(start, TABLE_SIZE)
        with if_(start <= end):
            mov(count.has_table, 1)
        ret(end)

    @function(init=True, holds="zone.lock")
    def _count_section(self, zone: Ptr[Zone], count: Ptr[SectionCount]) -> None:
        """Add the pages of the section that was counted, without those of its part of the frame
        table, and reset `count`. A section without room for that is never opened."""
        with if_(count.has_table != 0):
            mov(rax, count.pages)
            sub(rax, TABLE_PAGES)
            add(zone.unopened_pages, rax)
        mov(count.pages, 0)
        mov(count.has_table, 0)
