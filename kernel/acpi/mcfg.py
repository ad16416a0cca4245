"""The table of PCI configuration spaces in memory (PCI Firmware Specification 3.2, 4.1.2)."""

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
"""log2 of the bytes of a bus (PCI Express 5.0, 7.2.2)."""


class Mcfg(Struct, packed=True):
    """The table, which segments follow."""

    header: TableHeader
    reserved: U64


class McfgAllocation(Struct, packed=True):
    """The buses `first` to `last` of a segment group. `address` is that of bus 0."""

    address: U64
    group: U16
    first: U8
    last: U8
    reserved: U32


class PciDescription(Subsystem):
    """Goes through the segments in the table itself. Context: any, after `start`."""

    table = bss(Ptr[Mcfg])
    """Null where there is none."""

    def __init__(self, tables: AcpiTables, memory: DirectMap, log: Log) -> None:
        self.tables = tables
        self.memory = memory
        self.log = log

    @function(init=True)
    def start(self) -> None:
        """Find the table; print a warning if it can't be true."""
        table = self.tables.find(MCFG_SIGNATURE, sizeof(Mcfg))
        mov(self.table, cast(table, Ptr[Mcfg]))
        with self.each() as segment:
            possible = self.is_possible(segment)
            with if_(possible == 0):
                self.drop()
                break_()

    @function(init=True)
    def drop(self) -> None:
        """Go on without the table, with a warning, as it can't be true."""
        mov(self.table, 0)
        self.log.write(
            LogLevel.WARNING, "ACPI: what the table MCFG says can't be; going on without it"
        )

    @function(init=True)
    def is_possible(self, segment: Ptr[McfgAllocation]) -> U32:
        """Whether configuration spaces can be where `segment` says, and are not there twice: 1 or
        0."""
        mov(al, segment.first)
        with if_(al > segment.last):
            ret(0)
        start, length = scratch(U64), scratch(U64)
        movzx(start, segment.first)
        movzx(length, segment.last)
        sub(length, start)
        inc(length)
        shl(length, BUS_SHIFT)
        shl(start, BUS_SHIFT)
        add(start, segment.address)
        with if_(CF | (start & (1 << BUS_SHIFT) - 1)):
            ret(0)
        segment = keep(segment)
        possible = self.memory.can_be_registers(start, length)
        with if_(possible == 0):
            ret(0)
        tail(self.is_first, segment)

    @function(init=True)
    def is_first(self, segment: Ptr[McfgAllocation]) -> U32:
        """Whether no segment in the table before this one has any of its buses: 1 or 0."""
        with self.each() as other:
            break_if(other == segment)
            mov(ax, other.group)
            mov(cl, other.first)
            mov(dl, other.last)
            with if_((ax == segment.group) & (cl <= segment.last) & (dl >= segment.first)):
                ret(0)
        ret(1)

    @contextmanager
    def each(self) -> Iterator[Ptr[McfgAllocation]]:
        """The block runs for each segment, whose address is in a kept register."""
        segment, end = keep(Ptr[McfgAllocation]), keep(U64)
        mov(rax, self.table)
        mov(end, rax)
        with if_(rax != 0):
            mov(ecx, cast(rax, Ptr[Mcfg]).header.length)
            add(end, rcx)
            add(rax, sizeof(Mcfg))
        mov(segment, rax)
        with loop():
            lea(rax, segment[1])
            break_if((segment == 0) | (rax > end))
            yield segment
            add(segment, sizeof(McfgAllocation))
        release(segment, end)
