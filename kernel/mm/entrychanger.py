"""Changing entries that are there."""

from __future__ import annotations

from kernel.cpu.pagetable import ADDRESS_MASK, PageFlags
from kernel.mm.mappingrequest import MappingRequest
from kernel.mm.pagesplitter import PageSplitter
from kernel.mm.pagetables import PageTables
from kernel.mm.tablewalker import TableWalk, TableWalker
from kernel.paging.level import PageLevel, entry_size
from kernel.paging.space import Space
from pykasm import *


class EntryChanger(Subsystem):
    """Unmaps what is mapped in a range of addresses, or gives it other permissions.

    Context: thread, with the lock of the space.
    """

    kept = rodata(U64, ADDRESS_MASK | PageFlags.LARGE)
    """What stays of an entry whose permissions change."""

    def __init__(self, walker: TableWalker, tables: PageTables, splitter: PageSplitter) -> None:
        self.walker = walker
        self.tables = tables
        self.splitter = splitter

    @inline(changes=CALLER_SAVED)
    def change(self, space: Ptr[Space], request: MappingRequest) -> OrErrno[I32]:
        """Do what `request` says with all that is mapped, as far as `request.address` tells then.
        Returns 0; or -ENOMEM if a page could not be split."""
        result, walk, level, slot = local(I32), local(TableWalk), keep(U64), keep(Ptr[U64])
        mov(result, 0)
        with loop():
            mov(rax, request.address)
            break_if(rax >= request.end)
            mov(level, self.walker.walk_inline(space, request.address, walk))
            mov(slot, walk.entries[level])
            with if_((slot[0] & PageFlags.PRESENT) == 0):
                break_if(request.skip(level))
                continue_()
            with if_(level != PageLevel.PAGE):
                outcome = self.splitter.split_unless_whole(address_of(request), slot, level)
                with if_(outcome != 0):
                    continue_if(outcome > 0)  # looks at the smaller pages
                    mov(result, outcome)
                    break_()
            size = entry_size(level)
            add(request.address, size)
            release(size)
            self._change_entry(request, walk, level, slot)
        release(level, slot)
        return result

    @inline(changes=CALLER_SAVED)
    def _change_entry(
        self, request: MappingRequest, walk: TableWalk, level: U64, slot: Ptr[U64]
    ) -> None:
        """Give the entry at `slot` the new permissions; without any, clear it, and take out the
        tables that are empty by that."""
        with if_(request.flags != 0):
            mov(rax, self.kept)  # with LARGE: without it the entry would lead to a table
            and_(rax, slot[0])
            or_(rax, request.flags)
            mov(slot[0], rax)
        with else_():
            mov(slot[0], 0)
            with if_(self.tables.count_entries(walk, level, -1)):
                self.tables.unlink_empty(address_of(request), address_of(walk), level)
