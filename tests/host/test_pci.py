"""The PCI bus, with configuration spaces made by Python."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from dataclasses import field as data_field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.acpi.tables import AcpiTables
from kernel.mm.directmap import DirectMap
from kernel.mm.heap import Heap
from kernel.pci.bus import PciBus
from kernel.pci.capabilities import CapabilityId, PciCapabilities
from kernel.pci.classes import NAMES, PciClassNames
from kernel.pci.configuration import ADDRESS_PORT, DATA_PORT, NO_RESPONSE, ConfigurationSpace
from kernel.pci.device import PciDevice
from kernel.pci.header import Bar
from kernel.pci.resources import PciResources
from pykasm import *
from pykasm.hostrun import Host
from tests.host.console_support import Paper, parts_on

GARBAGE = b"\x5a"
"""What memory for records has in it."""


@dataclass
class Space:
    """A function's configuration space; `masks` are the bits of each register that can be
    written."""

    data: bytearray
    masks: dict[int, int] = data_field(default_factory=dict)

    def read(self, offset: int) -> int:
        return int(struct.unpack_from("<I", self.data, offset)[0])

    def write(self, offset: int, value: int) -> None:
        mask = self.masks.get(offset, 0)
        kept = self.read(offset) & ~mask
        struct.pack_into("<I", self.data, offset, kept | value & mask)


def function_header(
    *,
    kind: int = 0,
    kind_of_bridge: int = 1,
    secondary: int = 0,
    capabilities: list[tuple[int, int, int]] | None = None,
    bars: list[tuple[int, int]] | None = None,
) -> Space:
    """A function; `capabilities` are (place, id, next), `bars` (value, writable bits)."""
    data = bytearray(256)
    struct.pack_into("<HHHH", data, 0, 0x1234, 0x5678, 0x0007, 0)
    data[8:12] = bytes((3, 2, kind_of_bridge, 6))
    data[14] = kind
    space = Space(data, {4: 0xFFFF})
    if kind & 0x7F == 1:
        data[0x19] = secondary
    for number, (value, mask) in enumerate(bars or []):
        struct.pack_into("<I", data, 0x10 + 4 * number, value)
        space.masks[0x10 + 4 * number] = mask
    if capabilities:
        data[6] |= 1 << 4
        data[0x34] = capabilities[0][0]
        for place, one, after in capabilities:
            data[place & 0xFC : (place & 0xFC) + 2] = bytes((one, after))
    return space


class Bench:
    """A host with the subsystems, and configuration spaces reached by ports."""

    def __init__(self) -> None:
        self.paper: Any = Paper()
        parts = parts_on(self.paper, AcpiTables, DirectMap, Heap)
        self.configuration, self.heap = parts[ConfigurationSpace], parts[Heap]
        self.capabilities, self.resources = parts[PciCapabilities], parts[PciResources]
        self.bus, self.classes = parts[PciBus], parts[PciClassNames]
        self.host = Host(self.bus, self.classes, traced=False)
        self.host.stub(parts[DirectMap].can_be_registers, lambda start, length: 1)
        self.host.define("symbols_start", 0)
        self.host.define("symbols_end", 0)
        self.host.checkpoint()
        self.spaces: dict[int, Space] = {}
        self.selected = 0

    def plug(self, spaces: dict[int, Space]) -> None:
        """Start over with these functions."""
        self.host.reset()
        self.spaces = spaces
        self.host.on_out(ADDRESS_PORT, self.select)
        self.host.on_in(DATA_PORT, self.read_data)
        self.host.on_out(DATA_PORT, self.write_data)

    def select(self, port: int, value: int) -> None:
        assert value >> 31, "the address port without its enable bit"
        self.selected = value

    def function(self) -> Space | None:
        return self.spaces.get(self.selected >> 8 & 0xFFFF)

    def read_data(self, port: int) -> int:
        space = self.function()
        return NO_RESPONSE if space is None else space.read(self.selected & 0xFC)

    def write_data(self, port: int, value: int) -> None:
        space = self.function()
        if space is not None:
            space.write(self.selected & 0xFC, value)

    def scan(self) -> list[Any]:
        """What the kernel finds, in order."""
        records: list[Any] = []

        def allocate(size: int) -> Any:
            records.append(self.host.new(PciDevice))
            self.host.write(records[-1], GARBAGE * size)
            return records[-1]

        self.host.stub(self.heap.allocate, allocate)
        self.host.call(self.bus.start)
        assert self.host[self.bus.count] == len(records)
        return records


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def number(bus: int, device: int, function: int = 0) -> int:
    return bus << 8 | device << 3 | function


def test_an_empty_bus_has_nothing(bench: Bench) -> None:
    bench.plug({})
    assert bench.scan() == []


def test_a_function_is_known_by_its_header(bench: Bench) -> None:
    bench.plug({number(0, 3): function_header()})
    (found,) = bench.scan()
    assert (found.function, found.vendor, found.device) == (number(0, 3), 0x1234, 0x5678)
    assert (found.base_class, found.subclass, found.interface, found.revision) == (6, 1, 2, 3)


def test_where_all_reads_give_0_is_nothing(bench: Bench) -> None:
    bench.plug({number(0, 0): Space(bytearray(256)), number(0, 3): function_header()})
    assert [one.function for one in bench.scan()] == [number(0, 3)]


def test_functions_beside_number_0_count_only_where_it_says_so(bench: Bench) -> None:
    bench.plug(
        {
            number(0, 1): function_header(),
            number(0, 1, 2): function_header(),
            number(0, 2): function_header(kind=0x80),
            number(0, 2, 7): function_header(),
            number(0, 4, 1): function_header(),
        }
    )
    assert [one.function for one in bench.scan()] == [
        number(0, 1),
        number(0, 2),
        number(0, 2, 7),
    ]


@st.composite
def trees(draw: st.DrawFn) -> dict[int, Space]:
    """Functions on buses, with bridges that lead anywhere."""
    places = draw(
        st.lists(st.tuples(st.integers(0, 6), st.integers(0, 31)), unique=True, max_size=12)
    )
    spaces = {}
    for bus, device in places:
        bridge = draw(st.booleans())
        secondary = draw(st.integers(0, 8) | st.just(255))
        spaces[number(bus, device)] = function_header(kind=int(bridge), secondary=secondary)
    return spaces


def reachable(spaces: dict[int, Space]) -> list[int]:
    """The functions on bus 0, and on the buses that bridges which are reached lead to."""
    buses = {0}
    for bus in range(256):
        if bus in buses:
            for at, space in spaces.items():
                if at >> 8 == bus and space.data[14] == 1 and space.data[0x19] > bus:
                    buses.add(space.data[0x19])
    return sorted(at for at in spaces if at >> 8 in buses)


@given(spaces=trees())
def test_all_buses_behind_bridges_are_scanned_once(bench: Bench, spaces: dict[int, Space]) -> None:
    bench.plug(spaces)
    assert [one.function for one in bench.scan()] == reachable(spaces)


@pytest.mark.parametrize(("host_bridges", "found"), [(1, []), (2, [number(64, 5), number(65, 0)])])
def test_buses_of_other_host_bridges_are_scanned(
    bench: Bench, host_bridges: int, found: list[int]
) -> None:
    near = {number(0, device): function_header(kind_of_bridge=0) for device in range(host_bridges)}
    far = {number(64, 5): function_header(kind=1, secondary=65), number(65, 0): function_header()}
    bench.plug(near | far)
    assert [one.function for one in bench.scan()] == [*near, *found]


@given(
    st.lists(
        st.tuples(st.integers(0x10, 0x3F).map(lambda n: n * 4), st.sampled_from([1, 5, 17])),
        unique_by=lambda one: one[0],
        max_size=6,
    ),
    st.integers(0, 255),
)
def test_capabilities_are_found_however_the_list_ends(
    bench: Bench, places: list[tuple[int, int]], last: int
) -> None:
    following = [place for place, _ in places[1:]] + [last]
    chain = [(place, one, after) for (place, one), after in zip(places, following, strict=False)]
    space = function_header(capabilities=chain)
    bench.plug({0: space})
    seen = []
    place = space.data[0x34] & 0xFC if chain else 0
    while place >= 0x40 and place not in seen:
        seen.append(place)
        place = space.data[place + 1] & 0xFC
    for wanted in (CapabilityId.MSI, CapabilityId.MSI_X):
        expected = next((at for at in seen if space.data[at] == wanted), 0)
        assert bench.host.call(bench.capabilities.find, 0, wanted) == expected


SIZES = st.integers(4, 31).map(lambda bits: 1 << bits)


@given(size=SIZES, base=st.integers(0, (1 << 32) - 1), flags=st.sampled_from([0, 8]))
def test_memory_is_measured_and_left_as_it_was(
    bench: Bench, size: int, base: int, flags: int
) -> None:
    mask = -size & 0xFFFF_FFFF
    space = function_header(bars=[(base & mask | flags, mask)])
    before = bytes(space.data)
    bench.plug({0: space})
    resource = bench.scan()[0].resources[0]
    assert (resource.address, resource.size, resource.flags) == (base & mask, size, flags)
    assert space.data == before


@given(bits=st.integers(4, 63), base=st.integers(0, (1 << 64) - 1))
def test_wide_memory_takes_two_registers(bench: Bench, bits: int, base: int) -> None:
    mask = -(1 << bits) & (1 << 64) - 1
    value = base & mask | Bar.MEMORY_64
    space = function_header(
        bars=[
            (value & 0xFFFF_FFFF, mask & 0xFFFF_FFFF),
            (value >> 32, mask >> 32),
            (0x1000 | 1, 0xFFFF_FFF0),
        ]
    )
    bench.plug({0: space})
    wide, none, ports = bench.scan()[0].resources[:3]
    assert (wide.address, wide.size, wide.flags) == (base & mask, 1 << bits, Bar.MEMORY_64)
    assert none.size == 0
    assert (ports.address, ports.size, ports.flags) == (0x1000, 16, Bar.IO)


def test_the_function_does_not_answer_while_it_is_measured(bench: Bench) -> None:
    space = function_header(bars=[(0xF000_0000, 0xFFFF_F000)])
    commands: list[int] = []
    write = space.write

    def spy(offset: int, value: int) -> None:
        write(offset, value)
        commands.append(space.data[4] & 3)

    space.write = spy  # type: ignore[method-assign]
    bench.plug({0: space})
    bench.scan()
    assert commands[0] == 0
    assert set(commands[:-1]) == {0}
    assert commands[-1] == 3


def test_functions_without_memory_for_a_record_are_counted(bench: Bench) -> None:
    bench.plug({number(0, 1): function_header(), number(0, 2): function_header()})
    bench.host.stub(bench.heap.allocate, lambda size: 0)
    bench.host.call(bench.bus.start)
    assert (bench.host[bench.bus.count], bench.host[bench.bus.lost]) == (0, 2)


def test_what_can_not_be_mapped_is_reached_by_ports(bench: Bench) -> None:
    bench.plug({number(0, 1): function_header()})
    table = struct.pack("<4sI36xQHBBI", b"MCFG", 60, 0xB000_0000, 0, 0, 255, 0)
    start = int(bench.host.bytes(table))
    bench.host[bench.configuration.ecam.table] = start
    bench.host[bench.configuration.ecam.end] = start + len(table)
    asked = bench.host.stub(bench.configuration.memory.map, lambda start, length, flags: 0)
    assert bench.host.call(bench.configuration.read, number(0, 1), 0) == 0x5678_1234
    assert asked.calls


@given(base_class=st.integers(0, 255), subclass=st.integers(0, 255))
def test_classes_have_the_closest_name_that_is_known(
    bench: Bench, base_class: int, subclass: int
) -> None:
    bench.plug({})
    expected = NAMES.get((base_class, subclass), NAMES.get((base_class, 0xFF), "unknown device"))
    found = bench.host.call(bench.classes.find, base_class, subclass)
    assert bench.host.read_text(found) == expected
