"""The table of processors and interrupt controllers (MADT; ACPI 6.5, 5.2.12)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum, IntFlag
from typing import TypeVar

from kernel.acpi.structures import TableHeader, signature
from kernel.acpi.tables import AcpiTables
from kernel.log.level import LogLevel
from kernel.log.log import Log
from pykasm import *

MADT_SIGNATURE = signature("APIC")


class Madt(Struct, packed=True):
    """The table, which entries of different lengths follow."""

    header: TableHeader
    local_apic: U32
    flags: U32


class MadtEntryType(IntEnum):
    """What an entry is about (5.2.12, table 5.21)."""

    LOCAL_APIC = 0
    IO_APIC = 1
    OVERRIDE = 2
    LOCAL_X2APIC = 9


class MadtEntry(Struct, packed=True):
    """What all entries begin with."""

    kind: U8 = field(MadtEntryType)
    length: U8
    """Bytes, these two too."""


class ProcessorFlags(IntFlag):
    """Flags of a processor (5.2.12.2, table 5.23)."""

    ENABLED = 1 << 0
    ONLINE_CAPABLE = 1 << 1


class LocalApicEntry(Struct, packed=True):
    """A processor and its local APIC (5.2.12.2)."""

    entry: MadtEntry
    uid: U8
    id: U8
    flags: U32 = field(ProcessorFlags)


class LocalX2ApicEntry(Struct, packed=True):
    """The same for numbers above 254 (5.2.12.12)."""

    entry: MadtEntry
    reserved: U16
    id: U32
    flags: U32 = field(ProcessorFlags)
    uid: U32


class IoApicEntry(Struct, packed=True):
    """An I/O APIC, whose lines have the numbers from `first` on (5.2.12.3)."""

    entry: MadtEntry
    id: U8
    reserved: U8
    address: U32
    first: U32


class IntiFlags(IntFlag):
    """How a line interrupts, where it is not as usual for its bus (5.2.12.5, table 5.26)."""

    ACTIVE_HIGH = 1 << 0
    ACTIVE_LOW = 3 << 0
    EDGE = 1 << 2
    LEVEL = 3 << 2


class OverrideEntry(Struct, packed=True):
    """The line that an interrupt of the ISA bus is wired to, if not the same one (5.2.12.5)."""

    entry: MadtEntry
    bus: U8
    source: U8
    line: U32
    signal: U16 = field(IntiFlags)


KINDS: dict[type, MadtEntryType] = {
    LocalApicEntry: MadtEntryType.LOCAL_APIC,
    LocalX2ApicEntry: MadtEntryType.LOCAL_X2APIC,
    IoApicEntry: MadtEntryType.IO_APIC,
    OverrideEntry: MadtEntryType.OVERRIDE,
}
SIZES: dict[int, int] = {kind: sizeof(struct) for struct, kind in KINDS.items()}
KIND_COUNT = max(SIZES) + 1


class Defaults(Struct, packed=True):
    """A table with what an I/O APIC by default has."""

    table: Madt
    io_apic: IoApicEntry
    timer: OverrideEntry


DEFAULTS = Defaults(
    table=Madt(
        header=TableHeader(signature=MADT_SIGNATURE, length=sizeof(Defaults)),
        local_apic=0xFEE0_0000,
    ),
    io_apic=IoApicEntry(
        entry=MadtEntry(kind=MadtEntryType.IO_APIC, length=sizeof(IoApicEntry)), address=0xFEC0_0000
    ),
    timer=OverrideEntry(
        entry=MadtEntry(kind=MadtEntryType.OVERRIDE, length=sizeof(OverrideEntry)), source=0, line=2
    ),
)
"""Intel MultiProcessor Specification 1.4, 5.1 and figure 5-2: the timer is at line 2, as line 0
has the 8259s."""

T = TypeVar("T", bound=Struct)


class InterruptModel(Subsystem):
    """What the machine has of processors and interrupt controllers, read in the table itself.

    Without the firmware's table it is `DEFAULTS`. Context: any, after `start`.
    """

    defaults = rodata(Defaults, DEFAULTS)
    sizes = rodata(U8 * KIND_COUNT, [SIZES.get(kind, 0) for kind in range(KIND_COUNT)])
    """The least length of each kind of entry."""
    table = bss(Ptr[Madt])

    def __init__(self, tables: AcpiTables, log: Log) -> None:
        self.tables = tables
        self.log = log

    @function(init=True)
    def start(self) -> None:
        """Find the table; print a warning if its entries do not fill it."""
        table = self.tables.find(MADT_SIGNATURE, sizeof(Madt))
        with if_(table == 0):
            lea(rax, self.defaults)
        mov(self.table, rax)
        whole = self.is_whole()
        with if_(whole == 0):
            self.log.write(
                LogLevel.WARNING,
                "ACPI: an entry of the table APIC makes no sense; going on with those before it",
            )

    @contextmanager
    def each(self, kind: type[T]) -> Iterator[Ptr[T]]:
        """The block runs for each entry of a `kind`, whose address is in a kept register."""
        entry = keep(Ptr[MadtEntry])
        xor(u32(entry), u32(entry))
        with loop():
            mov(entry, self.next(entry, KINDS[kind]))
            break_if(entry == 0)
            yield cast(entry, Ptr[kind])  # type: ignore[valid-type]
        release(entry)

    @function
    def next(self, entry: Ptr[MadtEntry], kind: U32) -> Ptr[MadtEntry]:
        """The first entry of a `kind` behind `entry`, at first null, or null if there is none.

        An entry that makes no sense ends the search; one too short for its kind is passed by.
        """
        least, found = keep(U8), keep(entry)
        mov(least, self.sizes[kind])
        kind = keep(kind)
        with if_(found == 0):
            mov(found, self.first())
        with else_():
            mov(found, self.behind(found))
        with loop():
            following = self.behind(found)
            break_if(following == 0)
            with if_((found.kind == u8(kind)) & (found.length >= least)):
                ret(found)
            mov(found, following)
        ret(0)

    @function
    def first(self) -> Ptr[MadtEntry]:
        """Where the first entry is, if there is one."""
        mov(rax, self.table)
        lea(rax, cast(rax, Ptr[Madt])[1])
        ret(rax)

    @function
    def behind(self, entry: Ptr[MadtEntry]) -> Ptr[MadtEntry]:
        """The end of `entry`; null if it is none, since its length makes no sense or the table
        ends there."""
        end = scratch(U64)
        mov(rax, self.table)
        mov(u32(end), cast(rax, Ptr[Madt]).header.length)
        add(end, rax)
        lea(rax, entry[1])
        with if_(rax > end):
            ret(0)
        movzx(eax, entry.length)
        with if_(eax < sizeof(MadtEntry)):
            ret(0)
        add(rax, entry)
        with if_(rax > end):
            ret(0)
        ret(rax)

    @function(init=True)
    def is_whole(self) -> U32:
        """Whether the entries fill the table: 1 or 0."""
        last = keep(self.first())
        with loop():
            following = self.behind(last)
            break_if(following == 0)
            mov(last, following)
        mov(rax, self.table)
        mov(ecx, cast(rax, Ptr[Madt]).header.length)
        add(rax, rcx)
        with if_(rax != last):
            ret(0)
        ret(1)
