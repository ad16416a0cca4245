"""The kernel's own address space."""

from __future__ import annotations

from kernel.mm.early import EarlyFrames
from kernel.mm.mappingrequest import MappingRequest
from kernel.mm.pagetables import PageTables
from kernel.mm.tablewalker import TableWalk, TableWalker
from kernel.paging.level import entry_size
from kernel.paging.space import Space
from pykasm import *


class KernelSpace(Subsystem):
    """The page tables that the kernel starts with; its half of them is the same in every space.

    Context: the first processor, while starting.
    """

    space = bss(Space)

    def __init__(self, early: EarlyFrames, walker: TableWalker, tables: PageTables) -> None:
        self.early = early
        self.walker = walker
        self.tables = tables

    @function(init=True)
    def start(self) -> None:
        """Make an empty top table."""
        mov(self.space.root, self.early.allocate())

    @function(init=True)
    def load(self) -> None:
        """Make this processor use these tables."""
        mov(rax, self.space.root)
        mov(cr3, rax)

    @function(init=True)
    def preallocate(self, start: Keep[U64], end: Keep[U64], level: Keep[U64]) -> None:
        """Make the tables in which the entries of `level` are, for all addresses from `start` up to
        `end`: they are the same in all spaces, and never go."""
        request, walk = local(MappingRequest), local(TableWalk)
        mov(request.flags, 0)
        with while_(start < end):
            mov(request.address, start)
            reached = self.walker.walk(address_of(self.space), start, address_of(walk))
            asked, entries = address_of(request), address_of(walk)
            made = self.tables.allocate_missing(asked, entries, reached, level)
            ignore(made, "tables come from `EarlyFrames`, which panics without memory")
            above = scratch(U64)  # an entry of the next level covers a whole table of this one
            lea(above, bare[level + 1])
            size = entry_size(above)
            add(start, size)
            release(above, size)
