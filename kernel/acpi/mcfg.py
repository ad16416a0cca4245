"""The table of PCI configuration spaces in memory (PCI Firmware Specification 3.2, 4.1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.acpi.structures import TableHeader, signature
from kernel.acpi.tables import AcpiTables
from pykasm import *

MCFG_SIGNATURE = signature("MCFG")


class Mcfg(Struct, packed=True):
    """The table, which segments follow."""

    header: TableHeader
    reserved: U64


class Segment(Struct, packed=True):
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

    def __init__(self, tables: AcpiTables) -> None:
        self.tables = tables

    @function(init=True)
    def start(self) -> None:
        """Find the table."""
        table = self.tables.find(MCFG_SIGNATURE, sizeof(Mcfg))
        mov(self.table, cast(table, Ptr[Mcfg]))

    @contextmanager
    def each(self) -> Iterator[Ptr[Segment]]:
        """The block runs for each segment, whose address is in a kept register."""
        segment, end = keep(Ptr[Segment]), keep(U64)
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
            add(segment, sizeof(Segment))
        release(segment, end)
