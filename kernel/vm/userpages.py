"""Single pages of programs."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageFlags, PageShift
from kernel.errno import Errno
from kernel.mm.frames import Frame, frame_at, frame_of, page_of
from kernel.mm.mappingrequest import MappingRequest
from kernel.mm.pages import Pages
from kernel.mm.pagetables import PageTables
from kernel.mm.tablewalker import TableWalk, TableWalker
from kernel.paging.addresses import UserAddress
from kernel.paging.entryformat import EntryFormat
from kernel.paging.level import PageLevel
from kernel.smp.tlb import Tlb
from kernel.structures.alignment import round_down
from kernel.vm.addressspace import AddressSpace
from kernel.vm.rights import ALL_RIGHTS, entry_flags
from pykasm import *


class UserPages(Subsystem):
    """Entries for pages of 4 KiB in the lower halves of address spaces.

    An entry that is not zero has a page, even where no access is allowed and so PRESENT is clear.
    `FrameUses.references` of a page counts the entries that have it, in all spaces. Context:
    thread, with the space's `regions_lock` held.
    """

    flags = rodata(U64 * (ALL_RIGHTS + 1), [entry_flags(one) for one in range(ALL_RIGHTS + 1)])
    """Flags of an entry, by `Rights`."""

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
        walk, entry = local(TableWalk), keep(U64)
        xor(u32(entry), u32(entry))
        with space.lock.held():
            level = self.walker.walk(space, address, address_of(walk))
            with if_(level == PageLevel.PAGE):
                slot = scratch(walk.entries[PageLevel.PAGE])
                mov(entry, slot[0])
        ret(entry)

    @function
    def replace(
        self,
        space: Keep[Ptr[AddressSpace]],
        address: Keep[UserAddress],
        expected: Keep[U64],
        entry: Keep[U64],
    ) -> OrErrno[I32]:
        """Write `entry` for `address`, if there is `expected` now. Returns 0; -EAGAIN if there is
        another one; -ENOMEM if there is no memory for tables."""
        request, walk, result = local(MappingRequest), local(TableWalk), local(I32)
        with space.lock.held():
            asked, entries = address_of(request), address_of(walk)
            mov(result, self._walk_to_page(space, address, asked, entries))
            with if_(result == 0):
                slot = scratch(walk.entries[PageLevel.PAGE])
                with if_(slot[0] != expected):
                    mov(result, -Errno.EAGAIN)
                with else_():
                    mov(slot[0], entry)
                    with if_(expected == 0):  # the table has an entry more
                        inc(self.table_frame(slot).uses.entries)
                        inc(space.resident)
        self.tables.free_chain(request.empty)
        ret(result)

    @function
    def _walk_to_page(
        self,
        space: Ptr[AddressSpace],
        address: UserAddress,
        request: Keep[Ptr[MappingRequest]],
        walk: Keep[Ptr[TableWalk]],
    ) -> OrErrno[I32]:
        """Note the entries for `address` in `walk`, with missing tables allocated. Returns 0; or
        -ENOMEM, with tables to be freed in `request.empty`."""
        mov(request.address, address)
        mov(request.flags, PageFlags.USER)
        mov(request.empty, 0)
        reached = self.walker.walk(space, address, walk)
        tail(self.tables.allocate_missing, request, walk, reached, PageLevel.PAGE)

    @function
    def table(self, space: Ptr[AddressSpace], address: UserAddress) -> U64:
        """Return the address of the lowest table of `space` for `address`, allocated if it lacks; 0
        if there is no memory. Nobody else uses the space."""
        request, walk = local(MappingRequest), local(TableWalk)
        asked, entries = address_of(request), address_of(walk)
        with if_(self._walk_to_page(space, address, asked, entries) != 0):
            self.tables.free_chain(request.empty)
            ret(0)
        mov(rax, u64(walk.entries[PageLevel.PAGE]))
        round_down(rax, PAGE)
        ret(rax)

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
