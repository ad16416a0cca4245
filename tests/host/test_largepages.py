"""Large pages of programs, against dictionaries of what each page contains."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.cpu.pagetable import ADDRESS_MASK, ENTRIES, PAGE, PageFlags, PageShift
from kernel.errno import Errno
from kernel.mm.frames import Frame
from kernel.paging.addresses import Area
from kernel.vm.addressspace import AddressSpace
from kernel.vm.region import RegionFlags
from kernel.vm.regionview import RegionView
from kernel.vm.rights import Rights
from tests.host.memory_support import frame_address
from tests.host.test_addressspaces import ALL_BITS, LEVELS, READ_WRITE, Machine

LARGE = 1 << PageShift.LARGE
BLOCKS = 6
"""Large pages of physical memory, beside small ones."""

ROOM = (BLOCKS + 6) * ENTRIES
BASE = 7 << PageShift.LARGE
WINDOW = 2 * ENTRIES
"""Pages in which things happen."""


class LargeMachine(Machine):
    """A machine that has blocks of 2 MiB, too."""

    def __init__(self) -> None:
        super().__init__(ROOM)

    def start(self) -> None:
        super().start()
        large = self.paging.user_pages.large
        self.blocks = [number * LARGE for number in range(6, 6 + BLOCKS)]
        self.free = [page for page in self.free if page < self.blocks[0]]
        self.total = self.count()
        self.host.stub(self.pages.allocate_at_hand, self._take_block)
        self.host.stub(self.pages.free, self._give_block)
        self.host.stub(self.pages.free_count, self.count)
        self.host.stub(large._clear, self._clear)

    def count(self) -> int:
        """How many small pages are free."""
        return len(self.free) + ENTRIES * len(self.blocks)

    def _take_block(self, order: int) -> int:
        assert order == PageShift.LARGE - PageShift.PAGE
        return self.blocks.pop() if self._allowed() and self.blocks else 0

    def _give_block(self, block: int, order: int) -> None:
        assert order == PageShift.LARGE - PageShift.PAGE
        assert block % LARGE == 0
        assert block not in self.blocks
        self.blocks.append(block)

    def _clear(self, block: int) -> None:
        self.host.write(Area.DIRECT_MAP + block, bytes(LARGE))

    def leaf(self, space: int, address: int) -> tuple[int, int]:
        """The entry of any size that has the page at `address`, and the page's physical address."""
        entry = int(self.host.at(AddressSpace, space).root) | int(PageFlags.PRESENT)
        for shift in LEVELS:
            entry = self.word((entry & ADDRESS_MASK) + (address >> shift & ENTRIES - 1) * 8)
            if shift == PageShift.LARGE and entry & PageFlags.LARGE:
                return entry, (entry & ADDRESS_MASK) + (address & LARGE - PAGE)
            if not entry & PageFlags.PRESENT:
                break
        return entry, entry & ADDRESS_MASK


@pytest.fixture(scope="module")
def machine() -> LargeMachine:
    return LargeMachine()


