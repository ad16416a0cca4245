"""Single pages of programs."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageFlags, PageShift
from kernel.mm.frames import Frame, frame_at, frame_of, page_of
from kernel.mm.pages import Pages
from kernel.mm.pagetables import PageTables
from kernel.mm.tablewalker import TableWalk, TableWalker
from kernel.paging.addresses import UserAddress, direct
from kernel.paging.entryformat import EntryFormat
from kernel.paging.level import PageLevel
from kernel.paging.space import Space
from kernel.smp.tlb import Tlb
from kernel.vm.addressspace import AddressSpace
from kernel.vm.largepages import LARGE_PAGE, LargePages
from kernel.vm.rights import ALL_RIGHTS, entry_flags
from pykasm import *


class UserPages(Subsystem):
    """Entries for pages in the lower halves of address spaces, most of them of 4 KiB.

    An entry that is not zero has a page, even where no access is allowed and so PRESENT is clear.
    `FrameUses.references` of a page counts the entries that have it, in all spaces. Entries change
    by atomic instructions, and so do the counts of them, as page faults run at once. Context:
    thread, with the space's `regions_lock` held: nobody takes tables away meanwhile.
    """

    flags = rodata(U64 * (ALL_RIGHTS + 1), [entry_flags(one) for one in range(ALL_RIGHTS + 1)])
    """Flags of an entry, by `Rights`."""

    def __init__(
        self,
        entries: EntryFormat,
        walker: TableWalker,
        tables: PageTables,
        pages: Pages,
        large: LargePages,
        tlb: Tlb,
    ) -> None:
        self.entries = entries
        self.walker = walker
        self.tables = tables
        self.pages = pages
        self.large = large
        self.tlb = tlb

    @inline
    def flags_of(self, rights: U32) -> U64:
        """Return the flags of entries with `rights`, in a scratch register."""
        flags = scratch(U64)
        mov(u32(flags), rights)
        mov(flags, self.flags[flags])
        and_(flags, self.entries.allowed)
        return flags

    @function
    def find(self, space: Keep[Ptr[AddressSpace]], address: Keep[UserAddress]) -> U64:
        """Return the entry for `address`, or 0."""
        entry = keep(U64)
        with space.lock.held():
            mov(entry, self._find(space, address))
        ret(entry)

    @function(holds="space.lock")
    def _find(self, space: Keep[Ptr[AddressSpace]], address: Keep[UserAddress]) -> U64:
        """Do what `find` does, under the lock."""
        walk, entry = local(TableWalk), keep(U64)
        with loop():
            level = self.walker.walk(space, address, address_of(walk))
            slot = scratch(walk.entries[level])
            mov(entry, slot[0])
            break_if((level == PageLevel.PAGE) | (entry == 0) | (entry & PageFlags.LARGE))
            # A page fault, which takes no lock, has added a table since the walk
        with if_(entry & PageFlags.LARGE):
            and_(entry, ~int(PageFlags.LARGE))
            and_(u32(address), LARGE_PAGE - PAGE)
            or_(entry, address)
        ret(entry)

    @function
    def copy(self, space: Keep[Ptr[AddressSpace]], address: UserAddress, target: Keep[U64]) -> Bool:
        """Copy the page at `address` of `space`, which the thread is in, to the kernel's `target`,
        whatever the program may do with it. Returns whether it is there.

        The page stays meanwhile: who takes it away has to flush it from the TLB of this processor
        first, which waits until interrupts are on again.
        """
        entry = keep(U64)
        with space.lock.held():
            mov(entry, self._find(space, address))
            with if_(entry != 0):
                and_(entry, self.entries.address_mask)
                direct(entry)
                mov(rsi, entry)
                mov(rdi, target)
                mov(ecx, PAGE // sizeof(U64))
                rep.movsq()
        ret(entry != 0)

    @inline(changes=(rax, rcx))
    def look(
        self, space: Ptr[Space], address: UserAddress, walk: TableWalk
    ) -> tuple[Ptr[U64], U64]:
        """Return the place of the lowest entry that there is for `address`, in a scratch register,
        and its level, in rcx. By the time it is read, a page fault may have had an entry above
        `PageLevel.PAGE` that was empty lead to a table."""
        level = self.walker.walk_inline(space, address, walk)
        slot = scratch(walk.entries[level])
        return slot, level

    @function
    def slot(
        self, space: Keep[Ptr[AddressSpace]], address: Keep[UserAddress], wanted: Keep[U64]
    ) -> OrNull[Ptr[U64]]:
        """Return the place of the entry of `wanted`, a level, for `address`, with missing tables
        allocated, or that of a large page instead; null if there is no memory for them. Some tables
        may be without entries then, which `UserRanges.unmap` takes away with the region."""
        walk, level = local(TableWalk), keep(U64)
        with loop():
            slot, reached = self.look(cast(space, Ptr[Space]), address, walk)
            with if_(reached <= wanted):
                ret(walk.entries[wanted])
            with if_(slot[0] & PageFlags.LARGE):
                ret(slot)
            mov(level, reached)
            release(slot)
            try_(self._add_table(address_of(walk), level))

    @function
    def _add_table(self, walk: Keep[Ptr[TableWalk]], level: Keep[U64]) -> Bool:
        """Have the entry on `level` of `walk`, which led nowhere, lead to a table. Returns whether
        there was memory for it."""
        table, slot = keep(try_(self.tables.allocate())), scratch(walk.entries[level])
        # The processor lets programs through only if every level does (AMD64 APM vol. 2, 5.6.1)
        or_(table, PageFlags.USER)
        xor(eax, eax)
        lock.cmpxchg(slot[0], table)
        with if_(ZF):
            disown(table, "the entry above leads to it")
            self.tables.count_entries(walk, level, 1)
            ret(True)
        and_(table, self.entries.address_mask)
        self.pages.free_zeroed(table)  # another thread was faster
        ret(True)

    @inline(changes=rax)
    def table_frame(self, slot: Ptr[U64]) -> Ptr[Frame]:
        """Return the record of the table that `slot` points into."""
        mov(rax, slot)
        return frame_at(rax)

    @inline(changes="entry")
    def page_frame(self, entry: U64) -> Ptr[Frame]:
        """Turn `entry`, a register, into the record of its page."""
        and_(entry, self.entries.address_mask)
        return frame_of(entry)

    @function
    def drop(self, entry: Owned[U64]) -> None:
        """Drop a reference to the page of `entry`, which was in a table; free the page with the
        last one. No TLB has the entry any more."""
        with if_(entry & PageFlags.LARGE):
            disown(entry, "it is freed as a large page")
            tail(self.large.free, entry)
        # Atomic: other spaces that share the page have other locks
        frame = self.page_frame(entry)
        with if_(frame.uses.references.drop()):
            tail(self.pages.free_page, page_of(frame))

    @function
    def flush(self, space: Ptr[AddressSpace], start: UserAddress, end: UserAddress) -> None:
        """Remove addresses from `start` up to `end` from all TLBs, after their entries changed."""
        mfence()  # a thread that enters after this look at `threads` has to read the new entries
        with if_(space.threads != 0):
            sub(end, start)
            shr(end, PageShift.PAGE)
            tail(self.tlb.invalidate, space, start, end)
