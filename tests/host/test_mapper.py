"""Page tables made by the kernel, walked by Python."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.contents import CONTENTS
from kernel.cpu.pagetable import (
    ADDRESS_MASK,
    ENTRIES,
    INDEX_BITS,
    NO_EXECUTE,
    PAGE,
    PageFlags,
    PageShift,
)
from kernel.errno import Errno
from kernel.mm.early import EarlyFrames
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.mapper import Mapper
from kernel.mm.pages import Pages
from kernel.mm.pagetables import PageTables
from kernel.mm.tablewalker import TableWalker
from kernel.paging.addresses import Area
from kernel.paging.entryformat import EntryFormat
from kernel.paging.permissions import EXECUTE, READ, WRITE
from kernel.smp.tlb import Tlb
from pykasm import *
from pykasm.hostrun import Host, stand_ins
from tests.host.memory_support import frame_address

ROOM = 256
"""Pages of physical memory for tables."""

LEVELS = (PageShift.TOP, PageShift.HUGE, PageShift.LARGE, PageShift.PAGE)


class Machine:
    """A host with physical memory for tables from 0 on, of which the first is the top table."""

    def __init__(self) -> None:
        parts = Parts(CONTENTS, instead=stand_ins(EarlyFrames, Pages, Tlb))
        self.early, self.pages, self.tlb = parts[EarlyFrames], parts[Pages], parts[Tlb]
        self.entries, self.mapper = parts[EntryFormat], parts[Mapper]
        self.kernel, self.walker = parts[KernelSpace], parts[TableWalker]
        self.page_tables = parts[PageTables]
        self.host = Host(self.mapper, self.kernel, traced=False)
        self.host.map(Area.DIRECT_MAP, ROOM * PAGE)
        self.host.map(frame_address(0), PAGE * 2)
        self.host.checkpoint()
        self.start()

    def start(self, allowed: int = (1 << 64) - 1) -> None:
        """Begin with an empty top table, at 0."""
        self.host.reset()
        self.free = [number * PAGE for number in range(ROOM - 1, 0, -1)]
        self.left: int | None = None
        self.host.stub(self.early.allocate, self._take)
        self.host.stub(self.pages.allocate_zeroed, self._take)
        self.host.stub(self.pages.free_zeroed, self._give)
        self.forgotten = self.host.stub(self.tlb.invalidate)
        self.host[self.entries.allowed] = allowed
        self.host.call(self.page_tables.use_pages)

    def _give(self, page: int) -> None:
        assert not any(self.host.read(Area.DIRECT_MAP + page, PAGE))
        self.free.append(page)

    def _take(self) -> int:
        if self.left is not None:
            self.left -= 1
        if not self.free or self.left == -1:
            return 0
        page = self.free.pop()
        self.host.write(Area.DIRECT_MAP + page, bytes(PAGE))
        return page

    @property
    def tables(self) -> int:
        """How many tables are in use, beside the top one."""
        return ROOM - 1 - len(self.free)

    def call(self, function: Any, *arguments: object) -> Any:
        """Call one of the mapper's functions for the kernel's space."""
        return self.host.call(function, self.host.address(self.kernel.space), *arguments)

    def map(self, *arguments: object) -> int:
        """Map in the kernel's space."""
        return int(self.call(self.mapper.map, *arguments))

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


class Mapping:
    """What a call of `map` is asked for."""

    def __init__(self, address: int, target: int, length: int, largest: PageShift) -> None:
        self.address = address
        self.target = target
        self.length = length
        self.largest = largest

    def __repr__(self) -> str:
        return f"Mapping({self.address:#x}, {self.target:#x}, {self.length:#x}, {self.largest})"

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
    assert machine.map(*mapping.arguments) == 0
    start, length = Area.DIRECT_MAP + mapping.address, mapping.length
    for offset in (0, int(part * (length - 1)), length - 1):
        assert machine.find(start + offset) == (mapping.target + offset, WRITE)
        physical, entry = machine.call(machine.walker.translate, start + offset)
        assert physical == mapping.target + offset
        assert entry & PageFlags.PRESENT
    for outside in (start - 1, start + length):
        assert machine.find(outside) is None
        assert machine.call(machine.walker.translate, outside) == (0, 0)


@given(mappings())
def test_mapping_uses_the_largest_pages_that_fit(machine: Machine, mapping: Mapping) -> None:
    machine.start()
    machine.map(*mapping.arguments)
    sizes = []
    address = mapping.address
    while address < mapping.address + mapping.length:
        shift = next(
            shift
            for shift in LEVELS[1:]
            if shift <= mapping.largest
            and (address | (mapping.target + address - mapping.address)) % (1 << shift) == 0
            and mapping.address + mapping.length - address >= 1 << shift
        )
        sizes.append(address >> shift)
        address += 1 << shift
    assert sum(1 for _ in leaves(machine, 0, 0)) == len(sizes)


