"""The multiple APIC description table: processors, interrupt controllers (ACPI 6.5, 5.2.12)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum, IntFlag
from typing import Any, TypeVar

from kernel.acpi.structures import TableHeader, signature
from kernel.acpi.tables import AcpiTables
from kernel.log.level import LogLevel
from kernel.log.log import Log
from pykasm import *

MADT_SIGNATURE = signature("APIC")


class MadtEntryType(IntEnum):
    """Types of entries (5.2.12, table 5.21)."""

    LOCAL_APIC = 0
    IO_APIC = 1
    OVERRIDE = 2
    LOCAL_X2APIC = 9


class MadtEntry(Struct, packed=True):
    """The start of every entry."""

    kind: U8 = field(MadtEntryType)
    length: Untrusted[U8]
    """Bytes, including these two."""


class Madt(Struct, packed=True):
    """The table, whose entries have different lengths."""

    header: TableHeader
    local_apic: U32
    flags: U32
    entries: Array[MadtEntry]


class ProcessorFlags(IntFlag):
    """Local APIC flags: whether a processor can be used (5.2.12.2, table 5.23)."""

    ENABLED = 1 << 0
    ONLINE_CAPABLE = 1 << 1


class LocalApicEntry(Struct, packed=True):
    """A processor and its local APIC (5.2.12.2)."""

    entry: MadtEntry
    uid: U8
    id: U8
    flags: U32 = field(ProcessorFlags)


class LocalX2ApicEntry(Struct, packed=True):
    """A processor and its local x2APIC, whose ID may be above 254 (5.2.12.12)."""

    entry: MadtEntry
    reserved: U16
    id: U32
    flags: U32 = field(ProcessorFlags)
    uid: U32


class IoApicEntry(Struct, packed=True):
    """An I/O APIC, whose lines are numbered from `first` on (5.2.12.3)."""

    entry: MadtEntry
    id: U8
    reserved: U8
    address: U32
    first: U32


class IntiFlags(IntFlag):
    """MPS INTI flags: polarity and trigger mode of a line; 0 where its bus's default holds
    (5.2.12.5, table 5.26)."""

    ACTIVE_HIGH = 1 << 0
    ACTIVE_LOW = 3 << 0
    EDGE = 1 << 2
    LEVEL = 3 << 2


class OverrideEntry(Struct, packed=True):
    """An interrupt source override: an ISA interrupt that is wired to another line (5.2.12.5)."""

    entry: MadtEntry
    bus: U8
    source: U8
    line: U32
    signal: U16 = field(IntiFlags)


ENTRY_TYPES: dict[type, MadtEntryType] = {
    LocalApicEntry: MadtEntryType.LOCAL_APIC,
    LocalX2ApicEntry: MadtEntryType.LOCAL_X2APIC,
    IoApicEntry: MadtEntryType.IO_APIC,
    OverrideEntry: MadtEntryType.OVERRIDE,
}


class DefaultMadt(Struct, packed=True):
    """A MADT with one I/O APIC and the usual override of the timer's line."""

    table: Madt
    io_apic: IoApicEntry
    timer: OverrideEntry


DEFAULT_MADT = DefaultMadt(
    table=Madt(
        header=TableHeader(signature=MADT_SIGNATURE, length=sizeof(DefaultMadt)),
        local_apic=0xFEE0_0000,
    ),
    io_apic=IoApicEntry(
        entry=MadtEntry(kind=MadtEntryType.IO_APIC, length=sizeof(IoApicEntry)), address=0xFEC0_0000
    ),
    timer=OverrideEntry(
        entry=MadtEntry(kind=MadtEntryType.OVERRIDE, length=sizeof(OverrideEntry)), source=0, line=2
    ),
)
"""The default configuration (Intel MultiProcessor Specification 1.4, 5.1 and figure 5-2): the timer
is on line 2, as the 8259s are on line 0."""

T = TypeVar("T", bound=Struct)


class InterruptModel(Subsystem):
    """The processors and interrupt controllers of the machine, read from the MADT itself.

    Without a table of the firmware's, `DEFAULT_MADT` is used. Context: any, after `start`.
    """

    defaults = rodata(DefaultMadt, DEFAULT_MADT)
    table = bss(Ptr[Madt])
    end = bss(U64)
    """Where the table ends."""

    def __init__(self, tables: AcpiTables, log: Log) -> None:
        self.tables = tables
        self.log = log

    @function(init=True)
    def start(self) -> None:
        """Find the table; log a warning if its entries do not fill it."""
        table = self.tables.find(MADT_SIGNATURE, sizeof(Madt))
        with if_(table == 0):
            lea(table, cast(self.defaults, TableHeader))
        tail(self.use, cast(table, Ptr[Madt]))

    @function(init=True)
    def is_assumed(self) -> Bool:
        """Return whether the firmware has no table."""
        lea(rax, self.defaults)
        ret(self.table == rax)

    @function(init=True)
    def use(self, table: Ptr[Madt]) -> None:
        """Use `table`; log a warning if its entries do not fill it."""
        mov(self.table, table)
        mov(ecx, table.header.length)
        add(rcx, table)
        mov(self.end, rcx)
        with if_(~self._is_complete()):
            self.log.write(
                LogLevel.WARNING,
                "ACPI: an entry of the table APIC makes no sense; going on with those before it",
            )

    @inline(changes=rax)
    @contextmanager
    def each(self, kind: type[T], place: Callable[[Any], Any] = keep) -> Iterator[Ptr[T]]:
        """Run the block for each entry of `kind`, with its address in a register from `place`.

        An entry of an impossible length ends the search; one too short for its type is skipped.
        """
        wanted, least = ENTRY_TYPES[kind], sizeof(kind)
        with self._all(place) as entry, if_((entry.kind == wanted) & (entry.length >= least)):
            yield cast(entry, Ptr[kind])  # type: ignore[valid-type]

    @inline(changes=rax)
    @contextmanager
    def _all(self, place: Callable[[Any], Any]) -> Iterator[Ptr[MadtEntry]]:
        """Run the block for each entry, with its address in a register from `place`."""
        table = scratch(self.table)
        with records(address_of(table.entries), self.end, place=place) as entry:
            yield entry

    @function(init=True)
    def _is_complete(self) -> Bool:
        """Return whether the entries fill the table."""
        table = scratch(self.table)
        filled = scratch(U64)
        lea(filled, table.entries)
        with self._all(scratch) as entry:
            movzx(eax, entry.length)
            add(filled, rax)
        ret(filled == self.end)
