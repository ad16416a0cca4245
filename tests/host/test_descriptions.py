"""What single ACPI tables say: the board, its timers, its PCI buses."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.acpi.fadt import FixedDescription
from kernel.acpi.hpet import HpetDescription
from kernel.acpi.mcfg import EcamRegions, Mcfg, McfgAllocation
from kernel.acpi.structures import AddressSpaceId, Fadt, FadtFlags
from kernel.acpi.tables import AcpiTables
from kernel.mm.directmap import DirectMap
from pykasm import *
from tests.host.console_support import Paper, host_for, parts_on, written

HEADER = 36
PORT = 0x608
REGISTERS = 0xFED0_0000
MEMORY_END, ADDRESSES_END = 1 << 32, 1 << 40
BUS_SIZE = 1 << 20


class Board(Subsystem):
    """Knows where devices can be."""

    @function
    def claim(self, start: U64, length: U64) -> Bool:
        """Above all memory, up to where addresses end."""
        add(length, start)
        mov(rax, MEMORY_END)
        with if_(start < rax):
            ret(0)
        mov(rax, ADDRESSES_END)
        with if_(CF | (length > rax)):
            ret(0)
        ret(1)


class PciReader(Subsystem):
    """Goes through the segments."""

    def __init__(self, pci: EcamRegions) -> None:
        self.pci = pci

    @function(exported=True)
    def add_up(self) -> tuple[U64, U64]:
        """How many segments there are, and the sum of their addresses."""
        count, sum = keep(U64), keep(U64)
        xor(u32(count), u32(count))
        xor(u32(sum), u32(sum))
        with self.pci.each() as segment:
            inc(count)
            add(sum, segment.address)
        ret(count, sum)


class Firmware:
    """A host where one table is found."""

    def __init__(self) -> None:
        self.paper: Any = Paper()
        parts = parts_on(self.paper, AcpiTables, instead={DirectMap: Board()})
        self.tables, self.fixed = parts[AcpiTables], parts[FixedDescription]
        self.hpet, self.pci = parts[HpetDescription], parts[EcamRegions]
        self.reader = PciReader(self.pci)
        self.host = host_for(self.fixed, self.hpet, self.reader, self.paper)
        self.host.checkpoint()

    def install(self, body: bytes | None) -> None:
        """Give the table this `body` after its header; None: there is no table."""
        self.host.reset()
        raw = None
        if body is not None:
            head = struct.pack("<4sI28s", b"TEST", HEADER + len(body), b"")
            raw = int(self.host.bytes(head + body, fenced=True))
        room = 0 if body is None else HEADER + len(body)
        self.host.stub(self.tables.find, lambda signature, size: raw if room >= size else None)


@pytest.fixture(scope="module")
def firmware() -> Firmware:
    return Firmware()


def fixed(flags: int, port: int = PORT, century: int = 0) -> bytes:
    """A fixed table's body."""
    body = bytearray(sizeof(Fadt) - HEADER)
    struct.pack_into("<I", body, offsetof(Fadt, "timer_block") - HEADER, port)
    struct.pack_into("<B", body, offsetof(Fadt, "century") - HEADER, century)
    struct.pack_into("<I", body, offsetof(Fadt, "flags") - HEADER, flags)
    return bytes(body)


@pytest.mark.parametrize(
    ("body", "timer"),
    [
        (fixed(0), (PORT, 24)),
        (fixed(FadtFlags.TMR_VAL_EXT), (PORT, 32)),
        (fixed(FadtFlags.TMR_VAL_EXT, port=0), (0, 0)),
        (fixed(0, port=0x40), (0, 0)),
        (fixed(0, port=0x3F8), (0, 0)),
        (fixed(0, port=0xFFFD), (0, 0)),
        (fixed(0, port=0x1_0608), (0, 0)),
        (fixed(0)[:70], (0, 0)),
        (None, (0, 0)),
    ],
    ids=[
        *("24 bits", "32 bits", "no port"),
        *("another timer", "serial line", "end of ports", "beyond ports", "short", "no table"),
    ],
)
def test_the_power_management_timer(
    firmware: Firmware, body: bytes | None, timer: tuple[int, int]
) -> None:
    firmware.install(body)
    assert firmware.host.call(firmware.fixed.timer) == timer


