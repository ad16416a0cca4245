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
    """Replaces a large page by a table of smaller ones that map the same.

    Context: thread, with the lock of the space.
    """

    def __init__(self, tables: PageTables) -> None:
        self.tables = tables

    @function
    def split_unless_whole(
        self, request: Ptr[MappingRequest], slot: Keep[Ptr[U64]], level: Keep[U64]
    ) -> I32:
        """Split the page of `level` that `slot` maps at `request.address`, unless all of it is to
        be changed.

        Returns 0 if it is to be changed as a whole, 1 if it was split, -ENOMEM if there is no
        memory for the table.
        """
        whole = self._is_whole(request, level)
        with if_(whole != 0):
            ret(0)
        done = self._split(slot, level)
        with if_(done == 0):
            ret(-Errno.ENOMEM)
        ret(1)

    @function
    def _is_whole(self, request: Ptr[MappingRequest], level: U64) -> U32:
        """1 if the page of `level` at `request.address` is to be changed as a whole, else 0."""
        entry_size(level)
        mov(rdx, request.address)
        mov(rcx, request.end)
        sub(rcx, rdx)
        lea(rsi, bare[rax - 1])
        with if_((rcx >= rax) & ((rsi & rdx) == 0)):
            ret(1)
        ret(0)

    @function
    def _split(self, slot: Keep[Ptr[U64]], level: Keep[U64]) -> U32:
        """Make `slot`, which maps a page of `level`, lead to a table that maps the same by pages of
        the next lower level. Returns 1, or 0 if there is no memory."""
        entry, place = keep(U64), keep(U64)
        table = keep(self.tables.allocate())
        with if_(table == 0):
            ret(0)
        mov(entry, slot[0])
        dec(level)
        with if_(level == PageLevel.PAGE):
            and_(entry, ~int(PageFlags.LARGE))  # on the lowest level, bit 7 is PAT
        entry_size(level)
        mov(place, table)
        and_(place, self.tables.entries.address_mask)
        with if_(table & PageFlags.COUNTED):
            mov(rcx, place)
            mov(frame_of(rcx).references, ENTRIES)
        direct(place)
        with for_(scratch(U64), 0, ENTRIES) as index:
            mov(u64[place + index * sizeof(U64)], entry)
            add(entry, rax)
        mov(rcx, slot[0])
        and_(ecx, PageFlags.USER)
        or_(table, rcx)
        mov(slot[0], table)  # in one store: other processors find the page or the whole table
        ret(1)
