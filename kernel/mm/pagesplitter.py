"""Splitting large pages."""

from __future__ import annotations

from kernel.cpu.pagetable import ENTRIES, PageFlags
from kernel.errno import Errno
from kernel.mm.frames import frame_of
from kernel.mm.mappingrequest import MappingRequest
from kernel.mm.pagetables import PageTables
from kernel.paging.addresses import direct
from kernel.paging.level import PageLevel, entry_size
from pykasm import *


class PageSplitter(Subsystem):
    """Replaces a large page by a table of smaller ones that map the same. Context: thread."""

    def __init__(self, tables: PageTables) -> None:
        self.tables = tables

    @function(holds="Space.lock")
    def split_unless_whole(
        self, request: Ptr[MappingRequest], slot: Keep[Ptr[U64]], level: Keep[U64]
    ) -> OrErrno[I32]:
        """Split the page of `level` that `slot` maps at `request.address`, unless all of it is to
        be changed.

        Returns 0 if it is to be changed as a whole, 1 if it was split, -ENOMEM if there is no
        memory for the table.
        """
        with if_(self._is_whole(request, level)):
            ret(0)
        fail_if(~self._split(slot, level), Errno.ENOMEM)
        ret(1)

    @function
    def _is_whole(self, request: Ptr[MappingRequest], level: U64) -> Bool:
        """Return whether the page of `level` at `request.address` is to be changed as a whole."""
        start, rest, mask = scratch(request.address), scratch(request.end), scratch(U64)
        size = entry_size(level)
        sub(rest, start)
        lea(mask, bare[size - 1])
        ret((rest >= size) & ((mask & start) == 0))

    @function(holds="Space.lock")
    def _split(self, slot: Keep[Ptr[U64]], level: Keep[U64]) -> Bool:
        """Make `slot`, which maps a page of `level`, lead to a table that maps the same by pages of
        the next lower level. Returns whether there was memory for that."""
        entry, place = keep(U64), keep(U64)
        table = keep(try_(self.tables.allocate()))
        disown(table, "the entry above leads to it")
        mov(entry, slot[0])
        dec(level)
        with if_(level == PageLevel.PAGE):
            and_(entry, ~int(PageFlags.LARGE))  # on the lowest level, bit 7 is PAT
        size = entry_size(level)
        mov(place, table)
        and_(place, self.tables.entries.address_mask)
        with if_(table & PageFlags.COUNTED):
            mov(rcx, place)
            mov(frame_of(rcx).uses.entries, ENTRIES)
        direct(place)
        with for_(scratch(U64), 0, ENTRIES) as index:
            mov(u64[place + index * sizeof(U64)], entry)
            add(entry, size)
        mov(rcx, slot[0])
        and_(ecx, PageFlags.USER)
        or_(table, rcx)
        mov(slot[0], table)  # in one store: other processors find the page or the whole table
        ret(True)
