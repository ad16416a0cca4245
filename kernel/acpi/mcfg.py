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
    """Goes through the segments in the table itself. Context: threads."""

    def __init__(self, tables: AcpiTables) -> None:
        self.tables = tables

    @contextmanager
    def each(self) -> Iterator[Ptr[Segment]]:
        """The block runs for each segment, whose address is in a kept register."""
        segment, end = keep(Ptr[Segment]), keep(U64)
        table = self.tables.find(MCFG_SIGNATURE, sizeof(Mcfg))
        mov(end, table)
        with if_(table != 0):
            mov(ecx, table.length)
            add(end, rcx)
            add(table, sizeof(Mcfg))
        mov(segment, table)
        with loop():
            lea(rax, segment[1])
            break_if((segment == 0) | (rax > end))
            yield segment
            add(segment, sizeof(Segment))
        release(segment, end)
