"""All pages of programs in a range of addresses."""

from __future__ import annotations

from kernel.cpu.pagetable import ADDRESS_MASK, ENTRIES, PAGE, PageFlags, PageShift
from kernel.errno import Errno
from kernel.mm.mappingrequest import MappingRequest
from kernel.mm.pagetables import PageTables
from kernel.mm.tablewalker import TableWalk, TableWalker
from kernel.paging.addresses import UserAddress
from kernel.paging.level import PageLevel
from kernel.structures.alignment import round_down
from kernel.vm.addressspace import AddressSpace
from kernel.vm.largepages import LARGE_PAGE, LargePages
from kernel.vm.regionview import RegionView
from kernel.vm.userpages import UserPages
from pykasm import *

BATCH = 32
"""Pages that are unmapped before TLBs are flushed and the pages freed."""


SHARED_BATCH = 64
"""Entries that are shared or protected before others may have the lock."""


class EntryWalk(Struct):
    """A walk over the entries of a range of addresses, in order."""

    request: MappingRequest
    """`address` moves on from page to page."""
    walk: TableWalk
    """Leads to the table that was looked at last."""
    slot: Ptr[U64]
    """Where the next entry lies in its table; a multiple of the page size if the table has yet to
    be found."""
    level: U64
    """The level of the entry that was found last."""
    takes_tables: U32
    """1 if tables without entries are to be taken out."""
    splits: U32
    """1 if large pages are to be split even where the range has all of them."""
    keeps_large: U32
    """1 if they are not to be split where it has a part of them."""
    count: U64
    removed: Array[U64] = field(count=BATCH)
    """`count` entries that were removed."""