def leaves(machine: Machine, table: int, level: int) -> Iterator[int]:
    """All entries that map pages below `table`, whose level is LEVELS[level]."""
    shift = LEVELS[level]
    for index in range(ENTRIES):
        entry = machine.entry(table, index)
        if not entry & PageFlags.PRESENT:
            continue
        if shift is PageShift.PAGE or entry & PageFlags.LARGE:
            yield entry
        else:
            yield from leaves(machine, entry & ADDRESS_MASK, level + 1)


@given(mappings())
def test_unmapping_gives_all_tables_back(machine: Machine, mapping: Mapping) -> None:
    machine.start()
    machine.map(*mapping.arguments)
    assert machine.tables > 0
    start = Area.DIRECT_MAP + mapping.address
    assert machine.call(machine.mapper.unmap, start, mapping.length) == 0
    assert machine.tables == 0
    assert list(leaves(machine, 0, 0)) == []
    space = machine.host.address(machine.kernel.space)
    assert machine.forgotten.calls == [(space, start, mapping.length // PAGE)]


BASE = Area.RUNTIME + (1 << PageShift.HUGE) - (2 << PageShift.LARGE)
"""Around here changes are made: it lies before a bound of all kinds of tables."""

WINDOW = 4 << PageShift.LARGE - PageShift.PAGE
"""Pages."""


@st.composite
def ranges(draw: st.DrawFn) -> tuple[int, int]:
    """First page and number of pages in the window, often whole large pages."""
    grain = draw(st.sampled_from([1, ENTRIES]))
    start = draw(st.integers(0, WINDOW // grain - 1))
    length = draw(st.integers(1, min(WINDOW // grain - start, 700)))
    return start * grain, length * grain


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["map", "unmap", "protect"]),
        ranges(),
        st.sampled_from([READ, WRITE, EXECUTE]),
        st.sampled_from([PageShift.PAGE, PageShift.LARGE]),
    ),
    max_size=8,
)


def change(
    machine: Machine, model: dict[int, tuple[int, int]], step: str, pages: range, flags: int, a: Any
) -> tuple[int, dict[int, tuple[int, int]]]:
    """Make one change; the outcome, and what should be mapped then."""
    start, length = BASE + pages.start * PAGE, len(pages) * PAGE
    after = dict(model)
    if step == "map":
        target = (1 << PageShift.HUGE) + pages.start * PAGE
        outcome = machine.map(start, target, length, flags, a)
        if not any(page in model for page in pages):
            after.update((p, ((1 << PageShift.HUGE) + p * PAGE, flags)) for p in pages)
    elif step == "unmap":
        outcome = machine.call(machine.mapper.unmap, start, length)
        for page in pages:
            after.pop(page, None)
    else:
        outcome = machine.call(machine.mapper.protect, start, length, flags)
        after.update((page, (model[page][0], flags)) for page in pages if page in model)
    return outcome, after


def check(machine: Machine, model: dict[int, tuple[int, int]]) -> None:
    """See that the tables say what `model` does, at every page where something changes."""
    for page in range(WINDOW):
        if model.get(page - 1) is None or model.get(page) is None or page % 61 == 0:
            assert machine.find(BASE + page * PAGE) == model.get(page)


@given(CHANGES)
@settings(deadline=None)
def test_any_changes_leave_what_they_say(machine: Machine, changes: list[Any]) -> None:
    machine.start()
    model: dict[int, tuple[int, int]] = {}
    for step, (first, count), flags, largest in changes:
        pages = range(first, first + count)
        occupied = step == "map" and any(page in model for page in pages)
        outcome, model = change(machine, model, step, pages, flags, largest)
        assert outcome == (-Errno.EEXIST if occupied else 0)
        check(machine, model)
    assert machine.call(machine.mapper.unmap, BASE, WINDOW * PAGE) == 0
    assert machine.tables == 0


@given(CHANGES, st.integers(0, 3))
@settings(deadline=None)
def test_without_memory_mapping_changes_nothing(
    machine: Machine, changes: list[Any], left: int
) -> None:
    machine.start()
    model: dict[int, tuple[int, int]] = {}
    for step, (first, count), flags, largest in changes:
        tables = machine.tables
        machine.left = left
        pages = range(first, first + count)
        outcome, after = change(machine, model, step, pages, flags, largest)
        machine.left = None
        if outcome == 0:
            model = after
        elif step == "map":
            assert outcome in (-Errno.ENOMEM, -Errno.EEXIST)
            assert machine.tables == tables
        else:
            assert outcome == -Errno.ENOMEM
            _, model = change(machine, model, step, pages, flags, largest)
        check(machine, model)
    machine.call(machine.mapper.unmap, BASE, WINDOW * PAGE)
    assert machine.tables == 0


def test_tables_of_a_failed_mapping_are_forgotten_before_they_are_freed(machine: Machine) -> None:
    machine.start()
    order: list[str] = []
    machine.host.stub(
        machine.tlb.invalidate, lambda space, address, pages: order.append(f"{pages} pages")
    )
    machine.host.stub(machine.pages.free_zeroed, lambda page: order.append("free"))
    machine.left = 2
    assert machine.map(Area.RUNTIME, 0, PAGE, READ, PageShift.PAGE) == -Errno.ENOMEM
    assert order[-3:] == ["1 pages", "free", "free"]


def test_what_is_mapped_where_a_table_is_just_going_is_found_by_all(machine: Machine) -> None:
    machine.start()
    asked: list[tuple[int, int]] = []

    def invalidate(space: int, address: int, pages: int) -> None:
        asked.append((int(address), int(pages)))
        if len(asked) == 1:  # another thread
            assert machine.map(Area.RUNTIME + PAGE, 0, 2 * PAGE, READ, PageShift.PAGE) == 0

    machine.host.stub(machine.tlb.invalidate, invalidate)
    machine.map(Area.RUNTIME, 0, PAGE, READ, PageShift.PAGE)
    machine.call(machine.mapper.unmap, Area.RUNTIME, PAGE)
    assert asked == [(Area.RUNTIME, 1), (Area.RUNTIME + PAGE, 2)]
    machine.map(Area.RUNTIME, 0, PAGE, READ, PageShift.PAGE)
    assert len(asked) == 2


def test_two_mappings_share_their_tables(machine: Machine) -> None:
    machine.start()
    for page in (0, 1):
        machine.map(Area.RUNTIME + page * PAGE, page * PAGE, PAGE, READ, PageShift.PAGE)
    assert [machine.find(Area.RUNTIME + page * PAGE) for page in (0, 1, 2)] == [
        (0, READ),
        (PAGE, READ),
        None,
    ]
    assert machine.tables == len(LEVELS) - 1
    machine.call(machine.mapper.unmap, Area.RUNTIME, PAGE)
    assert machine.tables == len(LEVELS) - 1


def test_reserved_tables_stay(machine: Machine) -> None:
    machine.start()
    machine.host[machine.page_tables.counts_pages] = 0
    end = Area.RUNTIME + (2 << PageShift.HUGE)
    machine.host.call(machine.kernel.preallocate, Area.RUNTIME, end, 1)
    assert machine.tables == 3  # one that leads to both, and one for each GiB
    machine.host.call(machine.page_tables.use_pages)
    machine.map(Area.RUNTIME, 0, PAGE, READ, PageShift.PAGE)
    machine.call(machine.mapper.unmap, Area.RUNTIME, PAGE)
    assert machine.tables == 3


def test_a_processor_without_nx_gets_no_such_bit(machine: Machine) -> None:
    machine.start(allowed=NO_EXECUTE - 1)
    machine.map(Area.RUNTIME, 0, PAGE, READ, PageShift.PAGE)
    assert machine.find(Area.RUNTIME) == (0, READ & ~NO_EXECUTE)


def test_tables_of_user_pages_let_programs_through(machine: Machine) -> None:
    machine.start()
    machine.map(0x40_0000, 0, PAGE, WRITE | PageFlags.USER, PageShift.PAGE)
    table = 0
    for shift in LEVELS[:-1]:
        entry = machine.entry(table, 0x40_0000 >> shift & ENTRIES - 1)
        assert entry & PageFlags.USER
        table = entry & ADDRESS_MASK


def test_no_space_lacks_what_the_kernel_maps_later(machine: Machine) -> None:
    machine.start()
    there = Area.DIRECT_MAP
    assert machine.map(there, 0, PAGE, WRITE, PageShift.PAGE) == 0
    machine.host.call(machine.page_tables.fix_kernel_half)
    tables = machine.tables
    elsewhere = there + (1 << PageShift.TOP)
    assert machine.map(elsewhere, 0, PAGE, WRITE, PageShift.PAGE) == -Errno.ENOMEM
    assert (machine.find(elsewhere), machine.tables) == (None, tables)
    assert machine.map(there + PAGE, 0, PAGE, WRITE, PageShift.PAGE) == 0
    assert machine.map(1 << PageShift.TOP, 0, PAGE, WRITE, PageShift.PAGE) == 0
