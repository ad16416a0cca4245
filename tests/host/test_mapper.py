"""Page tables made by the kernel, walked by Python."""

import struct
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.mm.addresses import Area
from kernel.mm.mapper import Mapper
from kernel.mm.pagetable import (
    ADDRESS_MASK,
    ENTRIES,
    INDEX_BITS,
    NO_EXECUTE,
    PAGE,
    PageFlags,
    PageShift,
)
from kernel.mm.paging import READ, WRITE
from pykasm import *
from pykasm.hostrun import Host

ROOM = 256
"""Pages of physical memory for tables."""

LEVELS = (PageShift.TOP, PageShift.HUGE, PageShift.LARGE, PageShift.PAGE)


class Frames(Subsystem):
    """What gives pages for tables."""

    @function
    def allocate(self) -> U64:
        """Answered by the tests."""
        ret(0)


class Machine:
    """A host with physical memory for tables from 0 on."""

    def __init__(self) -> None:
        self.frames: Any = Frames()
        self.mapper = Mapper(self.frames)
        self.host = Host(self.mapper, traced=False)
        self.host.map(Area.DIRECT_MAP, ROOM * PAGE)
        self.host.checkpoint()
        self.start()

    def start(self, allowed: int = (1 << 64) - 1) -> None:
        """Begin with an empty top table, at 0."""
        self.host.reset()
        pages = iter(range(PAGE, ROOM * PAGE, PAGE))
        self.host.stub(self.frames.allocate, lambda: next(pages))
        self.host[self.mapper.allowed] = allowed

    def entry(self, table: int, index: int) -> int:
        """The entry `index` of the table at physical `table`."""
        raw = self.host.read(Area.DIRECT_MAP + table + index * 8, 8)
        return int(struct.unpack("<Q", raw)[0])

    def find(self, address: int) -> tuple[int, int] | None:
        """Physical address and flags for `address`, as the processor would find them."""
        table = 0
        for shift in LEVELS:
            entry = self.entry(table, address >> shift & ENTRIES - 1)
            if not entry & PageFlags.PRESENT:
                return None
            if shift is PageShift.PAGE or entry & PageFlags.LARGE:
                base = entry & ADDRESS_MASK
                return base | address & (1 << shift) - 1, entry & ~(
                    ADDRESS_MASK | int(PageFlags.LARGE)
                )
            table = entry & ADDRESS_MASK
        return None


@pytest.fixture(scope="module")
def machine() -> Machine:
    """One for all tests of this file."""
    return Machine()


@dataclass(frozen=True)
class Mapping:
    """What a call of `map` is asked for."""

    address: int
    target: int
    length: int
    largest: PageShift

    @property
    def arguments(self) -> tuple[int, int, int, int, int]:
        """Those of `map`, in the direct map."""
        address = Area.DIRECT_MAP + self.address
        return address, self.target, self.length, WRITE, self.largest


@st.composite
def mappings(draw: st.DrawFn) -> Mapping:
    """Up to two whole pages of some size, with up to three of 4 KiB before and after them."""
    shift = draw(st.sampled_from(LEVELS[1:]))
    address, target = (draw(st.integers(4, (1 << 46 - shift) - 3)) << shift for _ in range(2))
    before, after = (draw(st.integers(0, 3)) * PAGE for _ in range(2))
    length = before + (draw(st.integers(0, 2)) << shift) + after or PAGE
    largest = draw(st.sampled_from([one for one in LEVELS if shift - INDEX_BITS <= one <= shift]))
    return Mapping(address - before, target - before, length, largest)


@given(mappings(), st.floats(0, 1))
def test_what_is_mapped_is_found_and_nothing_around_it(
    machine: Machine, mapping: Mapping, part: float
) -> None:
    machine.start()
    machine.host.call(machine.mapper.map, *mapping.arguments)
    start, length = Area.DIRECT_MAP + mapping.address, mapping.length
    for offset in (0, int(part * (length - 1)), length - 1):
        assert machine.find(start + offset) == (mapping.target + offset, WRITE)
    assert machine.find(start - 1) is None
    assert machine.find(start + length) is None


@given(mappings())
def test_mapping_begins_with_the_largest_page_that_fits(machine: Machine, mapping: Mapping) -> None:
    fitting = [
        shift
        for shift in LEVELS[1:]
        if shift <= mapping.largest
        and (mapping.address | mapping.target) % (1 << shift) == 0
        and mapping.length >= 1 << shift
    ]
    address, target, length, _, largest = mapping.arguments
    chosen = machine.host.call(machine.mapper.page_shift, address, target, length, largest)
    assert chosen == max(fitting)


def test_two_mappings_share_their_tables(machine: Machine) -> None:
    machine.start()
    for page in (0, 1):
        address, target = Area.RUNTIME + page * PAGE, page * PAGE
        machine.host.call(machine.mapper.map, address, target, PAGE, READ, PageShift.PAGE)
    assert [machine.find(Area.RUNTIME + page * PAGE) for page in (0, 1, 2)] == [
        (0, READ),
        (PAGE, READ),
        None,
    ]
    table_levels = (PageShift.TOP - PageShift.PAGE) // INDEX_BITS
    assert not machine.entry((table_levels + 1) * PAGE, 0)


def test_a_processor_without_nx_gets_no_such_bit(machine: Machine) -> None:
    machine.start(allowed=NO_EXECUTE - 1)
    machine.host.call(machine.mapper.map, Area.RUNTIME, 0, PAGE, READ, PageShift.PAGE)
    assert machine.find(Area.RUNTIME) == (0, READ & ~NO_EXECUTE)