class UserRanges(Subsystem):
    """Unmaps, shares and protects the pages of a range of addresses.

    Context: thread, with the space's `regions_lock` held for writing, so that nobody else adds
    entries. `clear` is called without it, for what is backed by something that pages were removed
    from: so all change entries under `Space.lock`, and `clear`, beside which page faults run, by
    atomic instructions.
    """

    kept = rodata(U64, ADDRESS_MASK | PageFlags.LARGE)
    """What stays of an entry whose rights change."""

    def __init__(
        self, walker: TableWalker, tables: PageTables, large: LargePages, user_pages: UserPages
    ) -> None:
        self.walker = walker
        self.tables = tables
        self.large = large
        self.user_pages = user_pages

    # Walking

    @inline
    def _start(self, walk: EntryWalk, start: UserAddress, end: UserAddress) -> None:
        """Prepare `walk` for the entries from `start` up to `end`."""
        mov(walk.request.address, start)
        mov(walk.request.end, end)
        mov(walk.request.empty, 0)
        mov(walk.slot, 0)
        mov(walk.takes_tables, 0)
        mov(walk.splits, 0)
        mov(walk.keeps_large, 0)

    @function
    def _next(self, space: Keep[Ptr[AddressSpace]], walk: Keep[Ptr[EntryWalk]]) -> OrNull[Ptr[U64]]:
        """Return the place of the next entry that has a page, or null. `request.address` is the
        address after its page then. A large page is split first unless the range has all of it."""
        with loop():
            address = scratch(walk.request.address)
            fail_if(address >= walk.request.end)
            mov(rax, u64(walk.slot))
            with if_((rax & (PAGE - 1)) == 0):  # null at first, or the end of a table
                level = keep(self.walker.walk(space, address, address_of(walk.walk)))
                with if_(walk.takes_tables != 0):  # a page fault may have left one without entries
                    request, entries = address_of(walk.request), address_of(walk.walk)
                    self.tables.unlink_empty(request, entries, level)
                with if_(level != PageLevel.PAGE):
                    with if_(level == PageLevel.LARGE):
                        large = scratch(self._large(walk))
                        with if_(large != 0):
                            ret(large)
                        continue_if(walk.level == PageLevel.PAGE)  # it was split
                    walk.request.skip(level)
                    continue_()
                mov(walk.level, PageLevel.PAGE)
                mov(rax, u64(walk.walk.entries[PageLevel.PAGE]))
            entry, slot = self._scan(walk, rax)
            with if_(entry != 0):
                ret(slot)

    @function
    def _large(self, walk: Keep[Ptr[EntryWalk]]) -> OrNull[Ptr[U64]]:
        """Go past the large page that `walk` has come to, and return the place of its entry. If it
        is to be split, do that and return null, with `walk.level` PAGE; null, too, if nothing is
        there. A page fault may have added a table since the walk: that is as if split."""
        slot = keep(walk.walk.entries[PageLevel.LARGE])
        mov(walk.level, PageLevel.LARGE)
        entry = scratch(slot[0])
        fail_if(entry == 0)
        with if_((entry & PageFlags.LARGE) == 0):
            mov(walk.level, PageLevel.PAGE)
            ret(0)
        release(entry)
        start, rest = scratch(walk.request.address), scratch(walk.request.end)
        sub(rest, start)
        is_part = (rest < LARGE_PAGE) | (start & (LARGE_PAGE - 1))
        with if_((walk.splits != 0) | ((walk.keeps_large == 0) & is_part)):
            mov(walk.level, PageLevel.PAGE)
            self.large.split(slot)
            ret(0)
        and_(start, -LARGE_PAGE)
        add(start, LARGE_PAGE)
        mov(walk.request.address, start)
        mov(walk.slot, 0)
        ret(slot)

    @inline(changes=("slot", rax, rcx, rdx, rdi))
    def _scan(self, walk: Ptr[EntryWalk], slot: Ptr[U64]) -> tuple[U64, Ptr[U64]]:
        """Look for an entry that has a page from `slot`, rax, on, up to the end of its table.
        Returns the last entry that was looked at, and its place."""
        mov(rdi, slot)
        mov(rdx, slot)
        mov(ecx, PAGE)
        and_(edx, PAGE - 1)
        sub(ecx, edx)
        shr(ecx, 3)  # how many the table has from there on
        mov(rdx, walk.request.end)
        sub(rdx, walk.request.address)
        shr(rdx, PageShift.PAGE)
        with if_(rcx > rdx):
            mov(rcx, rdx)
        mov(rdx, rdi)
        xor(eax, eax)
        repe.scasq()
        mov(walk.slot, cast(rdi, Ptr[U64]))
        sub(rdx, rdi)
        shl(rdx, PageShift.PAGE - 3)
        sub(walk.request.address, rdx)
        lea(slot, u64[rdi - sizeof(U64)])
        mov(rcx, slot[0])
        return rcx, slot

    # Counting

    @function
    def count(self, space: Keep[Ptr[AddressSpace]], seen: Keep[Ptr[RegionView]]) -> None:
        """Count in `seen`, whose bounds are set, what is in memory. Here `regions_lock` is held for
        reading."""
        walk = local(EntryWalk)
        self._start(walk, scratch(seen.start), scratch(seen.end))
        mov(walk.keeps_large, 1)
        mov(seen.resident, 0)
        mov(seen.large, 0)
        mov(seen.shared, 0)
        mov(seen.dirty, 0)
        with do_while(lambda: walk.count == SHARED_BATCH):
            self._count_batch(space, address_of(walk), seen)
            mov(walk.slot, 0)  # its table may go meanwhile

    @function
    def _count_batch(
        self,
        space: Keep[Ptr[AddressSpace]],
        walk: Keep[Ptr[EntryWalk]],
        seen: Keep[Ptr[RegionView]],
    ) -> None:
        """Count up to `SHARED_BATCH` entries, and note how many."""
        before = keep(U64)
        mov(walk.count, 0)
        with space.lock.held(), while_(walk.count != SHARED_BATCH):
            mov(before, walk.request.address)
            slot = self._next(space, walk)
            break_if(slot == 0)
            inc(walk.count)
            with if_(walk.level == PageLevel.PAGE):
                entry = scratch(slot[0])
                self._count_page(entry, seen)
                continue_()
            pages = scratch(walk.request.address)
            with if_(pages > walk.request.end):
                mov(pages, walk.request.end)
            with if_(before < seen.start):
                mov(before, seen.start)
            sub(pages, before)
            shr(pages, PageShift.PAGE)
            for name in ("resident", "large", "dirty"):
                add(getattr(seen, name), pages)

    @inline(changes=("entry", rax, rcx))
    def _count_page(self, entry: U64, seen: Ptr[RegionView]) -> None:
        """Count the page of `entry`, which is changed, in `seen`."""
        inc(seen.resident)
        with if_(entry & PageFlags.DIRTY):
            inc(seen.dirty)
        frame = self.user_pages.page_frame(entry)
        mov(ecx, frame.uses.references.count)
        sub(rcx, seen.is_backed)
        with if_(ecx > 1):
            inc(seen.shared)

    # Unmapping

    @function
    def unmap(self, space: Keep[Ptr[AddressSpace]], start: UserAddress, end: UserAddress) -> None:
        """Remove all entries from `start` up to `end` with their tables, and drop their references
        to pages."""
        walk = local(EntryWalk)
        self._start(walk, start, end)
        mov(walk.takes_tables, 1)
        self._remove_all(space, address_of(walk))

    @function
    def clear(self, space: Ptr[AddressSpace], start: UserAddress, end: UserAddress) -> None:
        """Remove all entries from `start` up to `end`, though pages may be touched there meanwhile,
        and drop their references to pages."""
        walk = local(EntryWalk)
        self._start(walk, start, end)
        self._remove_all(space, address_of(walk))

    @function
    def _remove_all(self, space: Keep[Ptr[AddressSpace]], walk: Keep[Ptr[EntryWalk]]) -> None:
        """Remove all entries of `walk`."""
        first, left = keep(walk.request.address), keep(U64)
        with loop():
            self._remove_batch(space, walk)
            mov(left, walk.count)
            break_if((left == 0) & (walk.request.empty == 0))
            self.user_pages.flush(space, first, walk.request.address)
            # Only now does no TLB have the pages and tables
            with while_(left != 0):
                dec(left)
                self.user_pages.drop(walk.removed[left])
            self.tables.free_chain(walk.request.empty)
            mov(first, walk.request.address)
            mov(walk.request.empty, 0)
            mov(walk.slot, 0)  # its table may be gone

    @function
    def _remove_batch(self, space: Keep[Ptr[AddressSpace]], walk: Keep[Ptr[EntryWalk]]) -> None:
        """Remove up to `BATCH` entries, and tables that are to be taken out."""
        slot, entry = keep(Ptr[U64]), keep(U64)
        mov(walk.count, 0)
        with space.lock.held(), while_(walk.count != BATCH):
            with if_(walk.count == 0):
                self._note_peak(space)
            mov(slot, self._next(space, walk))
            break_if(slot == 0)
            xor(u32(entry), u32(entry))
            xchg(slot[0], entry)
            count = scratch(walk.count)
            mov(walk.removed[count], entry)
            inc(walk.count)
            pages = scratch(U64)
            mov(u32(pages), 1)
            with if_(walk.level == PageLevel.LARGE):
                mov(u32(pages), ENTRIES)
            lock.sub(space.resident, pages)
            release(pages)
            lock.dec(self.user_pages.table_frame(slot).uses.entries)
            with if_(ZF & (walk.takes_tables != 0)):
                request, entries = address_of(walk.request), address_of(walk.walk)
                self.tables.unlink_empty(request, entries, walk.level)

    @inline(changes=rax)
    def _note_peak(self, space: Ptr[AddressSpace]) -> None:
        """Note how many pages `space` has, if that is more than ever."""
        mov(rax, space.resident)
        with if_(rax > space.peak):
            mov(space.peak, rax)

    # Sharing and protecting

    @function
    def share(
        self,
        space: Keep[Ptr[AddressSpace]],
        other: Keep[Ptr[AddressSpace]],
        start: UserAddress,
        end: UserAddress,
    ) -> OrErrno[I32]:
        """Copy the entries of `space` from `start` up to `end` to `other`, which nobody uses yet,
        and take the right to write from both: the first write copies the page.

        Returns 0; or -ENOMEM, with a part of it done. TLBs have yet to be flushed.
        """
        walk, result = local(EntryWalk), keep(I32)
        self._start(walk, start, end)
        mov(walk.splits, 1)
        with do_while(lambda: (result == 0) & (walk.count == SHARED_BATCH)):
            with space.lock.held():
                mov(result, self._share_batch(space, other, address_of(walk)))
            mov(walk.slot, 0)  # its table may go meanwhile
        ret(result)

    @function(holds="space.lock")
    def _share_batch(
        self,
        space: Keep[Ptr[AddressSpace]],
        other: Keep[Ptr[AddressSpace]],
        walk: Keep[Ptr[EntryWalk]],
    ) -> OrErrno[I32]:
        """Share up to `SHARED_BATCH` entries, and note how many. Returns what `share` does."""
        table, twin = keep(U64), local(U64)
        mov(walk.count, 0)
        xor(u32(table), u32(table))
        mov(twin, 0)
        with while_(walk.count != SHARED_BATCH):
            source = local(Ptr[U64])
            mov(source, self._next(space, walk))
            with if_(source == 0):
                ret(0)
            place = scratch(u64(source))
            round_down(place, PAGE)
            with if_(place != table):  # the other's table is looked up once for all its entries
                mov(table, place)
                address = scratch(walk.request.address)
                sub(address, PAGE)
                mov(twin, u64(try_(self._slot(other, address), Errno.ENOMEM)))
                and_(twin, -PAGE)
            self._share_entry(scratch(source), scratch(twin))
            inc(other.resident)
            inc(walk.count)
        ret(0)

    @function
    def _slot(self, space: Ptr[AddressSpace], address: UserAddress) -> OrNull[Ptr[U64]]:
        """Return the place of the entry for `address`, with tables allocated, where no page is."""
        tail(self.user_pages.slot, space, address, PageLevel.PAGE)

    @function
    def duplicate(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: UserAddress,
        end: UserAddress,
        target: UserAddress,
    ) -> OrErrno[I32]:
        """Copy the entries from `start` up to `end` to those from `target` on, which are empty.
        Returns 0; or -ENOMEM, with a part of it done."""
        walk, result, distance = local(EntryWalk), keep(I32), keep(target)
        sub(distance, start)
        self._start(walk, start, end)
        mov(walk.splits, 1)
        with do_while(lambda: (result == 0) & (walk.count == SHARED_BATCH)):
            with space.lock.held():
                mov(result, self._duplicate_batch(space, address_of(walk), distance))
            mov(walk.slot, 0)  # its table may go meanwhile
        ret(result)

    @function(holds="space.lock")
    def _duplicate_batch(
        self, space: Keep[Ptr[AddressSpace]], walk: Keep[Ptr[EntryWalk]], distance: Keep[U64]
    ) -> OrErrno[I32]:
        """Copy up to `SHARED_BATCH` entries, and note how many. Returns what `duplicate` does."""
        entry, address = keep(U64), keep(U64)
        mov(walk.count, 0)
        with while_(walk.count != SHARED_BATCH):
            slot = self._next(space, walk)
            with if_(slot == 0):
                ret(0)
            mov(entry, slot[0])
            mov(address, walk.request.address)
            sub(address, PAGE)
            add(address, distance)
            place = scratch(try_(self._slot(space, address), Errno.ENOMEM))
            mov(place[0], entry)
            inc(self.user_pages.table_frame(place).uses.entries)
            inc(space.resident)
            frame = self.user_pages.page_frame(entry)
            frame.uses.references.gain()
            disown(frame, "the entry leads to it")
            inc(walk.count)
        ret(0)

    @inline(changes=(rax, rcx, rdx))
    def _share_entry(self, slot: Ptr[U64], twin: U64) -> None:
        """Copy the entry at `slot` to the same place in the table at `twin`."""
        mov(rdx, slot[0])
        and_(rdx, ~int(PageFlags.WRITE))
        mov(slot[0], rdx)
        mov(rax, slot)
        and_(eax, PAGE - 1)
        mov(u64[twin + rax], rdx)
        frame = self.user_pages.page_frame(rdx)
        frame.uses.references.gain()
        disown(frame, "the other's entry leads to it")
        inc(self.user_pages.table_frame(cast(twin, Ptr[U64])).uses.entries)

    @function
    def protect(
        self, space: Keep[Ptr[AddressSpace]], start: UserAddress, end: UserAddress, flags: Keep[U64]
    ) -> None:
        """Give the entries from `start` up to `end` these `flags`. WRITE stays clear where it is:
        the page may be shared, so the first write has to fault."""
        walk, first, last = local(EntryWalk), keep(start), keep(end)
        self._start(walk, start, end)
        with do_while(lambda: walk.count == SHARED_BATCH):
            self._protect_batch(space, address_of(walk), flags)
            mov(walk.slot, 0)  # its table may go meanwhile
        self.user_pages.flush(space, first, last)

    @function
    def _protect_batch(
        self, space: Keep[Ptr[AddressSpace]], walk: Keep[Ptr[EntryWalk]], flags: Keep[U64]
    ) -> None:
        """Do what `protect` does to up to `SHARED_BATCH` entries, and note how many."""
        mov(walk.count, 0)
        with space.lock.held(), while_(walk.count != SHARED_BATCH):
            slot = self._next(space, walk)
            break_if(slot == 0)
            inc(walk.count)
            entry, new_flags = scratch(slot[0]), scratch(slot[0])
            and_(entry, self.kept)
            or_(new_flags, ~int(PageFlags.WRITE))  # all ones, but for WRITE as it is
            and_(new_flags, flags)
            or_(entry, new_flags)
            mov(slot[0], entry)