class Pair:
    """Spaces, with what their pages contain and allow."""

    def __init__(self, machine: LargeMachine) -> None:
        self.machine = machine
        self.all: list[tuple[int, dict[int, int], dict[int, int]]] = []
        self.written = 0

    def begin(self) -> None:
        """Map the window in a new space."""
        space = self.machine.create()
        assert (
            self.machine.call(self.machine.spaces.map, space, BASE, WINDOW * PAGE, READ_WRITE) == 0
        )
        self.all.append((space, {}, dict.fromkeys(range(WINDOW), int(READ_WRITE))))

    def step(self, kind: str, which: int, pages: range, rights: int, left: int) -> None:
        """Make a change, with memory for `left` allocations."""
        self.machine.left = left
        space, words, allowed = self.all[which % len(self.all)]
        getattr(self, kind)(space, words, allowed, pages, rights)
        self.machine.left = ALL_BITS

    def write(
        self, space: int, words: dict[int, int], allowed: dict[int, int], pages: range, rights: int
    ) -> None:
        for page in (pages[0], pages[-1]):
            address = BASE + page * PAGE
            outcome = self.machine.call(
                self.machine.paging.resolve_fault, space, address, Rights.WRITE
            )
            if not allowed.get(page, 0) & Rights.WRITE:
                assert outcome == -Errno.EFAULT
            elif outcome == 0:
                self.written += 1
                entry, place = self.machine.leaf(space, address)
                assert entry & PageFlags.WRITE
                self.machine.host.write(Area.DIRECT_MAP + place, struct.pack("<Q", self.written))
                words[page] = self.written
            else:
                assert outcome == -Errno.ENOMEM

    def unmap(
        self, space: int, words: dict[int, int], allowed: dict[int, int], pages: range, rights: int
    ) -> None:
        outcome = self._change(self.machine.spaces.unmap, space, pages)
        assert outcome in (0, -Errno.ENOMEM)
        for page in pages if outcome == 0 else ():
            allowed.pop(page, None)
            words.pop(page, None)

    def give_back(
        self, space: int, words: dict[int, int], allowed: dict[int, int], pages: range, rights: int
    ) -> None:
        start = BASE + pages[0] * PAGE
        self.machine.call(self.machine.spaces.ranges.unmap, space, start, start + len(pages) * PAGE)
        for page in pages:
            words.pop(page, None)

    def protect(
        self, space: int, words: dict[int, int], allowed: dict[int, int], pages: range, rights: int
    ) -> None:
        if self._change(self.machine.spaces.protect, space, pages, rights) == 0:
            allowed.update(dict.fromkeys(pages, rights))

    def clone(
        self, space: int, words: dict[int, int], allowed: dict[int, int], pages: range, rights: int
    ) -> None:
        made = self.machine.occupied(self.machine.call(self.machine.spaces.copy, space))
        if made:
            self.all.append((made, dict(words), dict(allowed)))

    def end(
        self, space: int, words: dict[int, int], allowed: dict[int, int], pages: range, rights: int
    ) -> None:
        if len(self.all) > 1:
            self.machine.destroy(space)
            self.all.remove((space, words, allowed))

    def _change(self, function: Any, space: int, pages: range, *more: int) -> int:
        start = BASE + pages[0] * PAGE
        return int(self.machine.call(function, space, start, len(pages) * PAGE, *more))

    def check(self) -> None:
        """See that all contents are there, and that nothing is allowed that is not."""
        for space, words, allowed in self.all:
            resident = 0
            for page in range(WINDOW):
                entry, place = self.machine.leaf(space, BASE + page * PAGE)
                resident += entry != 0
                assert not entry or page in allowed
                assert not entry & PageFlags.WRITE or allowed[page] & Rights.WRITE
                assert not entry & PageFlags.PRESENT or allowed[page]
                assert entry or page not in words
                if entry:
                    assert self.machine.word(place) == words.get(page, 0)
            assert self.machine.host.at(AddressSpace, space).resident == resident


EDGES = [0, 1, 7, ENTRIES - 1, ENTRIES, ENTRIES + 1, ENTRIES + 9, WINDOW - 1, WINDOW]
RANGES = st.lists(st.sampled_from(EDGES), min_size=2, max_size=2, unique=True).map(
    lambda ends: range(min(ends), max(ends))
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "unmap", "give_back", "protect", "clone", "end"]),
        st.integers(0, 3),
        RANGES,
        st.sampled_from([int(READ_WRITE), int(Rights.READ), 0]),
        st.sampled_from([ALL_BITS, ALL_BITS, 0, 1, 2, 3]),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_large_pages_contain_what_was_written(machine: LargeMachine, steps: list[Any]) -> None:
    machine.start()
    pair = Pair(machine)
    pair.begin()
    for step in steps:
        pair.step(*step)
        pair.check()
    for space, _, _ in pair.all:
        machine.destroy(space)
    assert machine.count() == machine.total


def test_they_are_where_they_fit_and_memory_is_left(machine: LargeMachine) -> None:
    machine.start()
    pair = Pair(machine)
    pair.begin()
    ((space, _, _),) = pair.all
    resolve = machine.paging.resolve_fault
    assert machine.call(resolve, space, BASE + 5 * PAGE, Rights.READ) == 0
    assert machine.leaf(space, BASE)[0] & PageFlags.LARGE
    assert machine.host.at(AddressSpace, space).resident == ENTRIES
    # None where more than three quarters are taken already, unless it is asked for
    most = machine.paging.user_pages.large.overcommit.most_pages
    machine.host[most] = machine.count() * 5
    assert machine.call(resolve, space, BASE + LARGE, Rights.READ) == 0
    assert not machine.leaf(space, BASE + LARGE)[0] & PageFlags.LARGE
    machine.call(machine.spaces.ranges.unmap, space, BASE + LARGE, BASE + 2 * LARGE)
    flags = int(RegionFlags.LARGE_PAGES), 0
    changed = machine.call(
        machine.spaces.mapped.change_flags, space, BASE + LARGE, BASE + 2 * LARGE, *flags
    )
    assert changed == 0
    assert machine.call(resolve, space, BASE + LARGE, Rights.READ) == 0
    assert machine.leaf(space, BASE + LARGE)[0] & PageFlags.LARGE
    machine.host[most] = 0
    machine.destroy(space)
    assert machine.count() == machine.total


