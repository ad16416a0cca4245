"""The frame table, made section by section."""

from kernel.cpu.pagetable import PAGE, PageFlags, PageShift
from kernel.mm.frames import SIZE_SHIFT, frame_of
from kernel.mm.freeranges import FreeRanges
from kernel.mm.remaining import RemainingMemory
from kernel.mm.zone import LARGEST_BLOCK, RECORD_BYTES, RECORD_PAGES, SECTION
from kernel.paging.addresses import clear_page
from kernel.paging.entryformat import EntryFormat
from kernel.paging.permissions import WRITE
from kernel.paging.walk import PageWalk
from kernel.structures.alignment import round_down, round_up
from pykasm import *


class FrameTable(Subsystem):
    """Maps and initializes the records of a section's pages. Context: any."""

    def __init__(
        self,
        memory: RemainingMemory,
        free_ranges: FreeRanges,
        entries: EntryFormat,
        walk: PageWalk,
    ) -> None:
        self.memory = memory
        self.free_ranges = free_ranges
        self.entries = entries
        self.walk = walk

    @function(holds="Zone.lock")
    def find_memory(self, section: U64) -> U64:
        """Return free memory in `section` for the records of its pages and for a page table, as its
        physical address; 0 if there is none."""
        place, limit = keep(section), keep(U64)
        lea(limit, bare[place + SECTION])
        with loop():
            start, end = self.memory.find(place, limit)
            with if_(end == 0):
                ret(0)
            mov(place, end)
            lea(rcx, bare[start + (RECORD_BYTES + PAGE)])
            with if_(rcx <= end):
                ret(start)

    @function(holds="Zone.lock")
    def page_count(self, section: U64) -> U64:
        """Return how many pages the records of `section` need: with one for a page table, unless
        sections before have seen to that."""
        ignore(frame_of(section))
        slot = self.walk.slot(section, PageShift.LARGE)
        with if_(slot[0] & PageFlags.PRESENT):
            ret(RECORD_PAGES)
        ret(RECORD_PAGES + 1)

    @function(holds="Zone.lock")
    def map(self, section: U64, memory: Keep[U64]) -> None:
        """Make the pages from physical `memory` on hold the records of `section`'s pages; there are
        as many as `page_count` says."""
        records = keep(section)
        ignore(frame_of(records))
        slot = self.walk.slot(records, PageShift.LARGE)
        with if_((slot[0] & PageFlags.PRESENT) == 0):
            self._add_table(slot, memory)
        entry = scratch(self.walk.slot(records, PageShift.PAGE))
        mov(rcx, WRITE)
        and_(rcx, self.entries.allowed)
        or_(rcx, memory)
        with for_(scratch(U32), 0, RECORD_PAGES):
            mov(entry[0], rcx)
            add(rcx, PAGE)
            add(entry, sizeof(U64))

    @function(holds="Zone.lock")
    def _add_table(self, slot: Ptr[U64], memory: U64) -> None:
        """Make `slot` lead to a page table, which lies after the records in `memory`."""
        slot = scratch(slot)
        add(memory, RECORD_BYTES)
        clear_page(memory)
        or_(memory, PageFlags.PRESENT | PageFlags.WRITE)
        mov(slot[0], memory)

    @function(holds="Zone.lock")
    def clear(self, section: U64) -> None:
        """Mark all pages of `section` as reserved whose records the allocator may look at before it
        has written them: all but those in blocks of the largest size that are free as a whole.

        Clearing the others too would cost most of the time that opening a section takes.
        """
        done, limit, start, end = keep(section), keep(U64), keep(U64), keep(U64)
        lea(limit, bare[done + SECTION])
        with loop():
            first, found = self.memory.find(done, limit)
            break_if(found == 0)
            mov(start, first)
            mov(end, found)
            # Blocks up to the first whole one of the largest size may have buddies in a hole
            round_up(start, LARGEST_BLOCK)
            with if_(done < start):
                self._clear_up_to(done, start)
                mov(done, start)
            # Whole blocks of the largest size have no buddies, and their first record is written
            mov(rax, end)
            round_down(rax, LARGEST_BLOCK)
            with if_(done < rax):
                mov(done, rax)
            round_up(end, LARGEST_BLOCK)
            with if_(done < end):
                self._clear_up_to(done, end)
                mov(done, end)
        # After the last memory no record is ever looked at
        memory_end = self.free_ranges.memory_end()
        round_up(memory_end, LARGEST_BLOCK)
        with if_(memory_end < limit):
            mov(limit, memory_end)
        with if_(done < limit):
            self._clear_up_to(done, limit)

    @inline(changes=(rax, rcx, rdi))
    def _clear_up_to(self, done: U64, end: U64) -> None:
        """Zero the records of the pages from `done` up to `end`."""
        mov(rcx, end)
        sub(rcx, done)
        shr(rcx, PageShift.PAGE - SIZE_SHIFT + 3)  # quadwords
        mov(rdi, done)
        ignore(frame_of(rdi))
        xor(eax, eax)
        rep.stosq()

    @function
    def reserve(self, memory: U64, end: U64) -> None:
        """Mark the pages from physical `memory` up to `end`, which hold records, as reserved: free
        blocks beside them look at theirs."""
        self._clear_up_to(scratch(memory), end)
