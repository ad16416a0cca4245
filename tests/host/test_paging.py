"""The direct map that is made of the memory map, whatever that says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.boot.information import BootInformation
from kernel.boot.memorykind import MemoryKind
from kernel.contents import CONTENTS
from kernel.cpu.pagetable import PAGE
from kernel.debug.panic import Panic
from kernel.errno import Errno
from kernel.mm.directmap import DirectMap
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.mapper import Mapper
from kernel.mm.pagetables import PageTables
from kernel.mm.paging import Paging
from kernel.mm.zones import Zones
from kernel.paging.addresses import Area
from kernel.paging.entryformat import EntryFormat
from kernel.paging.permissions import DEVICE, FRAMEBUFFER, READ, WRITE
from kernel.paging.walk import PageWalk
from pykasm import *
from pykasm.hostrun import Host, stand_ins
from tests.host.record_support import Range, describe_memory, keep_lists, settled

IMAGE = (8 * PAGE, 12 * PAGE)
"""Where the image is that is mapped section by section."""

PAGES = 32
LIMIT = 1 << 40
"""Where the processor's addresses end."""

MAPPED = {MemoryKind.AVAILABLE, MemoryKind.ACPI_RECLAIMABLE, MemoryKind.ACPI_NVS}
ALL_BITS = (1 << 64) - 1

PLACES = st.integers(0, PAGES * PAGE) | st.integers(0, PAGES).map(lambda page: page * PAGE)
RANGES = st.tuples(PLACES, PLACES).map(sorted)
WILD = st.tuples(st.integers(LIMIT - 2 * PAGE, ALL_BITS), st.integers(LIMIT, ALL_BITS)).map(sorted)
REGIONS = st.lists(st.tuples(RANGES | WILD, st.sampled_from(MemoryKind)), max_size=8)


def ranges_of(regions: list[Any]) -> list[Range]:
    """The same with lengths for ends."""
    return [Range(start, end - start, kind) for (start, end), kind in regions]


class Machine:
    """A host whose direct map is a dictionary of pages: physical address to flags."""

    def __init__(self) -> None:
        parts = Parts(CONTENTS, instead=stand_ins(KernelSpace, PageTables, Mapper, Zones, Panic))
        self.information, self.entries = parts[BootInformation], parts[EntryFormat]
        self.walk, self.mapper = parts[PageWalk], parts[Mapper]
        self.paging, self.direct_map = parts[Paging], parts[DirectMap]
        self.host = Host(self.paging, traced=False)
        for section in self.paging.sections:
            self.host.define(f"{section.symbol}_load", IMAGE[0])
        self.host.define("image_load_start", IMAGE[0])
        self.host.define("image_load_end", IMAGE[1] - 1)
        self.host[self.entries.end] = LIMIT
        self.host[self.entries.allowed] = ALL_BITS
        keep_lists(self.host, self.information)
        self.host.checkpoint()
        self.mapped: dict[int, int] = {}
        self.pages_left = True

    def start(self, regions: list[Any]) -> None:
        """Begin with this memory, and nothing mapped."""
        self.host.reset()
        self.mapped = {}
        self.pages_left = True
        self.host.stub(self.mapper.map, self.map)
        self.host.stub(self.walk.find, lambda address: self.mapped.get(int(address) & -PAGE, 0))
        describe_memory(self.host, self.information, ranges_of(regions))
        self.host.call(self.information.limit_memory, LIMIT)

    def map(self, space: int, address: int, target: int, length: int, flags: int, a: int) -> int:
        assert address == Area.DIRECT_MAP + target
        assert length > 0
        assert (address | length) % PAGE == 0
        if not self.pages_left:
            return -12
        for page in range(int(address), int(address) + int(length), PAGE):
            assert page not in self.mapped
            self.mapped[page] = int(flags)
        return 0


@pytest.fixture(scope="module")
def machine() -> Machine:
    """One for all tests of this file."""
    return Machine()


@given(REGIONS)
def test_the_direct_map_has_what_is_memory_once_and_nothing_else(
    machine: Machine, regions: list[Any]
) -> None:
    machine.start(regions)
    machine.host.call(machine.paging.map_memory)
    expected: set[int] = set()
    for start, length, kind in settled(ranges_of(regions)):
        if kind in MAPPED and start < LIMIT:
            expected |= set(range(start & -PAGE, min(start + length, LIMIT), PAGE))
    expected -= set(range(*IMAGE, PAGE))
    assert {page - Area.DIRECT_MAP for page in machine.mapped} == expected
    assert set(machine.mapped.values()) <= {WRITE}


MEMORY = [((0, 4 * PAGE), MemoryKind.AVAILABLE), ((16 * PAGE, 20 * PAGE), MemoryKind.RESERVED)]
"""Before and behind the image: memory, and what the firmware keeps."""


