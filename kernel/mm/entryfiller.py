"""Writing new entries."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageFlags, PageShift
from kernel.errno import Errno
from kernel.mm.mappingrequest import MappingRequest
from kernel.mm.pagetables import PageTables
from kernel.mm.tablewalker import TableWalk, TableWalker
from kernel.paging.level import PageLevel, entry_shift
from kernel.paging.space import Space
from pykasm import *


class EntryFiller(Subsystem):
    """Maps addresses that nothing is mapped at, by the largest pages that fit.

    Context: thread, with the lock of the space.
    """

    def __init__(self, walker: TableWalker, tables: PageTables) -> None:
        self.walker = walker
        self.tables = tables

    @inline(changes=CALLER_SAVED)
    def fill(self, space: Ptr[Space], request: MappingRequest) -> OrErrno[I32]:
        """Map what `request` says, as far as `request.address` tells then. Returns 0, -ENOMEM or
        -EEXIST, in a kept register."""
        result, walk, level = keep(I32), local(TableWalk), keep(U64)
        xor(result, result)
        with loop():
            mov(rax, request.address)
            break_if(rax >= request.end)
            xor(u32(level), u32(level))
            with if_(request.largest != PageShift.PAGE):
                mov(level, self._level(address_of(request)))
            # A walk that ends above the level lacks tables. One that ends below it found a table
            # where a large page is to go: that is an entry, and so -EEXIST
            reached = self.walker.walk_inline(space, request.address, walk)
            with if_(reached != level):
                asked, entries = address_of(request), address_of(walk)
                mov(result, self.tables.allocate_missing(asked, entries, reached, level))
                break_if(result != 0)
            self._fill_table(request, walk, level, result)
            break_if(result != 0)
        release(level)
        return result

    @function
    def _level(self, request: Ptr[MappingRequest]) -> U64:
        """Return the level of the largest pages by which `request` can go on."""
        mov(rax, request.address)
        mov(rcx, request.end)
        sub(rcx, rax)
        or_(rax, request.target)  # has a low bit where one of the two is not aligned
        for level, shift in ((PageLevel.HUGE, PageShift.HUGE), (PageLevel.LARGE, PageShift.LARGE)):
            size = 1 << shift
            with if_((request.largest >= shift) & (rcx >= size) & ((rax & (size - 1)) == 0)):
                ret(level)
        ret(PageLevel.PAGE)

    @inline(changes=("result", rax, rcx, rdx))
    def _fill_table(
        self, request: MappingRequest, walk: TableWalk, level: U64, result: I32
    ) -> None:
        """Write entries of one table for as long as `request` goes on in it. `result` stays 0, or
        is -EEXIST if there is an entry."""
        slot, size = scratch(walk.entries[level]), scratch(U64)
        entry, rest = scratch(request.target), scratch(request.end)
        or_(entry, request.flags)
        with if_(level != PageLevel.PAGE):
            or_(entry, PageFlags.LARGE)
        sub(rest, request.address)
        shift = entry_shift(level)
        mov(u32(size), 1)
        shl(size, u8(shift))
        # Entries that are written in a row need one walk, and one change of the table's count
        with loop():
            with if_(slot[0] & PageFlags.PRESENT):
                mov(result, -Errno.EEXIST)
                break_()
            mov(slot[0], entry)
            add(u64(slot), sizeof(U64))
            add(entry, size)
            sub(rest, size)
            # A rest that is smaller goes by smaller pages; a table ends where its page does
            break_if((rest < size) | ((slot & (PAGE - 1)) == 0))
        release(slot, entry, size)
        self._advance(request, walk, level, rest, shift)
        release(rest)

    @inline(changes=(rax, rdx))
    def _advance(
        self, request: MappingRequest, walk: TableWalk, level: U64, rest: U64, shift: U32
    ) -> None:
        """Note that all but the last `rest` bytes are mapped. `shift`, ecx, is log2 of the bytes of
        a page."""
        mov(rdx, request.end)
        sub(rdx, rest)
        mov(rax, rdx)
        sub(rdx, request.address)
        mov(request.address, rax)
        add(request.target, rdx)
        shr(rdx, u8(shift))
        self.tables.count_entries(walk, level, edx)
