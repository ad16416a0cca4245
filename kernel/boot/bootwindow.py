"""A way to what lies above 4 GiB, before the kernel has page tables of its own."""

from __future__ import annotations

from kernel.boot.tables import PAGE_FLAGS, TABLE_FLAGS, BootTables, entry_index
from kernel.cpu.features import Features
from kernel.cpu.pagetable import ENTRIES, PAGE, PageShift, PageTable
from kernel.paging.addresses import MEMORY_END, Area, direct
from pykasm import *

MOST_GIB = 2
"""Tables that there are for directories: 1 GiB lies in two of them at most."""


class BootWindow(Subsystem):
    """Maps the loader's framebuffer in the direct map of `BootTables`, where `Paging` maps it
    later. Context: the first processor, while starting, once."""

    directories = bss(U64 * (MOST_GIB * ENTRIES), align=PAGE)
    """Pages of 2 MiB, 1 GiB in each table."""
    upper = bss(PageTable, align=PAGE)
    """The table above them, from 512 GiB on."""

    def __init__(self, tables: BootTables, features: Features) -> None:
        self.tables = tables
        self.features = features

    @function(init=True)
    def open(self, start: Keep[U64], end: Keep[U64]) -> Bool:
        """Map at most 1 GiB of physical memory from `start` up to `end`. Return whether that was
        possible: not where addresses end, nor across a multiple of 512 GiB."""
        dec(end)
        with if_(~self._is_in_reach(start, end)):
            ret(False)
        table = keep(self._table_of(start))
        directory = keep(U64)
        mov(directory, physical(self.directories))
        shr(start, PageShift.HUGE)
        shr(end, PageShift.HUGE)
        with while_(start <= end):
            self._fill(directory, start)
            self._enter(table, start, directory)
            add(directory, PAGE)
            inc(start)
        ret(True)

    @function(init=True)
    def _is_in_reach(self, start: U64, last: U64) -> Bool:
        """Return whether the processor and the direct map have addresses up to `last`, and one
        table leads to all of them."""
        mov(ecx, self.features.physical_bits)
        mov(rax, last)
        shr(rax, cl)
        fail_if(rax != 0)
        mov(rax, MEMORY_END)
        fail_if(last >= rax)
        xor(last, start)
        shr(last, PageShift.TOP)
        ret(last == 0)

    @function(init=True)
    def _table_of(self, start: U64) -> Ptr[U64]:
        """Return the table that leads to physical `start`, and make it one of those in use."""
        table = scratch(U64)
        shr(start, PageShift.TOP)
        with if_(start == 0):
            mov(table, address_of(self.tables.low))
            direct(table)
            ret(cast(table, Ptr[U64]))
        root = scratch(U64)
        mov(root, address_of(self.tables.root))
        direct(root)
        mov(table, physical(self.upper))
        or_(table, TABLE_FLAGS)
        add(start, entry_index(Area.DIRECT_MAP, PageShift.TOP))
        mov(cast(root, Ptr[U64])[start], table)
        mov(table, address_of(self.upper))
        ret(cast(table, Ptr[U64]))

    @function(init=True)
    def _fill(self, directory: U64, gibibyte: U64) -> None:
        """Have the `directory`, by its physical address, lead to all of a GiB, by its number."""
        direct(directory)
        shl(gibibyte, PageShift.HUGE)
        or_(gibibyte, PAGE_FLAGS)
        with for_(ecx, 0, ENTRIES):
            mov(cast(directory, Ptr[U64])[rcx], gibibyte)
            add(gibibyte, 1 << PageShift.LARGE)

    @inline(changes=(rax, rcx))
    def _enter(self, table: Ptr[U64], gibibyte: U64, directory: U64) -> None:
        """Have `table` lead to `directory` for a GiB, by its number."""
        mov(rcx, gibibyte)
        and_(ecx, ENTRIES - 1)
        mov(rax, directory)
        or_(rax, TABLE_FLAGS)
        mov(table[rcx], rax)
