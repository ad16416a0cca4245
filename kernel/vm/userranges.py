"""All pages of programs in a range of addresses."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageFlags
from kernel.errno import Errno
from kernel.mm.mappingrequest import MappingRequest
from kernel.mm.pagetables import PageTables
from kernel.mm.tablewalker import TableWalk, TableWalker
from kernel.paging.level import PageLevel
from kernel.vm.addressspace import AddressSpace
from kernel.vm.userpages import UserPages
from pykasm import *

BATCH = 32
"""Pages that are unmapped before TLBs are flushed and the pages freed."""


class EntryWalk(Struct):
    """A walk over the entries of a range of addresses, in order."""

    request: MappingRequest
    """`address` moves on from page to page."""
    walk: TableWalk
    """Leads to the table that was looked at last."""
    slot: Ptr[U64]
    """Where the next entry lies in its table; a multiple of the page size if the table has yet to
    be found."""
    count: U64
    removed: Array[U64] = field(count=BATCH)
    """`count` entries that were removed."""


class UserRanges(Subsystem):
    """Unmaps, shares and protects the pages of a range of addresses.

    Context: thread, with the space's `regions_lock` held for writing, so that nobody else changes
    its tables.
    """

    def __init__(self, walker: TableWalker, tables: PageTables, user_pages: UserPages) -> None:
        self.walker = walker
        self.tables = tables
        self.user_pages = user_pages

    # Walking

    def _start(self, walk: EntryWalk, start: U64, end: U64) -> None:
        """Prepare `walk` for the entries from `start` up to `end`."""
        mov(walk.request.address, start)
        mov(walk.request.end, end)
        mov(walk.request.empty, 0)
        mov(walk.slot, 0)

    @function
    def _next(self, space: Keep[Ptr[AddressSpace]], walk: Keep[Ptr[EntryWalk]]) -> Ptr[U64]:
        """Where the next entry lies that has a page, or null. `request.address` is the address
        after its page then."""
        with loop():
            mov(rsi, walk.request.address)
            with if_(rsi >= walk.request.end):
                ret(0)
            mov(rax, walk.slot)
            with if_((rax & (PAGE - 1)) == 0):  # null at first, or the end of a table
                lea(rdx, walk.walk)
                level = scratch(self.walker.walk(space, rsi, rdx))
                with if_(level != PageLevel.PAGE):
                    walk.request.skip(level)
                    continue_()
                mov(rax, walk.walk.entries[PageLevel.PAGE])
            self._scan(walk)
            with if_(rcx != 0):
                ret(cast(rax, Ptr[U64]))

    def _scan(self, walk: Ptr[EntryWalk]) -> None:
        """Look for an entry that has a page from rax on, up to the end of its table. Leaves the
        last entry that was looked at in rcx, and its place in rax."""
        address = scratch(walk.request.address)
        with loop():
            mov(rcx, u64[rax])
            add(rax, sizeof(U64))
            add(address, PAGE)
            break_if((rcx != 0) | (address >= walk.request.end) | ((rax & (PAGE - 1)) == 0))
        mov(walk.request.address, address)
        mov(walk.slot, cast(rax, Ptr[U64]))
        sub(rax, sizeof(U64))
        release(address)

    # Unmapping

    @function
    def unmap(self, space: Keep[Ptr[AddressSpace]], start: U64, end: U64) -> None:
        """Remove all entries from `start` up to `end`, and drop their references to pages."""
        walk, first, left = local(EntryWalk), keep(start), keep(U64)
        self._start(walk, start, end)
        with loop():
            lea(rsi, walk)
            self._remove_batch(space, rsi)
            mov(left, walk.count)
            break_if(left == 0)
            self.user_pages.flush(space, first, walk.request.address)
            # Only now does no TLB have the pages and tables
            with while_(left != 0):
                dec(left)
                self.user_pages.put(walk.removed[left])
            self.tables.free_chain(walk.request.empty)
            mov(first, walk.request.address)
            mov(walk.request.empty, 0)
            mov(walk.slot, 0)  # its table may be gone

    @function
    def _remove_batch(self, space: Keep[Ptr[AddressSpace]], walk: Keep[Ptr[EntryWalk]]) -> None:
        """Remove up to `BATCH` entries, and the tables that become empty by that."""
        slot = keep(Ptr[U64])
        mov(walk.count, 0)
        with while_(walk.count != BATCH):
            mov(slot, self._next(space, walk))
            break_if(slot == 0)
            mov(rax, slot[0])
            mov(rcx, walk.count)
            mov(walk.removed[rcx], rax)
            inc(walk.count)
            mov(slot[0], 0)
            dec(self.user_pages.table_frame(slot).references)
            with if_(ZF):
                lea(rdi, walk.request)
                lea(rsi, walk.walk)
                self.tables.unlink_empty(rdi, rsi, PageLevel.PAGE)

    # Sharing and protecting

    @function
    def share(
        self, space: Keep[Ptr[AddressSpace]], other: Keep[Ptr[AddressSpace]], start: U64, end: U64
    ) -> I32:
        """Copy the entries of `space` from `start` up to `end` to `other`, which nobody uses yet,
        and take the right to write from both: the first write copies the page.

        Returns 0; or -ENOMEM, with a part of it done. TLBs have yet to be flushed.
        """
        walk = local(EntryWalk)
        slot, table, twin = keep(Ptr[U64]), keep(U64), keep(U64)
        self._start(walk, start, end)
        xor(u32(table), u32(table))
        xor(u32(twin), u32(twin))
        with loop():
            lea(rsi, walk)
            mov(slot, self._next(space, rsi))
            with if_(slot == 0):
                ret(0)
            mov(rax, slot)
            and_(rax, -PAGE)
            with if_(rax != table):  # the other space's table is looked up once for all its entries
                mov(table, rax)
                mov(rsi, walk.request.address)
                sub(rsi, PAGE)
                mov(twin, self.user_pages.table(other, rsi))
                with if_(twin == 0):
                    ret(-Errno.ENOMEM)
            self._share_entry(slot, twin)

    def _share_entry(self, slot: Ptr[U64], twin: U64) -> None:
        """Copy the entry at `slot` to the same place in the table at `twin`. Changes rax, rcx and
        rdx."""
        mov(rdx, slot[0])
        and_(rdx, ~int(PageFlags.WRITE))
        mov(slot[0], rdx)
        mov(rax, slot)
        and_(eax, PAGE - 1)
        mov(u64[twin + rax], rdx)
        lock.inc(self.user_pages.page_frame(rdx).references)
        inc(self.user_pages.table_frame(cast(twin, Ptr[U64])).references)

    @function
    def protect(
        self, space: Keep[Ptr[AddressSpace]], start: U64, end: U64, flags: Keep[U64]
    ) -> None:
        """Give the entries from `start` up to `end` these `flags`. WRITE stays clear where it is:
        the page may be shared, so the first write has to fault."""
        walk, first, last = local(EntryWalk), keep(start), keep(end)
        self._start(walk, start, end)
        with loop():
            lea(rsi, walk)
            slot = self._next(space, rsi)
            break_if(slot == 0)
            mov(rcx, slot[0])
            mov(rdx, rcx)
            and_(rcx, self.user_pages.entries.address_mask)
            or_(rdx, ~int(PageFlags.WRITE))  # all ones, but for WRITE as it is
            and_(rdx, flags)
            or_(rcx, rdx)
            mov(slot[0], rcx)
        self.user_pages.flush(space, first, last)
