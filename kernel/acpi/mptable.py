"""The MP configuration table, in which firmware names processors and interrupt lines where there is
no ACPI.

Source: Intel MultiProcessor Specification 1.4, chapter 4.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.acpi.madt import (
    MADT_SIGNATURE,
    InterruptModel,
    IoApicEntry,
    LocalApicEntry,
    Madt,
    MadtEntry,
    MadtEntryType,
    OverrideEntry,
    ProcessorFlags,
)
from kernel.acpi.search import FirmwareSearch
from kernel.acpi.structures import signature
from kernel.cpu.features import Basic, Leaf
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.mm.directmap import DirectMap
from pykasm import *

POINTER_SIGNATURE = signature("_MP_")
POINTER_MASK = (1 << 32) - 1
TABLE_SIGNATURE = signature("PCMP")
LOGICAL_COUNT_SHIFT, LOGICAL_COUNT_MASK = 16, 0xFF
"""`Leaf.BASIC` has the number of logical processors in ebx[23:16], if `Basic.HTT` is set."""

ISA_BUS = signature("ISA ")
"""The start of the name of the ISA bus."""


class MpPointer(Struct, packed=True):
    """The floating pointer structure (4.1)."""

    signature: U32
    table: U32
    """The physical address of the table, 0 for none."""
    length: U8
    revision: U8
    checksum: U8
    configuration: U8
    """0 if there is a table, else the number of a default configuration."""
    features: U32


class MpTableHeader(Struct, packed=True):
    """The header of the table (4.2)."""

    signature: U32
    length: U16
    revision: U8
    checksum: U8
    names: Array[U8] = field(count=20)
    oem_table: U32
    oem_size: U16
    entry_count: U16
    local_apic: U32
    extended_length: U16
    extended_checksum: U8
    reserved: U8


class MpEntryType(IntEnum):
    """Types of entries (4.3, table 4-3)."""

    PROCESSOR = 0
    BUS = 1
    IO_APIC = 2
    IO_INTERRUPT = 3
    LOCAL_INTERRUPT = 4


class MpFlags(IntFlag):
    """Flags of processors and I/O APICs."""

    EN = 1 << 0
    """It can be used."""


class MpProcessor(Struct, packed=True):
    """A processor (4.3.1)."""

    kind: U8 = field(MpEntryType)
    apic: U8
    version: U8
    flags: U8 = field(MpFlags)
    signature: U32
    features: U32
    reserved: U64


class MpBus(Struct, packed=True):
    """A bus (4.3.2)."""

    kind: U8 = field(MpEntryType)
    id: U8
    name: U32
    name_end: U16


class MpIoApic(Struct, packed=True):
    """An I/O APIC (4.3.3)."""

    kind: U8 = field(MpEntryType)
    id: U8
    version: U8
    flags: U8 = field(MpFlags)
    address: U32


class MpInterruptType(IntEnum):
    """Types of interrupts (table 4-11)."""

    INT = 0


class MpInterrupt(Struct, packed=True):
    """The line to which an interrupt of a bus leads (4.3.4)."""

    kind: U8 = field(MpEntryType)
    type: U8 = field(MpInterruptType)
    signal: U16
    """As `OverrideEntry.signal`."""
    bus: U8
    source: U8
    io_apic: U8
    line: U8


MADT_SIZE = 4096
"""Bytes that there are for the MADT: more than 255 processors and all ISA interrupts need."""


class MpTable(Subsystem):
    """Translate the table into a MADT, which is all that the kernel knows how to read. Context: the
    first processor, while starting."""

    madt = bss(U8 * MADT_SIZE, align=8)
    named = init(U32, 0)
    """The number of processors that the table has."""
    isa = init(U32, 1 << 8)
    """The number of the ISA bus; above all numbers while it is not known."""
    io_apic = init(U32, 1 << 8)
    """The number of the first I/O APIC, likewise; the lines of others are not known."""

    def __init__(
        self,
        model: InterruptModel,
        search: FirmwareSearch,
        memory: DirectMap,
        log: Log,
    ) -> None:
        self.model = model
        self.search = search
        self.memory = memory
        self.log = log

    @function(init=True)
    def start(self) -> None:
        """Give the model of interrupts a MADT if the firmware has none; log a warning if there is
        no table of either kind."""
        with if_(~self.model.is_assumed()):
            ret()
        table = self._find()
        with if_(table != 0):
            self._translate(table)
        self._count_logical_processors()
        with if_(eax > self.named):
            self.log.write(
                LogLevel.WARNING,
                "no ACPI: of up to %u processors, the firmware names %u; others stay asleep",
                eax,
                self.named,
            )

    @inline(changes=(rax, rcx, rdx))
    def _count_logical_processors(self) -> None:
        """Load eax with the most processors that this one's package may have, as its local APIC's
        number has room for (AMD64 APM vol. 3, E.3.2)."""
        mov(eax, Leaf.BASIC)
        push(rbx)  # belongs to the caller, and cpuid writes it
        cpuid()
        mov(eax, ebx)
        pop(rbx)
        shr(eax, LOGICAL_COUNT_SHIFT)
        and_(eax, LOGICAL_COUNT_MASK)
        with if_((edx & Basic.HTT) == 0):
            mov(eax, 1)

    @function(init=True)
    def _find(self) -> Ptr[MpTableHeader]:
        """Return the table, or null if there is none that is sound."""
        place = self.search.find(POINTER_SIGNATURE, POINTER_MASK, sizeof(MpPointer))
        with if_(place == 0):
            ret(0)
        pointer = cast(self.memory.map_read_only(place, sizeof(MpPointer)), Ptr[MpPointer])
        with if_((pointer == 0) | (pointer.configuration != 0) | (pointer.table == 0)):
            ret(0)
        mov(eax, pointer.table)
        start = keep(rax)
        header = keep(Ptr[MpTableHeader])
        mov(u64(header), self.memory.map_read_only(start, sizeof(MpTableHeader)))
        with if_((header == 0) | (header.signature != TABLE_SIGNATURE)):
            ret(0)
        length = keep(U64)
        movzx(u32(length), header.length)
        with if_(length < sizeof(MpTableHeader)):
            ret(0)
        with if_(self.memory.map_read_only(start, length) == 0):
            ret(0)
        with if_(self.search.checksum(cast(header, Ptr[U8]), length) != 0):
            ret(0)
        ret(header)

    @function(init=True)
    def _translate(self, header: Keep[Ptr[MpTableHeader]]) -> None:
        """Make a MADT of the table, and give it to the model."""
        table, out = scratch(Ptr[Madt]), keep(U64)
        entry, end = keep(Ptr[U8]), keep(U64)
        lea(table, self.madt)
        mov(table.header.signature, MADT_SIGNATURE)
        mov(eax, header.local_apic)
        mov(table.local_apic, eax)
        lea(out, table[1])
        movzx(u32(end), header.length)
        add(end, header)
        lea(entry, cast(header[1], U8))
        with loop():
            size = keep(self._size_of(entry, end))
            break_if(size == 0)
            lea(rax, self.madt)
            add(rax, MADT_SIZE - sizeof(OverrideEntry))
            break_if(out > rax)
            mov(out, self._translate_entry(entry, out))
            add(entry, size)
            release(size)
        lea(rdi, self.madt)
        sub(out, rdi)
        table = cast(rdi, Ptr[Madt])
        mov(table.header.length, u32(out))
        tail(self.model.use, table)

    @function(init=True)
    def _size_of(self, entry: Ptr[U8], end: U64) -> U64:
        """Return the bytes of `entry`, 0 if it is none that lies before `end`."""
        mov(eax, sizeof(MpBus))
        lea(rcx, bare[u64(entry) + sizeof(MpBus)])
        with if_(rcx > end):
            ret(0)
        with if_(at(entry) == MpEntryType.PROCESSOR):
            mov(eax, sizeof(MpProcessor))
            lea(rcx, bare[u64(entry) + sizeof(MpProcessor)])
            with if_(rcx > end):
                ret(0)
        with if_(at(entry) > MpEntryType.LOCAL_INTERRUPT):
            ret(0)
        ret(rax)

    @function(init=True)
    def _translate_entry(self, entry: Ptr[U8], out: U64) -> U64:
        """Translate `entry` to the address `out`, if it has a counterpart; return the address
        behind it. Buses come before the interrupts of devices on them (4.3)."""
        with if_(at(entry) == MpEntryType.PROCESSOR):
            tail(self._translate_processor, cast(entry, Ptr[MpProcessor]), out)
        with if_(at(entry) == MpEntryType.IO_APIC):
            tail(self._translate_io_apic, cast(entry, Ptr[MpIoApic]), out)
        with if_(at(entry) == MpEntryType.IO_INTERRUPT):
            tail(self._translate_interrupt, cast(entry, Ptr[MpInterrupt]), out)
        bus = cast(entry, Ptr[MpBus])
        with if_((bus.kind == MpEntryType.BUS) & (bus.name == ISA_BUS)):
            movzx(eax, bus.id)
            mov(self.isa, eax)
        ret(out)

    @inline(changes=rax)
    def _begin(self, out: U64, kind: type[Struct], number: MadtEntryType) -> None:
        """Write the head of an entry of the struct `kind` to `out`."""
        head = cast(out, Ptr[MadtEntry])
        mov(head.kind, number)
        mov(head.length, sizeof(kind))

    @function(init=True)
    def _translate_processor(self, entry: Ptr[MpProcessor], out: U64) -> U64:
        """Translate a processor that can be used."""
        target = cast(out, Ptr[LocalApicEntry])
        with if_((entry.flags & MpFlags.EN) == 0):
            ret(out)
        self._begin(out, LocalApicEntry, MadtEntryType.LOCAL_APIC)
        mov(al, entry.apic)
        mov(target.uid, al)
        mov(target.id, al)
        mov(target.flags, ProcessorFlags.ENABLED)
        inc(self.named)
        lea(rax, target[1])
        ret(rax)

    @function(init=True)
    def _translate_io_apic(self, entry: Ptr[MpIoApic], out: U64) -> U64:
        """Translate the first I/O APIC that can be used."""
        target = cast(out, Ptr[IoApicEntry])
        with if_(((entry.flags & MpFlags.EN) == 0) | (self.io_apic < 1 << 8)):
            ret(out)
        self._begin(out, IoApicEntry, MadtEntryType.IO_APIC)
        movzx(eax, entry.id)
        mov(self.io_apic, eax)
        mov(target.id, al)
        mov(target.reserved, 0)
        mov(eax, entry.address)
        mov(target.address, eax)
        mov(target.first, 0)
        lea(rax, target[1])
        ret(rax)

    @function(init=True)
    def _translate_interrupt(self, entry: Ptr[MpInterrupt], out: U64) -> U64:
        """Translate an interrupt of the ISA bus that leads to the first I/O APIC."""
        target = cast(out, Ptr[OverrideEntry])
        movzx(eax, entry.bus)
        movzx(ecx, entry.io_apic)
        with if_((entry.type != MpInterruptType.INT) | (eax != self.isa) | (ecx != self.io_apic)):
            ret(out)
        self._begin(out, OverrideEntry, MadtEntryType.OVERRIDE)
        mov(target.bus, 0)
        mov(al, entry.source)
        mov(target.source, al)
        movzx(eax, entry.line)
        mov(target.line, eax)
        mov(ax, entry.signal)
        mov(target.signal, ax)
        lea(rax, target[1])
        ret(rax)
