"""The MP table, translated into a MADT."""

import struct
from typing import Any

import pytest

from kernel.acpi.madt import InterruptModel
from kernel.acpi.mptable import MpPointer, MpTable, MpTableHeader
from kernel.acpi.tables import AcpiTables
from kernel.mm.directmap import DirectMap
from pykasm import sizeof
from tests.host.console_support import Paper, host_for, parts_on, written
from tests.host.test_acpi import BIOS_AREAS, checked

POINTER, TABLE = 0xF5A00, 0xF5B00


def processor(apic: int, flags: int = 1) -> bytes:
    return struct.pack("<BBBBIIQ", 0, apic, 0x14, flags, 0, 0, 0)


def bus(number: int, name: bytes) -> bytes:
    return struct.pack("<BB6s", 1, number, name.ljust(6))


def io_apic(number: int, address: int, flags: int = 1) -> bytes:
    return struct.pack("<BBBBI", 2, number, 0x11, flags, address)


def interrupt(
    on: int, source: int, line: int, to: int = 4, signal: int = 0, kind: int = 0
) -> bytes:
    return struct.pack("<BBHBBBB", 3, kind, signal, on, source, to, line)


def table(*entries: bytes, length: int | None = None) -> bytes:
    """A table with a right checksum."""
    body = b"".join(entries)
    size = 44 + len(body) if length is None else length
    head = struct.pack(
        "<4sHBB20sIHHIHBB", b"PCMP", size, 4, 0, b"", 0, 0, len(entries), 0xFEE00000, 0, 0, 0
    )
    return checked(head + body, 7)


def pointer(place: int = TABLE, configuration: int = 0) -> bytes:
    return checked(struct.pack("<4sIBBBBI", b"_MP_", place, 1, 4, 0, configuration, 0), 10)


ENTRIES = (
    processor(0, 3),
    processor(5, 0),
    processor(2),
    bus(0, b"PCI"),
    bus(1, b"ISA"),
    io_apic(4, 0xFEC00000),
    io_apic(6, 0xFEC10000),
    interrupt(1, 0, 2),
    interrupt(1, 9, 9, signal=0xF),
    interrupt(0, 4, 11),
    interrupt(1, 5, 5, to=6),
    interrupt(1, 0, 0, kind=3),
    struct.pack("<BBHBBBB", 4, 3, 0, 1, 0, 0xFF, 0),
)


class Firmware:
    """A machine without ACPI."""

    def __init__(self) -> None:
        self.paper: Any = Paper()
        parts = parts_on(self.paper, AcpiTables, DirectMap)
        self.model, self.mp_table = parts[InterruptModel], parts[MpTable]
        self.memory = parts[DirectMap]
        self.host = host_for(self.mp_table)
        for start, end in BIOS_AREAS:
            self.host.map(start, end - start)
        self.host.checkpoint()

    def start(self, layout: dict[int, bytes], refused: int = 0) -> bytes:
        """The MADT that is used, without its head, where the memory has this `layout`, and parts of
        it of the length `refused` can't be mapped."""
        self.host.reset()
        self.host.stub(
            self.memory.map_read_only, lambda start, length: 0 if length == refused else start
        )
        for place, contents in layout.items():
            self.host.write(place, contents)
        self.host.call(self.model.start)
        assert self.host.call(self.model.is_assumed)
        self.host.call(self.mp_table.start)
        start = int(self.host[self.model.table])
        length = int.from_bytes(self.host.read(start + 4, 4), "little")
        assert int(self.host[self.model.end]) == start + length
        self.said = written(self.host, self.paper).decode("latin-1")
        return bytes(self.host.read(start + 44, length - 44))


@pytest.fixture(scope="module")
def firmware() -> Firmware:
    return Firmware()


def test_the_table_is_translated(firmware: Firmware) -> None:
    assert firmware.start({POINTER: pointer(), TABLE: table(*ENTRIES)}) == b"".join(
        [
            struct.pack("<BBBBI", 0, 8, 0, 0, 1),
            struct.pack("<BBBBI", 0, 8, 2, 2, 1),
            struct.pack("<BBBBII", 1, 12, 4, 0, 0xFEC00000, 0),
            struct.pack("<BBBBIH", 2, 10, 0, 0, 2, 0),
            struct.pack("<BBBBIH", 2, 10, 0, 9, 9, 0xF),
        ]
    )


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {POINTER: pointer()},
        {POINTER: pointer(configuration=5), TABLE: table(*ENTRIES)},
        {POINTER: pointer(0), TABLE: table(*ENTRIES)},
        {POINTER: pointer(), TABLE: table(*ENTRIES)[:-1] + b"?"},
        {POINTER: pointer(), TABLE: table(length=43)},
        {POINTER: pointer()[:-1] + b"?", TABLE: table(*ENTRIES)},
    ],
    ids=["none", "no table", "default", "null", "checksum", "short", "pointer"],
)
def test_without_a_sound_table_the_usual_is_assumed(
    firmware: Firmware, layout: dict[int, bytes]
) -> None:
    assumed = firmware.start({})
    assert firmware.start(layout) == assumed


def test_entries_that_the_table_cuts_off_are_none(firmware: Firmware) -> None:
    whole = firmware.start({POINTER: pointer(), TABLE: table(processor(1), processor(3))})
    cut = checked(table(processor(1), processor(3), length=44 + 39)[: 44 + 39], 7)
    assert firmware.start({POINTER: pointer(), TABLE: cut}) == whole[:8]


def test_an_endless_table_ends_with_the_place_for_it(firmware: Firmware) -> None:
    many = table(*[processor(n % 255) for n in range(600)])
    found = firmware.start({POINTER: pointer(0xF6000), 0xF6000: many})
    assert 4000 < len(found) + 44 <= 4096


def test_what_can_not_be_mapped_is_not_read(firmware: Firmware) -> None:
    assumed = firmware.start({})
    layout = {POINTER: pointer(), TABLE: table(*ENTRIES)}
    sizes = {sizeof(MpPointer), sizeof(MpTableHeader), len(layout[TABLE])}
    for refused in sizes:
        assert firmware.start(layout, refused) == assumed
