"""The table of processors and interrupt controllers (MADT; ACPI 6.5, 5.2.12)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum, IntFlag
from typing import TypeVar

from kernel.acpi.structures import TableHeader, signature
from kernel.acpi.tables import AcpiTables
from pykasm import *

MADT_SIGNATURE = signature("APIC")


class Madt(Struct, packed=True):
    """The table, which entries of different lengths follow."""

    header: TableHeader
    local_apic: U32
    flags: U32


class EntryKind(IntEnum):
    """What an entry is about (5.2.12, table 5.21)."""

    LOCAL_APIC = 0
    IO_APIC = 1
    OVERRIDE = 2
    LOCAL_X2APIC = 9


class Entry(Struct, packed=True):
    """What all entries begin with."""

    kind: U8 = field(EntryKind)
    length: U8
    """Bytes, these two too."""


class ProcessorFlags(IntFlag):
    """Flags of a processor (5.2.12.2, table 5.23)."""

    ENABLED = 1 << 0
    ONLINE_CAPABLE = 1 << 1


class LocalApicEntry(Struct, packed=True):
    """A processor and its local APIC (5.2.12.2)."""

    entry: Entry
    uid: U8
    id: U8
    flags: U32 = field(ProcessorFlags)


class LocalX2ApicEntry(Struct, packed=True):
    """The same for numbers above 254 (5.2.12.12)."""

    entry: Entry
    reserved: U16
    id: U32
    flags: U32 = field(ProcessorFlags)
    uid: U32


class IoApicEntry(Struct, packed=True):
    """An I/O APIC, whose lines have the numbers from `first` on (5.2.12.3)."""

    entry: Entry
    id: U8
    reserved: U8
    address: U32
    first: U32


class Signal(IntFlag):
    """How a line interrupts, where it is not as usual for its bus (5.2.12.5, table 5.26)."""

    ACTIVE_HIGH = 1 << 0
    ACTIVE_LOW = 3 << 0
    EDGE = 1 << 2
    LEVEL = 3 << 2


class OverrideEntry(Struct, packed=True):
    """The line that an interrupt of the ISA bus is wired to, if not the same one (5.2.12.5)."""

    entry: Entry
    bus: U8
    source: U8
    line: U32
    signal: U16 = field(Signal)


KINDS: dict[type, EntryKind] = {
    LocalApicEntry: EntryKind.LOCAL_APIC,
    LocalX2ApicEntry: EntryKind.LOCAL_X2APIC,
    IoApicEntry: EntryKind.IO_APIC,
    OverrideEntry: EntryKind.OVERRIDE,
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
        entry=Entry(kind=EntryKind.IO_APIC, length=sizeof(IoApicEntry)), address=0xFEC0_0000
    ),
    timer=OverrideEntry(
        entry=Entry(kind=EntryKind.OVERRIDE, length=sizeof(OverrideEntry)), source=0, line=2
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

    def __init__(self, tables: AcpiTables) -> None:
        self.tables = tables

    @function(init=True)
    def start(self) -> None:
        """Find the table."""
        table = self.tables.find(MADT_SIGNATURE, sizeof(Madt))
        with if_(table == 0):
            lea(rax, self.defaults)
        mov(self.table, rax)

    @contextmanager
    def each(self, kind: type[T]) -> Iterator[Ptr[T]]:
        """The block runs for each entry of a `kind`, whose address is in a kept register."""
        entry = keep(Ptr[Entry])
        xor(u32(entry), u32(entry))
        with loop():
            mov(entry, self.next(entry, KINDS[kind]))
            break_if(entry == 0)
            yield cast(entry, Ptr[kind])  # type: ignore[valid-type]
        release(entry)

    @function
    def next(self, entry: Ptr[Entry], kind: U32) -> Ptr[Entry]:
        """The first entry of a `kind` behind `entry`, at first null, or null if there is none.

        An entry that ends beyond the table ends the search, and one too short for its kind is
        passed by.
        """
        end, least = scratch(U64), scratch(U8)
        mov(rax, self.table)
        mov(u32(end), cast(rax, Ptr[Madt]).header.length)
        add(end, rax)
        with if_(entry == 0):
            lea(entry, cast(rax, Ptr[Madt])[1])
        with else_():
            movzx(eax, entry.length)
            add(entry, rax)
        mov(least, self.sizes[kind])
        with loop():
            lea(rax, entry[1])
            break_if(rax > end)
            movzx(eax, entry.length)
            break_if(eax < sizeof(Entry))
            add(rax, entry)
            break_if(rax > end)
            with if_((entry.kind == u8(kind)) & (entry.length >= least)):
                ret(entry)
            mov(entry, rax)
        ret(0)
