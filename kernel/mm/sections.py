"""Memory that nobody has touched since the start, and the way from there to free blocks."""

from kernel.cpu.pagetable import PageFlags, PageShift
from kernel.mm.buddy import Buddy
from kernel.mm.early import EarlyFrames
from kernel.mm.frames import SIZE_SHIFT, FrameState, frame_of
from kernel.mm.freeranges import FreeRanges
from kernel.mm.zone import (
    LARGEST_BLOCK,
    MAX_ORDER,
    SECTION,
    TABLE_PAGES,
    TABLE_SIZE,
    Zone,
)
from kernel.paging.addresses import Area
from kernel.paging.entryformat import EntryFormat
from kernel.paging.permissions import WRITE
from kernel.paging.walk import PageWalk
from pykasm import *


class Tally(Struct):
    """What is known of a section while its memory is counted."""

    section: U64
    pages: U64
    has_table: U64
    """Whether there is room for a frame table's page."""


class Sections(Subsystem):
    """Opens a section of memory when its zone has no block that is large enough.

    Until then only the record of the start tells of its memory, so that starting takes the same
    time however much there is. The section's own memory gives the large page in which its records
    lie; a section that has none free (where firmware or modules cover nearly all of it) is left
    unused. Context: any, with the zone's lock held.
    """

    first = bss(U64)
    """Where the memory begins that `EarlyFrames` left."""

    def __init__(
        self,
        free_ranges: FreeRanges,
        early: EarlyFrames,
        entries: EntryFormat,
        walk: PageWalk,
        buddy: Buddy,
    ) -> None:
        self.free_ranges = free_ranges
        self.early = early
        self.entries = entries
        self.walk = walk
        self.buddy = buddy

    @function(init=True)
    def start(self) -> None:
        """Leave to `EarlyFrames` what it gave; nothing may be asked of it from now on."""
        mov(rax, self.early.next)
        mov(self.first, rax)

    @function(init=True, holds="zone.lock")
    def count_untouched(self, zone: Keep[Ptr[Zone]]) -> None:
        """Set `untouched` of `zone`, all of whose sections are closed."""
        tally = keep(Ptr[Tally])
        room, place, end = local(Tally), keep(zone.next), keep(U64)
        lea(tally, room)
        mov(tally.section, -1)
        mov(tally.pages, 0)
        mov(tally.has_table, 0)
        with loop():
            start, found = self.find_within(place, zone.end)
            break_if(found == 0)
            mov(place, start)
            mov(end, found)
            with while_(place < end):
                mov(place, self.count_part(zone, tally, place, end))
        tail(self.count_section, zone, tally)

    @function(init=True, holds="zone.lock")
    def count_part(
        self, zone: Keep[Ptr[Zone]], tally: Keep[Ptr[Tally]], start: Keep[U64], end: Keep[U64]
    ) -> U64:
        """Count what one section has of the free memory from `start` up to `end`; where that part
        ends."""
        section = keep(start)
        and_(section, -SECTION)
        with if_(section != tally.section):
            self.count_section(zone, tally)
            mov(tally.section, section)
        add(section, SECTION)
        with if_(end > section):
            mov(end, section)
        mov(rax, end)
        sub(rax, start)
        shr(rax, PageShift.PAGE)
        add(tally.pages, rax)
        self._round_up(start, TABLE_SIZE)
        add(start, TABLE_SIZE)
        with if_(start <= end):
            mov(tally.has_table, 1)
        ret(end)

    @function(init=True, holds="zone.lock")
    def count_section(self, zone: Ptr[Zone], tally: Ptr[Tally]) -> None:
        """Add the pages that opening the tally's section will free, and begin with a new one."""
        with if_(tally.has_table != 0):
            mov(rax, tally.pages)
            sub(rax, TABLE_PAGES)
            add(zone.untouched, rax)
        mov(tally.pages, 0)
        mov(tally.has_table, 0)

    @function(holds="zone.lock")
    def open_next(self, zone: Keep[Ptr[Zone]]) -> U32:
        """Free the memory of the next section of `zone` that has some; 0 if there is none left."""
        section, table = keep(U64), keep(U64)
        with loop():
            mov(rdi, zone.next)
            with if_(rdi >= zone.end):
                ret(0)
            start, end = self.find_within(rdi, zone.end)
            with if_(end == 0):
                mov(rax, zone.end)
                mov(zone.next, rax)
                ret(0)
            mov(section, start)
            and_(section, -SECTION)
            lea(rax, bare[section + SECTION])
            mov(zone.next, rax)
            mov(table, self.place_for_table(section))
            break_if(table != 0)
        self.map_table(section, table)
        self.clear_records(section)
        self.free_section(zone, section, table)
        ret(1)

    @function
    def find(self, start: U64) -> tuple[U64, U64]:
        """As `FreeRanges.find`, of memory that was not handed out before this allocator began."""
        with if_(start < self.first):
            mov(start, self.first)
        tail(self.free_ranges.find, start)

    @function
    def find_within(self, start: U64, limit: Keep[U64]) -> tuple[U64, U64]:
        """As `find`, no further than `limit`; the end is 0 if there is nothing before that."""
        start, end = self.find(start)
        with if_((end == 0) | (start >= limit)):
            ret(0, 0)
        with if_(end > limit):
            mov(end, limit)
        ret(start, end)

    @function
    def place_for_table(self, section: U64) -> U64:
        """Free memory for a large page in `section`; 0 if there is none."""
        place, limit = keep(section), keep(U64)
        lea(limit, bare[place + SECTION])
        with loop():
            start, end = self.find_within(place, limit)
            with if_(end == 0):
                ret(0)
            mov(place, end)
            self._round_up(start, TABLE_SIZE)
            lea(rcx, bare[start + TABLE_SIZE])
            with if_(rcx <= end):
                ret(start)

    def _round_up(self, value: U64, boundary: int) -> None:
        add(value, boundary - 1)
        and_(value, -boundary)

    @function
    def map_table(self, section: U64, table: Keep[U64]) -> None:
        """Let the large page at physical `table` hold the records of `section`'s pages."""
        shr(section, PageShift.PAGE - SIZE_SHIFT)
        mov(rax, Area.FRAME_TABLE)
        add(section, rax)
        slot = self.walk.slot(section, PageShift.LARGE)
        mov(rcx, WRITE | PageFlags.LARGE)
        and_(rcx, self.entries.allowed)
        or_(rcx, table)
        mov(slot[0], rcx)

    @function
    def clear_records(self, section: U64) -> None:
        """Mark as reserved what of `section` the allocator may look at before it has written it.

        That is all but the blocks of the largest size that are free as a whole.
        """
        done, limit, start, end = keep(section), keep(U64), keep(U64), keep(U64)
        lea(limit, bare[done + SECTION])
        with loop():
            first, found = self.find_within(done, limit)
            break_if(found == 0)
            mov(start, first)
            mov(end, found)
            self._round_up(start, LARGEST_BLOCK)
            with if_(done < start):
                self._clear_up_to(done, start)
                mov(done, start)
            mov(rax, end)
            and_(rax, -LARGEST_BLOCK)
            with if_(done < rax):
                mov(done, rax)
            self._round_up(end, LARGEST_BLOCK)
            with if_(done < end):
                self._clear_up_to(done, end)
                mov(done, end)
        memory_end = self.free_ranges.memory_end()
        self._round_up(memory_end, LARGEST_BLOCK)
        with if_(memory_end < limit):
            mov(limit, memory_end)
        with if_(done < limit):
            self._clear_up_to(done, limit)

    def _clear_up_to(self, done: U64, end: U64) -> None:
        """Zero the records of the pages from `done` up to `end`. Changes rax, rcx and rdi."""
        mov(rcx, end)
        sub(rcx, done)
        shr(rcx, PageShift.PAGE - SIZE_SHIFT + 3)  # quadwords
        mov(rdi, done)
        frame_of(rdi)
        xor(eax, eax)
        rep.stosq()

    @function(holds="zone.lock")
    def free_section(self, zone: Keep[Ptr[Zone]], section: U64, table: Keep[U64]) -> None:
        """Put the memory of `section` into the lists of `zone`, but for its `table`."""
        cursor, limit, end = keep(section), keep(U64), keep(U64)
        lea(limit, bare[cursor + SECTION])
        self.reserve_table(table)
        with loop():
            start, found = self.find_within(cursor, limit)
            break_if(found == 0)
            mov(cursor, start)
            mov(end, found)
            with if_((cursor <= table) & (table < end)):
                self.free_stretch(zone, cursor, table)
                lea(cursor, bare[table + TABLE_SIZE])
            self.free_stretch(zone, cursor, end)
            mov(cursor, end)

    @function
    def reserve_table(self, table: U64) -> None:
        """Write the record that the buddy of a frame table's page looks at."""
        frame = frame_of(table)
        mov(frame.state, FrameState.RESERVED)

    @function(holds="zone.lock")
    def free_stretch(self, zone: Keep[Ptr[Zone]], start: Keep[U64], end: Keep[U64]) -> None:
        """Put memory from physical `start` up to `end` into the lists of `zone`, by the largest
        blocks that fit."""
        order = keep(U32)
        with while_(start < end):
            mov(rax, end)
            sub(rax, start)
            shr(rax, PageShift.PAGE)
            xor(ecx, ecx)  # stays if there is no bit, which can't be
            bsr(rcx, rax)
            mov(rax, start)
            shr(rax, PageShift.PAGE)
            bts(rax, MAX_ORDER)  # no larger, whatever the alignment
            bsf(rax, rax)
            mov(order, eax)
            with if_(order > ecx):
                mov(order, ecx)
            mov(rax, start)
            self.buddy.link(zone, frame_of(rax), order)
            mov(ecx, order)
            mov(eax, 1)
            shl(rax, cl)
            sub(zone.untouched, rax)
            shl(rax, PageShift.PAGE)
            add(start, rax)
