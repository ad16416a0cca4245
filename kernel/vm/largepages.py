"""Large pages of programs."""

from __future__ import annotations

from kernel.cpu.pagetable import ENTRIES, PAGE, PageFlags, PageShift
from kernel.mm.frames import Frame, FrameState, frame_of
from kernel.mm.pages import Pages
from kernel.mm.pagetables import TABLE
from kernel.paging.addresses import PhysicalAddress, clear_page, direct
from kernel.paging.entryformat import EntryFormat
from kernel.vm.overcommit import Overcommit
from kernel.vm.region import Region, RegionFlags
from pykasm import *

LARGE_PAGE = 1 << PageShift.LARGE
"""Bytes of a large page."""

LARGE_ORDER = PageShift.LARGE - PageShift.PAGE

SPARE_SHIFT = 2
"""A quarter of all memory stays free of large pages that nobody has asked for: whoever touches a
byte of each gets much more memory than he may need."""


class LargePages(Subsystem):
    """Allocates, splits and frees large pages of anonymous memory.

    Each comes with a table for when it is split, whose physical address `Frame.owner` has, so that
    splitting never fails. A large page is in one entry of one space: what is shared is split
    before.
    """

    def __init__(self, entries: EntryFormat, pages: Pages, overcommit: Overcommit) -> None:
        self.entries = entries
        self.pages = pages
        self.overcommit = overcommit

    @inline(changes=(rax, rcx))
    def fits(self, region: Ptr[Region], page: U64) -> Condition:
        """Return whether the large page around `page` lies within `region`, which is one of
        anonymous memory that may have some."""
        small_only = RegionFlags.SHARED | RegionFlags.GROWS_DOWN | RegionFlags.SMALL_PAGES
        mov(rax, page)
        and_(rax, -LARGE_PAGE)
        lea(rcx, bare[rax + LARGE_PAGE])
        is_whole = (rax >= region.node.key) & (rcx <= region.end)
        return ((region.flags & int(small_only)) == 0) & is_whole

    @function
    def allocate(self, asked: U32) -> Owned[OrNull[PhysicalAddress]]:
        """Allocate a large page full of zeros, if one is at hand, and unless it was `asked` for if
        enough memory stays free. Returns its physical address, or 0."""
        with if_(asked == 0):
            free = scratch(self.pages.free_count())
            shl(free, SPARE_SHIFT)
            with if_(free < self.overcommit.most_pages):
                ret(0)
        block = keep(self.pages.allocate_at_hand(LARGE_ORDER))
        with if_(block == 0):
            ret(0)
        table = keep(self.pages.allocate_zeroed())
        with if_(table == 0):
            self.pages.free(block, LARGE_ORDER)
            ret(0)
        frame = scratch(block)
        mov(frame_of(frame).owner, table)
        disown(table, "the record of the page leads to it")
        release(frame, table)
        self._clear(block)
        ret(block)

    @function
    def _clear(self, block: U64) -> None:
        """Fill the large page at physical `block` with zeros. Interrupts stay on."""
        page, left = scratch(block), scratch(U32)
        mov(left, ENTRIES)
        with do_while(lambda: left != 0):
            clear_page(page)
            add(page, PAGE)
            dec(left)

    @function
    def free(self, entry: U64) -> None:
        """Free the large page of `entry`, which was in a table and that no TLB has any more."""
        block = keep(entry)
        and_(block, self.entries.address_mask)
        frame = scratch(block)
        table = scratch(frame_of(frame).owner)
        self.pages.free_zeroed(cast(table, PhysicalAddress))
        take_over(block, "the entry stood for it")
        self.pages.free(block, LARGE_ORDER)

    @function
    def split(self, slot: Ptr[U64]) -> None:
        """Replace the large page at `slot` by a table of small ones that are the same. TLBs may
        have it until they flush any address in it. Context: under the lock of the space, whose page
        faults are kept away."""
        entry, frame = scratch(slot[0]), scratch(slot[0])
        and_(frame, self.entries.address_mask)
        frame_of(frame)
        record = cast(frame, Ptr[Frame])
        table = scratch(record.owner)
        mov(rax, table)
        mov(frame_of(rax).uses.entries, ENTRIES)
        place = scratch(table)
        direct(place)
        and_(entry, ~int(PageFlags.LARGE))  # on the lowest level, bit 7 is PAT
        self._fill(place, entry, record)
        or_(table, TABLE | PageFlags.COUNTED | PageFlags.USER)
        mov(slot[0], table)  # in one store: processors find the page or the whole table

    @inline(changes=("place", "entry", "frame", rcx))
    def _fill(self, place: U64, entry: U64, frame: Ptr[Frame]) -> None:
        """Write the entries of the table at `place`, from `entry` on, and make each page an
        allocated one that an entry leads to, from that of `frame` on."""
        mov(ecx, ENTRIES)
        with do_while(lambda: ecx != 0):
            mov(u64[place], entry)
            mov(frame.state, FrameState.ALLOCATED)
            mov(frame.order, 0)
            frame.uses.references.start()
            add(place, sizeof(U64))
            add(entry, PAGE)
            add(u64(frame), sizeof(Frame))
            dec(ecx)
