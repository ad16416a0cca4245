"""Memory that nobody has touched since the start, and the way from there to free blocks."""

from kernel.cpu.pagetable import PageShift
from kernel.mm.buddy import Buddy
from kernel.mm.frames import frame_of
from kernel.mm.frametable import FrameTable
from kernel.mm.remaining import RemainingMemory
from kernel.mm.zone import MAX_ORDER, SECTION, Zone
from kernel.structures.alignment import round_down
from pykasm import *


class Sections(Subsystem):
    """Opens a section of memory when its zone has no block that is large enough.

    Until then only the boot record tells of its memory, so that starting takes the same time
    however much there is, and what is never used has no records; Linux calls that deferred
    initialization of struct page. The section's own memory gives the pages in which its records
    lie; a section that has none free (where firmware or modules cover nearly all of it) is left
    unused. Context: any.
    """

    def __init__(self, memory: RemainingMemory, frame_table: FrameTable, buddy: Buddy) -> None:
        self.memory = memory
        self.frame_table = frame_table
        self.buddy = buddy

    @function(holds="zone.lock")
    def open_next(self, zone: Keep[Ptr[Zone]]) -> Bool:
        """Free the memory of the next section of `zone` that has some. Returns whether there was
        one."""
        section, records = keep(U64), keep(U64)
        with loop():
            next = scratch(zone.next_section)
            fail_if(next >= zone.end)
            start, end = self.memory.find(next, zone.end)
            with if_(end == 0):
                mov(rax, zone.end)  # nobody needs to look again
                mov(zone.next_section, rax)
                ret(False)
            mov(section, start)
            round_down(section, SECTION)
            lea(rax, bare[section + SECTION])
            mov(zone.next_section, rax)
            mov(records, self.frame_table.find_memory(section))
            break_if(records != 0)
        end = keep(self.frame_table.page_count(section))
        sub(zone.record_pages, end)
        shl(end, PageShift.PAGE)
        add(end, records)
        # Mapped and cleared before the first block of it is in a list, where others find it
        self.frame_table.map(section, records)
        self.frame_table.clear(section)
        self.frame_table.reserve(records, end)
        self._free_section(zone, section, records, end)
        ret(True)

    @function(holds="zone.lock")
    def _free_section(
        self, zone: Keep[Ptr[Zone]], section: U64, records: Keep[U64], records_end: U64
    ) -> None:
        """Put the memory of `section` into the lists of `zone`, but for that from physical
        `records` up to `records_end`."""
        cursor, end = keep(section), keep(U64)
        limit, after = local(U64), local(U64)
        lea(rax, bare[cursor + SECTION])
        mov(limit, rax)
        mov(after, records_end)
        with loop():
            start, found = self.memory.find(cursor, limit)
            break_if(found == 0)
            mov(cursor, start)
            mov(end, found)
            with if_((cursor <= records) & (records < end)):
                self._free_range(zone, cursor, records)
                mov(cursor, after)
            self._free_range(zone, cursor, end)
            mov(cursor, end)

    @function(holds="zone.lock")
    def _free_range(self, zone: Keep[Ptr[Zone]], start: Keep[U64], end: Keep[U64]) -> None:
        """Put memory from physical `start` up to `end` into the lists of `zone`, by the largest
        blocks that fit: neither longer than the rest, nor larger than `start` is aligned to."""
        order = keep(U32)
        with while_(start < end):
            mov(rax, end)
            sub(rax, start)
            shr(rax, PageShift.PAGE)
            xor(ecx, ecx)  # `bsr` leaves it so if there is no bit, which can't be
            bsr(rcx, rax)
            mov(rax, start)
            shr(rax, PageShift.PAGE)
            bts(rax, MAX_ORDER)  # no larger, whatever the alignment
            bsf(rax, rax)
            mov(order, eax)
            with if_(order > ecx):
                mov(order, ecx)
            mov(rax, start)
            self.buddy.insert(zone, frame_of(rax), order)
            mov(ecx, order)
            mov(eax, 1)
            shl(rax, cl)
            sub(zone.unopened_pages, rax)
            shl(rax, PageShift.PAGE)
            add(start, rax)
