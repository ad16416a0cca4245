"""What the fixed table (FADT) tells about the board."""

from __future__ import annotations

from kernel.acpi.structures import FIXED_SIGNATURE, FixedFlags, FixedTable
from kernel.acpi.tables import AcpiTables
from pykasm import *

SHORT_TIMER_BITS, LONG_TIMER_BITS = 24, 32


class FixedDescription(Subsystem):
    """The fixed table, as far as it reaches: older revisions are shorter. Context: threads."""

    def __init__(self, tables: AcpiTables) -> None:
        self.tables = tables

    @function
    def table(self, size: U32) -> Ptr[FixedTable]:
        """The table, if it has at least `size` bytes, or null."""
        table = self.tables.find(FIXED_SIGNATURE, size)
        ret(cast(table, Ptr[FixedTable]))

    @function
    def timer(self) -> tuple[U32, U32]:
        """The port of the power-management timer and in how many bits it counts; 0 and 0 where
        there is none."""
        table = self.table(offsetof(FixedTable, "flags") + sizeof(U32))
        with if_(table == 0):
            ret(0, 0)
        mov(ecx, table.timer_block)
        mov(edx, SHORT_TIMER_BITS)
        with if_(table.flags & FixedFlags.TMR_VAL_EXT):
            mov(edx, LONG_TIMER_BITS)
        with if_(ecx == 0):
            xor(edx, edx)
        ret(ecx, edx)

    @function
    def century(self) -> U8:
        """Where the real-time clock's memory has the century; 0 for nowhere."""
        table = self.table(offsetof(FixedTable, "century") + sizeof(U8))
        with if_(table == 0):
            ret(0)
        ret(table.century)
