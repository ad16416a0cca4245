"""The table of the high-precision event timer (IA-PC HPET Specification 1.0a, 3.2.4)."""

from __future__ import annotations

from kernel.acpi.structures import AddressSpaceId, GenericAddress, TableHeader, signature
from kernel.acpi.tables import AcpiTables
from pykasm import *

HPET_SIGNATURE = signature("HPET")


class HpetTable(Struct, packed=True):
    """The HPET description table."""

    header: TableHeader
    block_id: U32
    address: GenericAddress
    number: U8
    minimum_tick: U16
    page_protection: U8


class HpetDescription(Subsystem):
    """Find the timer's registers. Context: threads."""

    def __init__(self, tables: AcpiTables) -> None:
        self.tables = tables

    @function
    def address(self) -> U64:
        """Return the physical address of the registers, 0 if there is no such timer."""
        found = self.tables.find(HPET_SIGNATURE, sizeof(HpetTable))
        with if_(found == 0):
            ret(0)
        table = cast(found, Ptr[HpetTable])
        with if_(table.address.space != AddressSpaceId.MEMORY):
            ret(0)
        ret(table.address.address)