def test_registers_are_where_no_memory_is(machine: Machine) -> None:
    machine.start(MEMORY)
    registers = machine.direct_map.map_registers
    assert machine.host.call(registers, 6 * PAGE + 8, 2 * PAGE) == Area.DIRECT_MAP + 6 * PAGE + 8
    assert set(machine.mapped.values()) == {DEVICE}
    assert len(machine.mapped) == 3
    assert machine.host.call(registers, 6 * PAGE, PAGE) == Area.DIRECT_MAP + 6 * PAGE


@pytest.mark.parametrize(
    ("start", "length"),
    [
        (0, PAGE),
        (3 * PAGE, PAGE),
        (4 * PAGE - 1, 2),
        (LIMIT - PAGE, PAGE + 1),
        (LIMIT, 1),
        (ALL_BITS, 1),
        (PAGE, ALL_BITS),
    ],
)
def test_registers_are_nowhere_else(machine: Machine, start: int, length: int) -> None:
    machine.start(MEMORY)
    assert machine.host.call(machine.direct_map.map_registers, start, length) == 0
    assert machine.mapped == {}


def test_a_framebuffer_is_where_no_memory_is(machine: Machine) -> None:
    machine.start(MEMORY)
    framebuffer = machine.direct_map.map_framebuffer
    assert machine.host.call(framebuffer, 6 * PAGE + 8, 2 * PAGE) == 0
    assert machine.mapped == {Area.DIRECT_MAP + page * PAGE: FRAMEBUFFER for page in (6, 7, 8)}
    for start in (0, 4 * PAGE - 1, LIMIT):
        assert machine.host.call(framebuffer, start, 2 * PAGE) == -Errno.EINVAL


def test_what_was_read_as_a_table_is_no_place_for_registers(machine: Machine) -> None:
    machine.start(MEMORY)
    place = machine.host.call(machine.direct_map.map_read_only, 17 * PAGE + 20, 50)
    assert place == Area.DIRECT_MAP + 17 * PAGE + 20
    assert machine.mapped == {Area.DIRECT_MAP + 17 * PAGE: READ}
    for function in (machine.direct_map.map_registers, machine.direct_map.claim):
        assert machine.host.call(function, 17 * PAGE, 100) == 0


def test_registers_can_be_found_again_but_not_before(machine: Machine) -> None:
    machine.start(MEMORY)
    assert machine.host.call(machine.direct_map.find_registers, 6 * PAGE, 100) == 0
    place = machine.host.call(machine.direct_map.claim_registers, 6 * PAGE, 100)
    assert machine.host.call(machine.direct_map.find_registers, 6 * PAGE, 100) == place
    assert machine.host.call(machine.direct_map.find_registers, 6 * PAGE, 99) == 0


def test_registers_that_one_device_has_are_not_claimed_for_another(machine: Machine) -> None:
    machine.start(MEMORY)
    claim = machine.direct_map.claim_registers
    assert machine.host.call(claim, 6 * PAGE, PAGE) == Area.DIRECT_MAP + 6 * PAGE
    assert machine.host.call(claim, 6 * PAGE, PAGE) == 0
    assert machine.host.call(claim, 7 * PAGE, PAGE) == Area.DIRECT_MAP + 7 * PAGE
    assert machine.host.call(claim, 0, PAGE) == 0, "memory is there"


def test_registers_of_two_devices_share_a_page_but_no_byte(machine: Machine) -> None:
    machine.start(MEMORY)
    claim = machine.direct_map.claim_registers
    assert machine.host.call(claim, 6 * PAGE + 0x20, 0x20) != 0
    assert machine.host.call(claim, 6 * PAGE, 0x20) != 0
    assert machine.host.call(claim, 6 * PAGE + 0x40, PAGE) != 0
    for start, length in ((0, 0x21), (0x3F, 1), (0x3F, 2), (0, PAGE), (0x40 + PAGE - 1, 8)):
        assert machine.host.call(claim, 6 * PAGE + start, length) == 0
    assert machine.host.call(machine.direct_map.claim, 5 * PAGE, 2 * PAGE) == 0
    assert machine.host.call(machine.direct_map.claim, 8 * PAGE, 4 * PAGE) == 1
    assert machine.host.call(claim, 9 * PAGE, PAGE) == 0


def test_without_memory_for_tables_nothing_can_be_reached(machine: Machine) -> None:
    machine.start(MEMORY)
    machine.pages_left = False
    for function in (machine.direct_map.map_registers, machine.direct_map.map_read_only):
        assert machine.host.call(function, 6 * PAGE, 100) == 0
    assert machine.host.call(machine.direct_map.map_framebuffer, 6 * PAGE, 100) == -Errno.ENOMEM
    assert machine.host.call(machine.direct_map.claim_registers, 6 * PAGE, 100) == 0
    assert machine.host.call(machine.direct_map.find_registers, 6 * PAGE, 100) == 0
