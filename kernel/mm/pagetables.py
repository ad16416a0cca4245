"""The tables themselves: where they come from, how their entries are counted, how they go."""

from __future__ import annotations

from kernel.cpu.pagetable import PageFlags
from kernel.errno import Errno
from kernel.mm.early import EarlyFrames
from kernel.mm.frames import frame_of
from kernel.mm.mappingrequest import MappingRequest
from kernel.mm.pages import Pages
from kernel.mm.tablewalker import TableWalk
from kernel.paging.addresses import direct
from kernel.paging.entryformat import EntryFormat
from kernel.paging.level import PageLevel, entry_index
from pykasm import *

TABLE = PageFlags.PRESENT | PageFlags.WRITE
"""Flags of an entry that leads to a table: what may be done is up to the lowest one."""


class PageTables(Subsystem):
    """Allocates page tables where they lack, and frees those that became empty.

    Tables come from the page allocator, which gets them back; those of the time before it stay for
    ever. `FrameUses.entries` counts the entries of a table that has `PageFlags.COUNTED` in the
    entry that leads to it. Context: thread, under the lock of the space or where nobody else
    changes its tables.
    """

    counts_pages = bss(U32)
    """Whether tables come from `Pages`."""
    is_copied = bss(U32)
    """Whether other spaces have copies of what the kernel's top table has for its half."""

    def __init__(self, entries: EntryFormat, early: EarlyFrames, pages: Pages) -> None:
        self.entries = entries
        self.early = early
        self.pages = pages

    @function(init=True)
    def use_pages(self) -> None:
        """Take tables from the page allocator from now on."""
        mov(self.counts_pages, 1)

    @function(init=True)
    def fix_kernel_half(self) -> None:
        """Add no more tables for the kernel's half to the top: other spaces copy what it has."""
        mov(self.is_copied, 1)

    @function
    def allocate(self) -> Owned[U64]:
        """Return an entry that leads to a new, empty table; 0 if there is no memory."""
        with if_(self.counts_pages == 0):
            table = self.early.allocate()
            or_(table, TABLE)
            ret(table)
        table = self.pages.allocate_zeroed()
        with if_(table == 0):
            ret(0)
        mov(rcx, table)
        mov(frame_of(rcx).uses.entries, 0)
        or_(table, TABLE | PageFlags.COUNTED)
        ret(table)

    @function
    def allocate_missing(
        self,
        request: Keep[Ptr[MappingRequest]],
        walk: Keep[Ptr[TableWalk]],
        reached: Keep[U64],
        level: Keep[U64],
    ) -> OrErrno[I32]:
        """Allocate the tables for `request.address` between the level `reached`, where its `walk`
        ended, and `level`, and note the entries in `walk`.

        Returns 0; -EEXIST if a larger page is mapped there; or -ENOMEM, too where other spaces
        would not see the new table. Then the tables that it made are in `request.empty`.
        """
        slot = keep(Ptr[U64])
        with if_((reached == PageLevel.TOP) & (i64(request.address) < 0) & (self.is_copied != 0)):
            ret(-Errno.ENOMEM)
        with while_(reached > level):
            mov(slot, walk.entries[reached])
            with if_(slot[0] & PageFlags.PRESENT):
                ret(-Errno.EEXIST)
            table = self.allocate()
            with if_(table == 0):
                self.unlink_empty(request, walk, reached)
                ret(-Errno.ENOMEM)
            disown(table, "the entry above leads to it")
            # The processor lets programs through only if every level does (AMD64 APM vol. 2, 5.6.1)
            mov(rcx, request.flags)
            and_(ecx, PageFlags.USER)
            or_(rcx, table)
            mov(slot[0], rcx)
            self.count_entries(walk, reached, 1)
            dec(reached)
            mov(slot, slot[0])
            and_(u64(slot), self.entries.address_mask)
            direct(u64(slot))
            index = entry_index(request.address, reached)
            lea(slot, slot[index])
            mov(walk.entries[reached], slot)
        ret(0)

    @inline(changes=rax)
    def count_entries(
        self, walk: Ptr[TableWalk] | TableWalk, level: U64, more: object
    ) -> Condition:
        """Note that the table on `level` of `walk` has `more` entries. Returns whether it may have
        none now: it has none, or nobody counts them."""
        mov(rax, self._above(walk, level)[0])
        with if_(rax & PageFlags.COUNTED):
            and_(rax, self.entries.address_mask)
            lock.add(frame_of(rax).uses.entries, more)  # page faults of programs run at once
        return ZF  # of the addition, or of the test for COUNTED

    @inline(changes=rax)
    def _above(self, walk: Ptr[TableWalk] | TableWalk, level: U64) -> Ptr[U64]:
        """Return the place of the entry that leads to the table on `level` of `walk`."""
        lea(rax, walk.entries[1])
        mov(rax, u64[rax + level * sizeof(Ptr[U64])])
        return rax

    @function
    def unlink_empty(self, request: Ptr[MappingRequest], walk: Ptr[TableWalk], level: U64) -> None:
        """Take the table on `level` of `walk` out if it is empty and was counted, and so on
        upwards. They go to `request.empty`: processors may know them until they flush."""
        with loop():
            above = scratch(self._above(walk, level))
            mov(rax, above[0])
            break_if((rax & PageFlags.COUNTED) == 0)
            and_(rax, self.entries.address_mask)
            mov(rcx, rax)
            frame = frame_of(rcx)
            break_if(frame.uses.entries != 0)
            mov(above[0], 0)
            release(above)
            next = scratch(request.empty)
            mov(frame.owner, next)
            release(next)
            mov(request.empty, rax)
            inc(level)
            self.count_entries(walk, level, -1)

    @function(context="any")
    def free_chain(self, first: U64) -> None:
        """Free a chain of empty tables, linked by `Frame.owner`, whose first is at physical
        `first`; 0 is an empty chain. Context: any."""
        next = keep(first)
        with while_(next != 0):
            page, record = scratch(next), scratch(next)
            mov(next, frame_of(record).owner)  # before the page is somebody else's
            take_over(page, "the chain had it")
            self.pages.free_zeroed(page)
