"""Fields of the fixed ACPI description table (FADT; ACPI 6.5, 5.2.9)."""

from __future__ import annotations

from kernel.acpi.structures import FADT_SIGNATURE, Fadt, FadtFlags
from kernel.acpi.tables import AcpiTables
from pykasm import *

SHORT_TIMER_BITS, LONG_TIMER_BITS = 24, 32
"""Widths of the power-management timer (4.8.3.3)."""

LEAST_PORT, LAST_PORT = 0x400, 0x10000 - sizeof(U32)
"""Where its port can be: those below belong to devices of the PC (IBM PC/AT Technical
Reference)."""


class FixedDescription(Subsystem):
    """Read the FADT, of which older revisions have fewer fields. Context: threads."""

    def __init__(self, tables: AcpiTables) -> None:
        self.tables = tables

    @function
    def table(self, size: U32) -> OrNull[Ptr[Fadt]]:
        """Return the table, or null if there is none of at least `size` bytes."""
        table = self.tables.find(FADT_SIGNATURE, size)
        ret(cast(table, Ptr[Fadt]))

    @function
    def timer(self) -> tuple[U32, U32]:
        """Return the port of the power-management timer and its width in bits; 0 and 0 if there is
        none."""
        table = self.table(offsetof(Fadt, "flags") + sizeof(U32))
        with if_(table == 0):
            ret(0, 0)
        port, bits = scratch(table.timer_block), scratch(U32)
        mov(bits, SHORT_TIMER_BITS)
        with if_(table.flags & FadtFlags.TMR_VAL_EXT):
            mov(bits, LONG_TIMER_BITS)
        with if_((port < LEAST_PORT) | (port > LAST_PORT)):
            xor(port, port)
            xor(bits, bits)
        ret(port, bits)

    @function
    def century(self) -> U8:
        """Return the index of the century in the real-time clock's memory; 0 if it has none."""
        table = self.table(offsetof(Fadt, "century") + sizeof(U8))
        with if_(table == 0):
            ret(0)
        ret(table.century)
