"""The pages of programs."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageFlags, PageShift
from kernel.errno import Errno
from kernel.mm.frames import Frame, frame_of, page_of
from kernel.mm.mappingrequest import MappingRequest
from kernel.mm.pages import Pages
from kernel.mm.pagetables import PageTables
from kernel.mm.tablewalker import TableWalk, TableWalker
from kernel.paging.addresses import Area
from kernel.paging.entryformat import EntryFormat
from kernel.paging.level import PageLevel
from kernel.smp.tlb import Tlb
from kernel.vm.addressspace import AddressSpace
from pykasm import *

BATCH = 32
"""Pages that are unmapped before processors are told to forget them, and they are given back."""


class EntryWalk(Struct):
    """Entries for a stretch of addresses, which are gone through in order."""

    change: MappingRequest
    """`address` moves on from page to page."""
    path: TableWalk
    """Leads to the table that was looked at last."""
    slot: Ptr[U64]
    """Where the next entry lies in its table; a multiple of the page size if that is to be looked
    up."""
    count: U64
    taken: Array[U64] = field(count=BATCH)
    """Entries that were taken out."""


class UserPages(Subsystem):
    """Entries for pages of 4 KiB in the lower halves of address spaces.

    An entry that is not zero has a page, even where nobody may touch it, so that it is not present.
    `Frame.references` of the page counts the entries that have it, in all spaces. Context: thread;
    with the space's `changes` held, to write by all that goes through a stretch.
    """

    def __init__(
        self,
        entries: EntryFormat,
        walker: TableWalker,
        tables: PageTables,
        pages: Pages,
        tlb: Tlb,
    ) -> None:
        self.entries = entries
        self.walker = walker
        self.tables = tables
        self.pages = pages
        self.tlb = tlb

    # A page

    @function
    def find(self, space: Ptr[AddressSpace], address: U64) -> U64:
        """The entry for `address`, or 0."""
        path, entry = local(TableWalk), keep(U64)
        space, address = keep(space), keep(address)
        xor(u32(entry), u32(entry))
        with space.lock.held():
            lea(rdx, path)
            level = self.walker.walk(space, address, rdx)
            with if_(level == PageLevel.PAGE):
                mov(rax, path.entries[PageLevel.PAGE])
                mov(entry, u64[rax])
        ret(entry)

    @function
    def replace(self, space: Ptr[AddressSpace], address: U64, expected: U64, entry: U64) -> I32:
        """Let `entry` be that for `address`, if it is `expected` now. 0; -EAGAIN if it is another
        one; -ENOMEM if there is no memory for tables."""
        change, path, result = local(MappingRequest), local(TableWalk), local(I32)
        space, address, expected, entry = keep(space), keep(address), keep(expected), keep(entry)
        with space.lock.held():
            lea(rdx, change)
            lea(rcx, path)
            mov(result, self.way(space, address, rdx, rcx))
            with if_(result == 0):
                slot = scratch(path.entries[PageLevel.PAGE])
                with if_(slot[0] != expected):
                    mov(result, -Errno.EAGAIN)
                with else_():
                    mov(slot[0], entry)
                    with if_(expected == 0):
                        inc(self._table(slot).references)
        self.tables.free_chain(change.empty)
        ret(result)

    @function
    def way(
        self,
        space: Ptr[AddressSpace],
        address: U64,
        change: Ptr[MappingRequest],
        path: Ptr[TableWalk],
    ) -> I32:
        """Let `path` lead to the entry for `address`, with all tables there. 0 or -ENOMEM, which
        leaves tables in `change.empty`."""
        change, path = keep(change), keep(path)
        mov(change.address, address)
        mov(change.flags, PageFlags.USER)
        mov(change.empty, 0)
        reached = self.walker.walk(space, address, path)
        tail(self.tables.allocate_missing, change, path, reached, PageLevel.PAGE)

    def _table(self, slot: Ptr[U64]) -> Ptr[Frame]:
        """The record of the table that the register `slot` points into, in rax. Changes rcx."""
        mov(rcx, Area.DIRECT_MAP)
        mov(rax, slot)
        and_(rax, -PAGE)
        sub(rax, rcx)
        return frame_of(rax)

    def page_record(self, entry: U64) -> Ptr[Frame]:
        """The record of the page that the register `entry` has, in that register."""
        and_(entry, self.entries.address_mask)
        return frame_of(entry)

    @function
    def let_go(self, entry: U64) -> None:
        """Note that `entry` is in no table any more; its page is given back if no other has it."""
        frame = self.page_record(entry)
        lock.dec(frame.references)
        with if_(ZF):
            tail(self.pages.free_page, page_of(frame))

    # FreeRanges

    def _begin(self, walk: EntryWalk, start: U64, end: U64) -> None:
        """Get ready to go through the entries from `start` up to `end`."""
        mov(walk.change.address, start)
        mov(walk.change.end, end)
        mov(walk.change.empty, 0)
        mov(walk.slot, 0)

    @function
    def next(self, space: Ptr[AddressSpace], walk: Ptr[EntryWalk]) -> Ptr[U64]:
        """Where the next entry lies that has a page; `change.address` is behind that. Null if
        there is none."""
        space, walk = keep(space), keep(walk)
        with loop():
            mov(rsi, walk.change.address)
            with if_(rsi >= walk.change.end):
                ret(0)
            mov(rax, walk.slot)
            with if_((rax & (PAGE - 1)) == 0):
                lea(rdx, walk.path)
                level = self.walker.walk(space, rsi, rdx)
                with if_(level != PageLevel.PAGE):
                    walk.change.skip(level)
                    continue_()
                mov(rax, walk.path.entries[PageLevel.PAGE])
            self._scan(walk)
            with if_(rcx != 0):
                ret(cast(rax, Ptr[U64]))

    def _scan(self, walk: Ptr[EntryWalk]) -> None:
        """Look for an entry that has a page from rax on, up to the end of the table. Lets rcx be
        the last entry that was looked at, and rax be where it is."""
        address = scratch(walk.change.address)
        with loop():
            mov(rcx, u64[rax])
            add(rax, sizeof(U64))
            add(address, PAGE)
            break_if((rcx != 0) | (address >= walk.change.end) | ((rax & (PAGE - 1)) == 0))
        mov(walk.change.address, address)
        mov(walk.slot, cast(rax, Ptr[U64]))
        sub(rax, sizeof(U64))
        release(address)

    # Unmapping

    @function
    def drop(self, space: Ptr[AddressSpace], start: U64, end: U64) -> None:
        """Unmap all from `start` up to `end`, and let go of the pages."""
        walk, space, first, left = local(EntryWalk), keep(space), keep(start), keep(U64)
        self._begin(walk, start, end)
        with loop():
            lea(rsi, walk)
            self.take_out(space, rsi)
            mov(left, walk.count)
            break_if(left == 0)
            self.flush(space, first, walk.change.address)
            with while_(left != 0):
                dec(left)
                self.let_go(walk.taken[left])
            self.tables.free_chain(walk.change.empty)
            mov(first, walk.change.address)
            mov(walk.change.empty, 0)
            mov(walk.slot, 0)  # its table may be gone

    @function
    def take_out(self, space: Ptr[AddressSpace], walk: Ptr[EntryWalk]) -> None:
        """Take up to `BATCH` entries out, and the tables that become empty by that."""
        space, walk, slot = keep(space), keep(walk), keep(Ptr[U64])
        mov(walk.count, 0)
        with while_(walk.count != BATCH):
            mov(slot, self.next(space, walk))
            break_if(slot == 0)
            mov(rax, slot[0])
            mov(rcx, walk.count)
            mov(walk.taken[rcx], rax)
            inc(walk.count)
            mov(slot[0], 0)
            dec(self._table(slot).references)
            with if_(ZF):
                lea(rdi, walk.change)
                lea(rsi, walk.path)
                self.tables.unlink_empty(rdi, rsi, PageLevel.PAGE)

    @function
    def flush(self, space: Ptr[AddressSpace], start: U64, end: U64) -> None:
        """Let all processors forget what they know of addresses from `start` up to `end`."""
        mfence()  # a thread that comes in behind this look has to see the changed entries
        with if_(space.threads != 0):
            sub(end, start)
            shr(end, PageShift.PAGE)
            tail(self.tlb.invalidate, space, start, end)

    # Sharing and protecting

    @function
    def share(
        self, space: Ptr[AddressSpace], other: Ptr[AddressSpace], start: U64, end: U64
    ) -> I32:
        """Let `other`, which nobody uses yet, have the pages of `space` from `start` up to `end`,
        where neither can write to them now. 0; or -ENOMEM, with a part of it done."""
        walk, space, other = local(EntryWalk), keep(space), keep(other)
        slot, table, twin = keep(Ptr[U64]), keep(U64), keep(U64)
        self._begin(walk, start, end)
        xor(u32(table), u32(table))
        xor(u32(twin), u32(twin))
        with loop():
            lea(rsi, walk)
            mov(slot, self.next(space, rsi))
            with if_(slot == 0):
                ret(0)
            mov(rax, slot)
            and_(rax, -PAGE)
            with if_(rax != table):
                mov(table, rax)
                mov(rsi, walk.change.address)
                sub(rsi, PAGE)
                mov(twin, self.table(other, rsi))
                with if_(twin == 0):
                    ret(-Errno.ENOMEM)
            self._share_entry(slot, twin)

    def _share_entry(self, slot: Ptr[U64], twin: U64) -> None:
        """Put the entry at `slot` into the table at `twin` too. Changes rax, rcx and rdx."""
        mov(rdx, slot[0])
        and_(rdx, ~int(PageFlags.WRITE))
        mov(slot[0], rdx)
        mov(rax, slot)
        and_(eax, PAGE - 1)
        mov(u64[twin + rax], rdx)
        lock.inc(self.page_record(rdx).references)
        inc(self._table(cast(twin, Ptr[U64])).references)

    @function
    def table(self, space: Ptr[AddressSpace], address: U64) -> U64:
        """Where the lowest table for `address` is; 0 if there is none and no memory for one."""
        change, path = local(MappingRequest), local(TableWalk)
        lea(rdx, change)
        lea(rcx, path)
        result = self.way(space, address, rdx, rcx)
        with if_(result != 0):
            self.tables.free_chain(change.empty)
            ret(0)
        mov(rax, path.entries[PageLevel.PAGE])
        and_(rax, -PAGE)
        ret(rax)

    @function
    def protect(self, space: Ptr[AddressSpace], start: U64, end: U64, flags: U64) -> None:
        """Give the entries from `start` up to `end` these flags, but for those that can't be
        written to now: they stay so."""
        walk, space, first, last = local(EntryWalk), keep(space), keep(start), keep(end)
        flags = keep(flags)
        self._begin(walk, start, end)
        with loop():
            lea(rsi, walk)
            slot = self.next(space, rsi)
            break_if(slot == 0)
            mov(rcx, slot[0])
            mov(rdx, rcx)
            and_(rcx, self.entries.address_mask)
            or_(rdx, ~int(PageFlags.WRITE))
            and_(rdx, flags)
            or_(rcx, rdx)
            mov(slot[0], rcx)
        self.flush(space, first, last)
