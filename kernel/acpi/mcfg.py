"""The table of the enhanced configuration access mechanism, by which PCI configuration spaces are
mapped to memory (MCFG; PCI Firmware Specification 3.2, 4.1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.acpi.structures import TableHeader, signature
from kernel.acpi.tables import AcpiTables
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.mm.directmap import DirectMap
from pykasm import *

MCFG_SIGNATURE = signature("MCFG")

BUS_SHIFT = 20
"""log2 of the bytes of a bus's configuration spaces (PCI Express 5.0, 7.2.2)."""


class McfgAllocation(Struct, packed=True):
    """The configuration spaces of buses `first` to `last` of a segment group.

    `address` is the physical address of bus 0, even if `first` is another bus.
    """

    address: U64
    group: U16
    first: U8
    last: U8
    reserved: U32


class Mcfg(Struct, packed=True):
    """The table."""

    header: TableHeader
    reserved: U64
    allocations: Array[McfgAllocation]


class EcamRegions(Subsystem):
    """The regions of memory in the MCFG, read from the table itself. Context: any, after `start`.

    They are called segments, after the segment groups whose configuration spaces they are.
    """

    table = bss(Ptr[Mcfg])
    """Null if there is none, or if it is not used."""
    end = bss(U64)
    """Where it ends; 0 if there is none."""

    def __init__(self, tables: AcpiTables, memory: DirectMap, log: Log) -> None:
        self.tables = tables
        self.memory = memory
        self.log = log

    @function(init=True)
    def start(self) -> None:
        """Find the table; disable it if one of its regions is invalid."""
        table = self.tables.find(MCFG_SIGNATURE, sizeof(Mcfg))
        with if_(table == 0):
            ret()
        mov(self.table, cast(table, Ptr[Mcfg]))
        mov(ecx, table.length)
        add(rcx, table)
        mov(self.end, rcx)
        with self.each() as segment, if_(~self._is_valid(segment)):
            self.disable()  # as a whole: the ports serve segment group 0 in any case
            break_()

    @function(init=True)
    def disable(self) -> None:
        """Log a warning that the table is invalid, and don't use it any more."""
        mov(self.table, 0)
        mov(self.end, 0)
        self.log.write(
            LogLevel.WARNING, "ACPI: what the table MCFG says can't be; going on without it"
        )

    @function(init=True)
    def _is_valid(self, segment: Ptr[McfgAllocation]) -> Bool:
        """Return whether `segment` can be true: its buses and addresses are possible, and no region
        before it has any of its buses."""
        mov(al, segment.first)
        with if_(al > segment.last):
            ret(False)
        start, length = scratch(U64), scratch(U64)
        movzx(start, segment.first)
        movzx(length, segment.last)
        sub(length, start)
        inc(length)
        shl(length, BUS_SHIFT)
        shl(start, BUS_SHIFT)
        add(start, segment.address)
        with if_(CF | (start & (1 << BUS_SHIFT) - 1)):  # beyond all addresses, or not aligned
            ret(False)
        segment = keep(segment)
        with if_(~self.memory.claim(start, length)):
            ret(False)
        tail(self._is_unique, segment)

    @function(init=True)
    def _is_unique(self, segment: Ptr[McfgAllocation]) -> Bool:
        """Return whether no region before `segment` has any of its buses."""
        with self.each() as other:
            break_if(other == segment)
            mov(ax, other.group)
            mov(cl, other.first)
            mov(dl, other.last)
            with if_((ax == segment.group) & (cl <= segment.last) & (dl >= segment.first)):
                ret(False)
        ret(True)

    @inline(changes=rax)
    @contextmanager
    def each(self) -> Iterator[Ptr[McfgAllocation]]:
        """Run the block for each region, with its address in a kept register."""
        table = scratch(self.table)
        first = address_of(table.allocations)
        with records(first, self.end, sizeof(McfgAllocation)) as segment:
            yield segment