def test_the_place_of_the_century(firmware: Firmware) -> None:
    firmware.install(fixed(0, century=0x32))
    assert firmware.host.call(firmware.fixed.century) == 0x32
    firmware.install(fixed(0, century=0x32)[:72])
    assert firmware.host.call(firmware.fixed.century) == 0


def hpet(space: int) -> bytes:
    """The body of the timer's table."""
    return struct.pack("<IBBBBQBHB", 0x8086A201, space, 64, 0, 0, REGISTERS, 0, 100, 0)


@pytest.mark.parametrize(
    ("body", "address"),
    [
        (hpet(AddressSpaceId.MEMORY), REGISTERS),
        (hpet(AddressSpaceId.IO), 0),
        (hpet(AddressSpaceId.MEMORY)[:-1], 0),
        (None, 0),
    ],
    ids=["in memory", "in ports", "short", "no table"],
)
def test_the_place_of_the_event_timer(firmware: Firmware, body: bytes | None, address: int) -> None:
    firmware.install(body)
    assert firmware.host.call(firmware.hpet.address) == address


def segment(address: int, group: int = 0, first: int = 0, last: int = 255) -> bytes:
    """A segment of the table of configuration spaces."""
    return struct.pack("<QHBBI", address, group, first, last, 0)


@given(
    places=st.lists(st.integers(MEMORY_END >> 28, (ADDRESSES_END >> 28) - 1), max_size=5),
    spare=st.integers(0, sizeof(McfgAllocation) - 1),
)
def test_whole_segments_are_gone_through(firmware: Firmware, places: list[int], spare: int) -> None:
    addresses = [place << 28 for place in places]
    segments = b"".join(segment(one, number) for number, one in enumerate(addresses))
    firmware.install(bytes(sizeof(Mcfg) - HEADER) + segments + bytes(spare))
    firmware.host.call(firmware.pci.start)
    assert firmware.host.call(firmware.reader.add_up) == (len(addresses), sum(addresses))


def test_without_a_table_there_are_no_segments(firmware: Firmware) -> None:
    firmware.install(None)
    firmware.host.call(firmware.pci.start)
    assert firmware.host.call(firmware.reader.add_up) == (0, 0)


SOUND = segment(MEMORY_END)


@pytest.mark.parametrize(
    "wrong",
    [
        segment(0),
        segment(MEMORY_END - BUS_SIZE),
        segment(MEMORY_END + 1),
        segment(ADDRESSES_END - BUS_SIZE),
        segment((1 << 64) - BUS_SIZE, first=1),
        segment(MEMORY_END, group=1, first=2, last=1),
        segment(MEMORY_END),
        segment(MEMORY_END, first=255),
    ],
    ids=[
        "in memory",
        "begins in memory",
        "not at a bus",
        "ends beyond",
        "wraps around",
        "ends before it begins",
        "twice",
        "overlaps",
    ],
)
def test_a_table_of_segments_that_can_not_be_is_not_used(firmware: Firmware, wrong: bytes) -> None:
    firmware.install(bytes(sizeof(Mcfg) - HEADER) + SOUND + wrong)
    firmware.host.call(firmware.pci.start)
    assert firmware.host.call(firmware.reader.add_up) == (0, 0)
    assert b"ACPI: what the table MCFG says can't be" in written(firmware.host, firmware.paper)


def test_buses_of_a_group_may_be_in_several_places(firmware: Firmware) -> None:
    parts = segment(MEMORY_END, last=9) + segment(MEMORY_END - 10 * BUS_SIZE, first=10)
    firmware.install(bytes(sizeof(Mcfg) - HEADER) + parts)
    firmware.host.call(firmware.pci.start)
    assert firmware.host.call(firmware.reader.add_up)[0] == 2
    assert written(firmware.host, firmware.paper) == b""
