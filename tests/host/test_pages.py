"""The page allocator, against Python's idea of what is free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.boot.memorykind import MemoryKind
from kernel.cpu.pagetable import PAGE
from kernel.mm.early import LOWEST
from kernel.mm.pagemagazines import BATCH, CACHE_SIZE
from kernel.mm.zone import LOW_END, MAX_ORDER, RECORD_PAGES, SECTION, TABLE_REACH_SHIFT
from pykasm.hostrun import HostAssertion, HostFault
from tests.host.memory_support import IMAGE, MemoryMachine

GIB = 1 << 30
MIB = 1 << 20


@dataclass
class Memory:
    """A machine's memory: regions `(start, end, kind)` and modules `(start, end)` in bytes."""

    regions: list[tuple[int, int, MemoryKind]]
    modules: list[tuple[int, int]] = field(default_factory=list)

    def free_ranges(self) -> list[tuple[int, int]]:
        """Free memory from `LOWEST` on, by cutting out what is not."""
        free = [
            (max(-(-s // PAGE) * PAGE, LOWEST), e // PAGE * PAGE)
            for s, e, kind in self.regions
            if kind is MemoryKind.AVAILABLE
        ]
        taken = [(s, e) for s, e, kind in self.regions if kind is not MemoryKind.AVAILABLE]
        for start, end in (*taken, *self.modules, IMAGE):
            if start == end:  # nothing, though it may lie within a page
                continue
            start, end = start // PAGE * PAGE, -(-end // PAGE) * PAGE
            free = [part for s, e in free for part in ((s, min(e, start)), (max(s, end), e))]
        return _union(part for part in free if part[0] < part[1])

    def sections(self) -> dict[int, list[tuple[int, int]]]:
        """What each section can give, by its address: without those that have no room for their
        records, and without the records."""
        found: dict[int, list[tuple[int, int]]] = {}
        for start, end in self.free_ranges():
            while start < end:
                section = start // SECTION * SECTION
                stop = min(end, section + SECTION)
                found.setdefault(section, []).append((start, stop))
                start = stop
        mapped: set[int] = set()
        result = {}
        for section, parts in found.items():
            needed = RECORD_PAGES + (section >> TABLE_REACH_SHIFT not in mapped)
            left = _without_records(parts, needed)
            if left is not None:
                mapped.add(section >> TABLE_REACH_SHIFT)
                result[section] = left
        return result

    def free_pages(self) -> int:
        """How many pages the allocator has at first."""
        return sum((e - s) // PAGE for parts in self.sections().values() for s, e in parts)


def _union(parts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    result: list[tuple[int, int]] = []
    for start, end in sorted(parts):
        if result and start <= result[-1][1]:
            start, end = result[-1][0], max(end, result.pop()[1])
        result.append((start, end))
    return result


def _without_records(parts: list[tuple[int, int]], needed: int) -> list[tuple[int, int]] | None:
    """What of a section is left beside its records, which take `needed` pages of the first part
    that has room for them and for a page table; None if there is none."""
    for number, (start, end) in enumerate(parts):
        if end - start > RECORD_PAGES * PAGE:
            rest = [(start + needed * PAGE, end)]
            return [*parts[:number], *(p for p in rest if p[0] < p[1]), *parts[number + 1 :]]
    return None


SMALL = Memory([(0, 64 * MIB, MemoryKind.AVAILABLE)])
PC_1_GIB = Memory(
    [
        (0, 0x9FC00, MemoryKind.AVAILABLE),
        (0x9FC00, 0xA0000, MemoryKind.RESERVED),
        (0x100000, 0x3FFE0000, MemoryKind.AVAILABLE),
        (0x3FFE0000, 0x40000000, MemoryKind.RESERVED),
    ]
)

PC_6_GIB = Memory(
    [
        (0, 0x9FC00, MemoryKind.AVAILABLE),
        (0x9FC00, 0xA0000, MemoryKind.RESERVED),
        (0xF0000, 0x100000, MemoryKind.RESERVED),
        (0x100000, 0xBFFE0000, MemoryKind.AVAILABLE),
        (0xBFFE0000, 0xC0000000, MemoryKind.RESERVED),
        (0xFFFC0000, 0x100000000, MemoryKind.RESERVED),
        (0x100000000, 0x1C0000000, MemoryKind.AVAILABLE),
    ]
)


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    """Up to six stretches of memory below 12 GiB, with holes, reserved parts and modules."""
    bounds = draw(st.lists(st.integers(0, 3 * GIB // PAGE), min_size=2, max_size=12, unique=True))
    bounds = sorted(one * 4 * PAGE for one in bounds)
    regions = [
        (start, end, draw(st.sampled_from(MemoryKind)))
        for start, end in zip(bounds[::2], bounds[1::2], strict=False)
    ]
    regions.append((0, draw(st.integers(4, 64)) * MIB, MemoryKind.AVAILABLE))
    modules = draw(
        st.lists(
            st.tuples(st.integers(0, 64 * MIB), st.integers(0, 16 * MIB)).map(
                lambda pair: (pair[0], pair[0] + pair[1])
            ),
            max_size=3,
        )
    )
    return Memory(sorted(regions), modules)


@pytest.fixture(scope="module")
def machine() -> MemoryMachine:
    """One for all tests of this file."""
    return MemoryMachine()


def take_all(machine: MemoryMachine, orders: Any) -> list[tuple[int, int]]:
    """Blocks of each order in turn, until there is none left: address and order."""
    taken = []
    for order in orders:
        while block := machine.host.call(machine.pages.allocate, order):
            taken.append((block, order))
    return taken


def joined(parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same memory in the longest stretches; an error if any lies in two."""
    ordered = sorted(parts)
    assert all(before[1] <= after[0] for before, after in pairwise(ordered))
    return _union(ordered)


@given(memories())
@settings(max_examples=40, deadline=None)
def test_all_free_memory_is_handed_out_once_and_comes_back(
    machine: MemoryMachine, memory: Memory
) -> None:
    machine.start(memory.regions, memory.modules)
    pages, host = machine.pages, machine.host
    assert host.call(pages.free_count) == memory.free_pages()
    orders = [*range(MAX_ORDER, 1, -1), 1, 0]
    first = take_all(machine, orders)
    parts = joined([(block, block + (PAGE << order)) for block, order in first])
    assert parts == joined([part for parts in memory.sections().values() for part in parts])
    assert all(block % (PAGE << order) == 0 for block, order in first)
    assert host.call(pages.free_count) == 0
    for block, order in first:
        host.call(pages.free, block, order)
    assert host.call(pages.free_count) == memory.free_pages()
    host.call(machine.caches.drain_all)
    again = take_all(machine, orders)
    assert Counter(order for _, order in again) == Counter(order for _, order in first)


@pytest.mark.parametrize("memory", [SMALL, PC_6_GIB], ids=["64 MiB", "6 GiB"])
def test_a_start_touches_no_section(machine: MemoryMachine, memory: Memory) -> None:
    machine.start(memory.regions)
    assert machine.tables == {}
    assert machine.host.call(machine.pages.free_count) == memory.free_pages()


def test_memory_above_4_gib_goes_first_and_low_memory_can_be_asked_for(
    machine: MemoryMachine,
) -> None:
    machine.start(PC_6_GIB.regions)
    assert machine.host.call(machine.pages.allocate, 3) >= LOW_END
    assert machine.host.call(machine.pages.allocate_page) >= LOW_END
    assert 0 < machine.host.call(machine.pages.allocate_low, 3) < LOW_END


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(0, MAX_ORDER)),
        st.tuples(st.just("low"), st.integers(0, 3)),
        st.tuples(st.just("give"), st.integers(0, 1000)),
        st.tuples(st.just("give zeroed"), st.integers(0, 1000)),
    ),
    max_size=200,
)


@given(STEPS)
@settings(deadline=None)
def test_any_order_of_taking_and_giving_adds_up(machine: MemoryMachine, steps: list[Any]) -> None:
    machine.start(SMALL.regions)
    pages, host = machine.pages, machine.host
    held: list[tuple[int, int]] = []
    for step, number in steps:
        if not step.startswith("give"):
            call = pages.allocate if step == "take" else pages.allocate_low
            block = host.call(call, number)
            if block:
                held.append((block, number))
        elif held:
            block, order = held.pop(number % len(held))
            if order == 0 and step == "give zeroed":
                host.call(pages.free_zeroed, block)
            else:
                host.call(pages.free, block, order)
    joined([(block, block + (PAGE << order)) for block, order in held])
    pages_held = sum(1 << order for _, order in held)
    assert host.call(pages.free_count) == SMALL.free_pages() - pages_held
    for block, order in held:
        host.call(pages.free, block, order)
    assert host.call(pages.free_count) == SMALL.free_pages()


def test_memory_of_the_start_can_be_given_back(machine: MemoryMachine) -> None:
    machine.start(SMALL.regions)
    start, end = IMAGE[0] + PAGE, IMAGE[1]
    machine.host.call(machine.zones.free_reserved, start, end)
    wanted = SMALL.free_pages() + (end - start) // PAGE
    assert machine.host.call(machine.pages.free_count) == wanted
    taken = {block for block, _ in take_all(machine, [0])}
    assert set(range(start, end, PAGE)) <= taken
    assert len(taken) == wanted


def test_memory_of_a_section_without_records_can_not_be_given_back(machine: MemoryMachine) -> None:
    only_low = Memory([(0, IMAGE[1] + RECORD_PAGES * PAGE, MemoryKind.AVAILABLE)])
    machine.start(only_low.regions)
    machine.host.call(machine.zones.free_reserved, *IMAGE)
    assert machine.host.call(machine.pages.free_count) == 0
    assert machine.tables == {}


@pytest.mark.parametrize("memory", [SMALL, PC_1_GIB], ids=["64 MiB", "1 GiB"])
def test_what_is_unused_becomes_records_only_with_what_is_used(
    machine: MemoryMachine, memory: Memory
) -> None:
    machine.start(memory.regions)
    pages, host = machine.pages, machine.host
    unused = host.call(pages.unused_count)
    assert unused * PAGE == sum(end - start for start, end in memory.free_ranges())
    host.call(pages.allocate_page)
    assert len(machine.tables) == 1
    assert host.call(pages.free_count) == memory.free_pages() - 1
    assert host.call(pages.unused_count) == unused - RECORD_PAGES - 2  # a page table, and the page
    take_all(machine, [0])
    assert host.call(pages.unused_count) == 0
    assert len(machine.tables) == len(memory.sections())


def test_a_page_is_freed_and_taken_again_without_a_zone(machine: MemoryMachine) -> None:
    machine.start(SMALL.regions)
    first = machine.host.call(machine.pages.allocate_page)
    taken = machine.host.stub(machine.caches._refill)
    given = machine.host.stub(machine.caches._drain)
    for _ in range(BATCH):
        machine.host.call(machine.pages.free_page, first)
        assert machine.host.call(machine.pages.allocate_page) == first
    assert taken.calls == given.calls == []


def test_a_full_cache_keeps_what_was_freed_last(machine: MemoryMachine) -> None:
    machine.start(SMALL.regions)
    pages = [machine.host.call(machine.pages.allocate_page) for _ in range(2 * CACHE_SIZE)]
    for page in pages:
        machine.host.call(machine.pages.free_page, page)
    assert machine.host[machine.caches.cache.count] <= CACHE_SIZE
    assert machine.host.call(machine.pages.allocate_page) == pages[-1]


def test_a_page_that_is_full_of_zeros_is_not_cleared_again(machine: MemoryMachine) -> None:
    machine.start(SMALL.regions)
    page = machine.host.call(machine.pages.allocate_page)
    machine.host.call(machine.pages.free_zeroed, page)
    # There is no memory here that could be cleared
    assert machine.host.call(machine.pages.allocate_zeroed) == page
    with pytest.raises(HostFault):
        machine.host.call(machine.pages.allocate_zeroed)


def test_of_pages_full_of_zeros_no_more_are_kept_than_of_others(machine: MemoryMachine) -> None:
    machine.start(SMALL.regions)
    pages = [machine.host.call(machine.pages.allocate_page) for _ in range(2 * CACHE_SIZE)]
    for page in pages:
        machine.host.call(machine.pages.free_zeroed, page)
    assert machine.host[machine.caches.zeroed.count] == CACHE_SIZE
    assert machine.host.call(machine.pages.free_count) == SMALL.free_pages()


def test_the_last_page_may_be_one_that_is_full_of_zeros(machine: MemoryMachine) -> None:
    machine.start(SMALL.regions)
    page, _ = take_all(machine, [0])[0]
    machine.host.call(machine.pages.free_zeroed, page)
    assert machine.host.call(machine.pages.allocate_page) == page
    assert machine.host.call(machine.pages.allocate_page) == 0


@pytest.mark.parametrize("way", ["free_page", "free_zeroed"])
def test_pages_in_the_cache_are_joined_when_a_block_is_wanted(
    machine: MemoryMachine, way: str
) -> None:
    machine.start(SMALL.regions)
    pages, host = machine.pages, machine.host
    taken = {page for page, _ in take_all(machine, [0])}
    first = next(page for page in taken if page % (2 * PAGE) == 0 and page + PAGE in taken)
    assert host.call(pages.allocate_low, 1) == 0
    for page in (first, first + PAGE):
        host.call(getattr(pages, way), page)
    assert host.call(pages.allocate_low, 1) == first


def test_starting_costs_little_more_with_a_tebibyte() -> None:
    machine = MemoryMachine(traced=True)
    costs = []
    for size in (GIB, 1024 * GIB):
        machine.start([(0, size, MemoryKind.AVAILABLE)])
        costs.append(machine.host.instructions)
    assert costs[1] - costs[0] < 1000  # whole sections are counted at once
    assert machine.host.call(machine.pages.allocate_page) >= LOW_END


def test_taking_and_giving_a_page_takes_few_instructions() -> None:
    machine = MemoryMachine(traced=True)
    machine.start(SMALL.regions)
    page = machine.host.call(machine.pages.allocate_page)
    machine.host.call(machine.pages.free_page, page)
    giving = machine.host.instructions
    machine.host.call(machine.pages.allocate_page)
    assert giving + machine.host.instructions <= 60


def test_an_empty_machine_says_so(machine: MemoryMachine) -> None:
    machine.start([])
    assert machine.host.call(machine.pages.allocate_page) == 0
    assert machine.host.call(machine.pages.allocate, MAX_ORDER) == 0
    assert machine.host.call(machine.pages.allocate_low, 0) == 0
    assert machine.host.call(machine.pages.free_count) == 0


def test_freeing_what_nobody_has_is_noticed(machine: MemoryMachine) -> None:
    machine.start(SMALL.regions)
    pages, host = machine.pages, machine.host
    page, block = host.call(pages.allocate_page), host.call(pages.allocate, 3)
    host.call(pages.free_page, page)
    host.call(pages.free, block, 3)
    for function, arguments in (
        (pages.free_page, (page,)),  # twice
        (pages.free, (block, 3)),
        (pages.free_page, (block,)),
        (pages.free_page, (block + PAGE,)),  # never handed out as a page
    ):
        with pytest.raises(HostAssertion):
            host.call(function, *arguments)


def test_freeing_a_block_as_one_of_another_size_is_noticed(machine: MemoryMachine) -> None:
    machine.start(SMALL.regions)
    block = machine.host.call(machine.pages.allocate, 3)
    with pytest.raises(HostAssertion):
        machine.host.call(machine.pages.free, block, 2)