def test_none_reaches_over_the_end_of_what_is_mapped(machine: LargeMachine) -> None:
    machine.start()
    space = machine.create()
    assert (
        machine.call(machine.spaces.map, space, BASE + PAGE, 2 * LARGE - 2 * PAGE, READ_WRITE) == 0
    )
    for address in (BASE + PAGE, BASE + LARGE):
        assert machine.call(machine.paging.resolve_fault, space, address, Rights.WRITE) == 0
        assert not machine.leaf(space, address)[0] & PageFlags.LARGE
    assert machine.host.at(AddressSpace, space).resident == 2
    machine.destroy(space)
    assert machine.count() == machine.total


def test_split_pages_are_freed_one_by_one(machine: LargeMachine) -> None:
    machine.start()
    pair = Pair(machine)
    pair.begin()
    ((space, _, _),) = pair.all
    assert machine.call(machine.paging.resolve_fault, space, BASE, Rights.READ) == 0
    block = machine.leaf(space, BASE)[1]
    machine.call(machine.spaces.ranges.unmap, space, BASE, BASE + PAGE)
    assert block in machine.free
    record = machine.host.at(Frame, frame_address(block + 3 * PAGE))
    assert (record.order, record.uses.references.count) == (0, 1)
    machine.destroy(space)
    assert machine.count() == machine.total


class Rival:
    """Another thread that faults on the page after that at `BASE`: the table for it is there when
    the entry above is accessed for the `nth` time."""

    def __init__(self, machine: LargeMachine, space: int, nth: int) -> None:
        self.machine = machine
        self.nth = nth
        assert machine.call(machine.paging.resolve_fault, space, BASE + PAGE, Rights.WRITE) == 0
        self.slot = self._slot(space)
        self.table = machine.word(self.slot)
        assert not self.table & PageFlags.LARGE
        self.page = machine.leaf(space, BASE + PAGE)[1]
        self.machine.host.write(Area.DIRECT_MAP + self.slot, bytes(8))
        self.machine.host.on_access(Area.DIRECT_MAP + self.slot, self.act)

    def _slot(self, space: int) -> int:
        """Where the entry for the large page at `BASE` is."""
        entry = int(self.machine.host.at(AddressSpace, space).root)
        for shift in LEVELS:
            place = (entry & ADDRESS_MASK) + (BASE >> shift & ENTRIES - 1) * 8
            if shift == PageShift.LARGE:
                break
            entry = self.machine.word(place)
        return place

    def act(self) -> None:
        self.nth -= 1
        if self.nth == 0:
            self.machine.host.write(Area.DIRECT_MAP + self.slot, struct.pack("<Q", self.table))

    def end(self) -> None:
        """Have the table there in any case."""
        if self.nth > 0:
            self.nth = 1
            self.act()


@pytest.mark.parametrize("nth", range(1, 7))
@pytest.mark.parametrize("what", ["fault", "find", "clear", "unmap", "count"])
def test_a_page_fault_meanwhile_is_no_large_page(
    machine: LargeMachine, what: str, nth: int
) -> None:
    machine.start()
    machine.blocks.clear()  # so that the other's page is a small one
    total = machine.count()
    space = machine.create()
    assert machine.call(machine.spaces.map, space, BASE, WINDOW * PAGE, READ_WRITE) == 0
    rival = Rival(machine, space, nth)
    paging, ranges = machine.paging, machine.spaces.ranges
    if what == "fault":
        assert machine.call(paging.resolve_fault, space, BASE, Rights.WRITE) == 0
        assert machine.leaf(space, BASE)[0] & PageFlags.WRITE
    elif what == "find":
        found = machine.call(machine.paging.user_pages.find, space, BASE + PAGE)
        assert found in (0, machine.leaf(space, BASE + PAGE)[0])
    elif what == "count":
        view = machine.host.new(RegionView, start=BASE, end=BASE + WINDOW * PAGE)
        machine.call(ranges.count, space, view)
        assert int(view.resident) in (0, 1)
        assert int(view.large) == 0
    else:
        machine.call(getattr(ranges, what), space, BASE, BASE + WINDOW * PAGE)
    rival.end()
    if what in ("fault", "find", "count"):
        assert machine.leaf(space, BASE + PAGE)[1] == rival.page
    machine.destroy(space)
    assert machine.count() == total
