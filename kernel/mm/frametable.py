"""The frame table, made section by section."""

from kernel.cpu.pagetable import PageFlags, PageShift
from kernel.mm.frames import SIZE_SHIFT, FrameState, frame_of
from kernel.mm.freeranges import FreeRanges
from kernel.mm.remaining import RemainingMemory
from kernel.mm.zone import LARGEST_BLOCK, SECTION, TABLE_SIZE
from kernel.paging.addresses import Area
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
        """Free memory for a large page in `section`, as its physical address; 0 if there is
        none."""
        place, limit = keep(section), keep(U64)
        lea(limit, bare[place + SECTION])
        with loop():
            start, end = self.memory.find(place, limit)
            with if_(end == 0):
                ret(0)
            mov(place, end)
            round_up(start, TABLE_SIZE)
            lea(rcx, bare[start + TABLE_SIZE])
            with if_(rcx <= end):
                ret(start)

    @function(holds="Zone.lock")
    def map(self, section: U64, table: Keep[U64]) -> None:
        """Make the large page at physical `table` hold the records of `section`'s pages."""
        shr(section, PageShift.PAGE - SIZE_SHIFT)
        mov(rax, Area.FRAME_TABLE)
        add(section, rax)
        slot = self.walk.slot(section, PageShift.LARGE)
        mov(rcx, WRITE | PageFlags.LARGE)
        and_(rcx, self.entries.allowed)
        or_(rcx, table)
        mov(slot[0], rcx)

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
    def reserve(self, table: U64) -> None:
        """Mark the large page at physical `table` as reserved: its buddy looks at its record."""
        frame = frame_of(table)
        mov(frame.state, FrameState.RESERVED)
