"""Address spaces of programs, against dictionaries of pages."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from itertools import count, groupby, takewhile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.cpu.pagetable import ADDRESS_MASK, ENTRIES, PAGE, PageFlags, PageShift
from kernel.errno import Errno
from kernel.mm.early import EarlyFrames
from kernel.mm.frames import Frame
from kernel.mm.pages import Pages
from kernel.mm.pagetables import PageTables
from kernel.mm.slabs import Slabs
from kernel.paging.addresses import USER_END, USER_START, Area
from kernel.paging.entryformat import EntryFormat
from kernel.smp.tlb import Tlb
from kernel.structures.tree import TreeNode
from kernel.sync.rwlock import ReadWriteLocks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.backing import Backing, BackingOperations
from kernel.vm.demandpaging import DemandPaging
from kernel.vm.gaps import STACK_GUARD_GAP
from kernel.vm.heaps import Heaps
from kernel.vm.region import Region, RegionFlags
from kernel.vm.regions import MOST_REGIONS, Regions
from kernel.vm.remapping import RemapFlag, Remapping, RemapRequest
from kernel.vm.rights import ALL_RIGHTS, Rights, entry_flags
from pykasm import *
from pykasm.hostrun import Host
from tests.host.memory_support import frame_address
from tests.host.threads_support import Kernel

ROOM = 256
"""Pages of physical memory; the first is the kernel's top table."""

RECORDS = 0xFFFF_9000_0000_0000
RECORD_SIZE = 256
"""Where regions and spaces are, and how far they lie apart."""

WINDOW = 12
"""Pages in which things happen."""

BASE = (1 << PageShift.TOP) - WINDOW // 2 * PAGE
"""They lie around a bound of all kinds of tables."""

FAR = 5 << PageShift.TOP
"""Somewhere else."""

LEVELS = (PageShift.TOP, PageShift.HUGE, PageShift.LARGE, PageShift.PAGE)
ALL_BITS = (1 << 64) - 1


class Machine:
    """A host with memory for spaces, and a processor that remembers every entry it ever used until
    it is told to forget it."""

    def __init__(self, room: int = ROOM) -> None:
        self.room = room
        parts = Kernel(EarlyFrames, Pages, Tlb, ReadWriteLocks).parts
        self.early, self.pages, self.objects, self.tlb = (
            parts[EarlyFrames],
            parts[Pages],
            parts[Slabs],
            parts[Tlb],
        )
        self.regions, self.spaces = parts[Regions], parts[AddressSpaces]
        self.paging, self.heaps = parts[DemandPaging], parts[Heaps]
        self.remapping = parts[Remapping]
        self.host = Host(self.spaces, self.paging, self.heaps, self.remapping, traced=False)
        self.host.map(Area.DIRECT_MAP, room * PAGE)
        self.host.map(frame_address(0), room * sizeof(Frame))
        self.host.map(RECORDS, ROOM * RECORD_SIZE)
        self.host[parts[EntryFormat].allowed] = ALL_BITS
        self.host.call(parts[PageTables].use_pages)
        self.host.checkpoint()
        self.start()

    def start(self) -> None:
        """Begin without any space."""
        self.host.reset()
        self.free = list(range(PAGE, self.room * PAGE, PAGE))
        self.records = list(range(RECORDS, RECORDS + ROOM * RECORD_SIZE, RECORD_SIZE))
        self.left = ALL_BITS
        self.known: dict[tuple[int, int], int] = {}
        for function in (self.early.allocate, self.pages.allocate_page, self.pages.allocate_zeroed):
            self.host.stub(function, self._take)
        self.host.stub(self.pages.free_page, self._give)
        self.host.stub(self.pages.free_zeroed, self._give_zeroed)
        self.host.stub(self.objects.allocate, lambda cache: self._allowed() and self.records.pop())
        self.host.stub(self.objects.free, lambda cache, record: self.records.append(record))
        self.host.stub(self.tlb.invalidate, self._forget)

    def _allowed(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def _take(self) -> int:
        if not self._allowed():
            return 0
        page = self.free.pop()
        self.host.write(Area.DIRECT_MAP + page, bytes(PAGE))
        return page

    def _give(self, page: int) -> None:
        assert page not in self.free
        assert page not in {entry & ADDRESS_MASK for entry in self.known.values()}
        self.free.append(page)

    def _give_zeroed(self, page: int) -> None:
        assert not any(self.host.read(Area.DIRECT_MAP + page, PAGE))
        self._give(page)

    def _forget(self, space: int, address: int, pages: int) -> None:
        for known in list(self.known):
            if known[0] == int(space) and address <= known[1] < address + pages * PAGE:
                del self.known[known]

    def call(self, function: Any, *arguments: object) -> Any:
        """Call a function of `spaces`."""
        return self.host.call(function, *arguments)

    def create(self) -> int:
        """A space that a thread is in, or 0."""
        return self.occupied(self.call(self.spaces.create))

    def occupied(self, space: Any) -> int:
        """Put a thread into `space`."""
        if int(space):
            self.host.at(AddressSpace, space).threads = 1
        return int(space)

    def destroy(self, space: int) -> None:
        """Take the thread out, and destroy the space."""
        self.host.at(AddressSpace, space).threads = 0
        self._forget(space, 0, ALL_BITS)
        self.call(self.spaces.destroy, space)

    # What is in memory

    def word(self, physical: int) -> int:
        """The word at a physical address."""
        return int(struct.unpack("<Q", self.host.read(Area.DIRECT_MAP + physical, 8))[0])

    def entry(self, space: int, address: int) -> int:
        """The lowest entry for `address`, 0 if there is no table for it."""
        entry = int(self.host.at(AddressSpace, space).root) | int(PageFlags.PRESENT)
        for shift in LEVELS:
            if not entry & PageFlags.PRESENT:
                return 0
            index = address >> shift & ENTRIES - 1
            entry = self.word((entry & ADDRESS_MASK) + index * 8)
        return entry

    def entries(self, space: int) -> dict[int, int]:
        """The entries that have pages, by address."""
        found = {
            BASE + page * PAGE: self.entry(space, BASE + page * PAGE) for page in range(WINDOW)
        }
        return {address: entry for address, entry in found.items() if entry}

    def references(self, entry: int) -> int:
        """What the record of the entry's page counts."""
        return int(self.host.at(Frame, frame_address(entry & ADDRESS_MASK)).uses.references.count)

    def all_regions(self, space: int) -> Iterator[tuple[int, int, int]]:
        """Start, end and rights of each region, by address."""
        region = self.host.call(self.regions.find_from, space, 0)
        while int(region):
            one = self.host.at(Region, region)
            yield int(self.host.at(TreeNode, region).key), int(one.end), int(one.rights)
            region = self.host.call(self.regions.next, region)


class Model:
    """What a space should be: the rights and the contents of its pages."""

    def __init__(self) -> None:
        self.rights: dict[int, int] = {}
        self.words: dict[int, int] = {}

    def copy(self) -> Model:
        """A clone."""
        made = Model()
        made.rights, made.words = dict(self.rights), dict(self.words)
        return made

    def regions(self) -> list[tuple[int, int, int]]:
        """Start, end and rights of all that lies together and is alike."""

        def run_of(numbered: tuple[int, tuple[int, int]]) -> tuple[int, int]:
            """The same for all pages of a region: their distance from their place in the order."""
            place, (page, rights) = numbered
            return page - place, rights

        runs = groupby(enumerate(sorted(self.rights.items())), run_of)
        return [
            (BASE + run[0][1][0] * PAGE, BASE + (run[-1][1][0] + 1) * PAGE, run[0][1][1])
            for run in (list(items) for _, items in runs)
        ]


def granted(rights: int) -> int:
    """What page tables make of rights."""
    return rights | Rights.READ if rights else 0


class Pair:
    """Spaces with their models, changed alike."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.all: list[tuple[int, Model]] = []
        self.written = 0

    def step(self, kind: str, which: int, pages: range, rights: int, left: int) -> None:
        """Make a change, with memory for `left` allocations, and see that all is as it should."""
        self.machine.left = left
        space, model = self.all[which % len(self.all)]
        getattr(self, kind)(space, model, pages, rights)
        self.machine.left = ALL_BITS
        self.check()

    def map(self, space: int, model: Model, pages: range, rights: int) -> None:
        outcome = self._change(self.machine.spaces.map, space, pages, rights)
        taken = any(page in model.rights for page in pages)
        assert outcome in ((-Errno.EEXIST,) if taken else (0, -Errno.ENOMEM))
        if outcome == 0:
            model.rights.update(dict.fromkeys(pages, rights))

    def unmap(self, space: int, model: Model, pages: range, rights: int) -> None:
        outcome = self._change(self.machine.spaces.unmap, space, pages)
        assert outcome in (0, -Errno.ENOMEM)
        for page in pages if outcome == 0 else ():
            model.rights.pop(page, None)
            model.words.pop(page, None)

    def replace(self, space: int, model: Model, pages: range, rights: int) -> None:
        region = self._region(pages, rights)
        outcome = self.machine.call(self.machine.spaces.replace_region, space, region)
        assert outcome in (0, -Errno.ENOMEM)
        for page in pages if outcome == 0 else ():
            model.rights[page] = rights
            model.words.pop(page, None)

    def _region(self, pages: range, rights: int) -> Any:
        """A record of anonymous memory."""
        start = BASE + pages.start * PAGE
        end = start + len(pages) * PAGE
        region = self.machine.host.new(Region, end=end, rights=rights, offset=start)
        self.machine.host.at(TreeNode, region).key = start
        return region

    def place(self, space: int, model: Model, pages: range, rights: int) -> None:
        """Map at the pages, or in the highest gap of the window where they are taken."""
        region, limit = self._region(pages, rights), BASE + WINDOW * PAGE
        place_region = self.machine.spaces.place_region
        outcome = self.machine.call(place_region, space, region, limit)
        starts = [pages.start, *range(WINDOW - len(pages), -1, -1)]
        found = (range(start, start + len(pages)) for start in starts)
        free = next((gap for gap in found if not model.rights.keys() & set(gap)), None)
        if outcome == -Errno.ENOMEM:
            return
        assert outcome == 0
        start = int(self.machine.host.at(TreeNode, region).key)
        if free is None:  # below the window
            assert start < BASE
            assert (
                self.machine.call(self.machine.spaces.unmap, space, start, len(pages) * PAGE) == 0
            )
            return
        assert start == BASE + free.start * PAGE
        model.rights.update(dict.fromkeys(free, rights))

    def protect(self, space: int, model: Model, pages: range, rights: int) -> None:
        outcome = self._change(self.machine.spaces.protect, space, pages, rights)
        whole = all(page in model.rights for page in pages)
        assert outcome in ((0, -Errno.ENOMEM) if whole else (-Errno.ENOMEM,))
        if outcome == 0 or not whole:  # up to a hole
            changed = takewhile(model.rights.__contains__, pages)
            model.rights.update(dict.fromkeys(changed, rights))

    def _change(self, function: Any, space: int, pages: range, *more: int) -> int:
        address, length = BASE + pages.start * PAGE, len(pages) * PAGE
        return int(self.machine.call(function, space, address, length, *more))

    def touch(self, space: int, model: Model, pages: range, rights: int) -> None:
        """Access the pages in the way that needs the highest of `rights`."""
        wanted = 1 << max(rights, 1).bit_length() - 1
        for page in pages:
            self._touch_page(space, model, page, wanted)

    def _touch_page(self, space: int, model: Model, page: int, wanted: int) -> None:
        address = BASE + page * PAGE
        resolve_fault = self.machine.paging.resolve_fault
        outcome = self.machine.call(resolve_fault, space, address + 5, wanted)
        if not granted(model.rights.get(page, 0)) & wanted:
            assert outcome == -Errno.EFAULT
            return
        assert outcome in (0, -Errno.ENOMEM)
        if outcome == 0:
            self._access(space, model, page, wanted)

    def _access(self, space: int, model: Model, page: int, wanted: int) -> None:
        """Do what the processor does behind a fault that was resolved."""
        address = BASE + page * PAGE
        entry = self.machine.entry(space, address)
        needed = entry_flags(Rights.READ | wanted)
        missing = {PageFlags.PRESENT, PageFlags.USER, PageFlags.WRITE}
        assert all(entry & flag for flag in missing if needed & flag)
        assert entry | needed & (1 << 63) == entry or wanted != Rights.EXECUTE
        self.machine.known[space, address] = entry
        place = entry & ADDRESS_MASK
        if wanted == Rights.WRITE:
            self.written += 1
            self.machine.host.write(Area.DIRECT_MAP + place, struct.pack("<Q", self.written))
            model.words[page] = self.written
        else:
            model.words.setdefault(page, 0)

    def clone(self, space: int, model: Model, pages: range, rights: int) -> None:
        made = self.machine.occupied(self.machine.call(self.machine.spaces.copy, space))
        if made:
            self.all.append((made, model.copy()))

    def destroy(self, space: int, model: Model, pages: range, rights: int) -> None:
        if len(self.all) > 1:
            self.machine.destroy(space)
            self.all.remove((space, model))

    # What must hold

    def check(self) -> None:
        uses: Counter[int] = Counter()
        for space, model in self.all:
            assert list(self.machine.all_regions(space)) == model.regions()
            entries = self.machine.entries(space)
            uses.update(entry & ADDRESS_MASK for entry in entries.values())
            self._check_entries(entries, model)
        for space, _ in self.all:
            for entry in self.machine.entries(space).values():
                assert self.machine.references(entry) == uses[entry & ADDRESS_MASK]
                if entry & PageFlags.WRITE:
                    assert uses[entry & ADDRESS_MASK] == 1
        self._check_what_the_processor_knows()

    def _check_entries(self, entries: dict[int, int], model: Model) -> None:
        """See that contents are there, and that nothing is allowed beyond the rights."""
        assert set(entries) <= {BASE + page * PAGE for page in model.rights}
        for page, word in model.words.items():
            entry = entries.get(BASE + page * PAGE, 0)
            assert entry or word == 0
            assert not entry or self.machine.word(entry & ADDRESS_MASK) == word
        for address, entry in entries.items():
            flags = entry & ~ADDRESS_MASK
            allowed = entry_flags(model.rights[(address - BASE) // PAGE])
            assert flags in (allowed, allowed & ~int(PageFlags.WRITE))

    def _check_what_the_processor_knows(self) -> None:
        """See that nothing is remembered that is not so: less is no harm, it faults."""
        for (space, address), known in self.machine.known.items():
            entry = self.machine.entry(space, address)
            assert known & ADDRESS_MASK == entry & ADDRESS_MASK
            assert known & PageFlags.PRESENT <= entry & PageFlags.PRESENT
            assert known & PageFlags.WRITE <= entry & PageFlags.WRITE
            assert known >> 63 >= entry >> 63


@pytest.fixture(scope="module")
def machine() -> Machine:
    """One for all tests of this file."""
    return Machine()


@st.composite
def free_ranges(draw: st.DrawFn) -> range:
    """Some pages of the window."""
    start = draw(st.integers(0, WINDOW - 1))
    return range(start, draw(st.integers(start + 1, WINDOW)))


READ_WRITE = Rights.READ | Rights.WRITE
RIGHTS = st.sampled_from([READ_WRITE, Rights.READ, 0, Rights.EXECUTE, Rights.WRITE, ALL_RIGHTS])
KINDS = st.sampled_from(
    ["touch", "clone", "protect", "map", "unmap", "destroy", "replace", "place"]
)
MEMORY = st.one_of(st.just(ROOM), st.just(ROOM), st.integers(0, 8))
STEPS = st.lists(
    st.tuples(KINDS, st.integers(0, 3), free_ranges(), RIGHTS, MEMORY), min_size=5, max_size=25
)


@given(STEPS)
@settings(deadline=None)
def test_spaces_are_what_was_done_to_them(machine: Machine, steps: list[Any]) -> None:
    machine.start()
    free, records = len(machine.free), len(machine.records)
    pair = Pair(machine)
    pair.all.append((machine.create(), Model()))
    for kind in ("map", "touch"):
        pair.step(kind, 0, range(1, WINDOW - 1), READ_WRITE, ROOM)
    for step in steps:
        pair.step(*step)
    for space, _ in pair.all:
        machine.destroy(space)
    assert (len(machine.free), len(machine.records)) == (free, records)


@pytest.mark.parametrize(
    ("start", "length"),
    [
        (USER_START - PAGE, PAGE),
        (0, PAGE),
        (USER_END, PAGE),
        (USER_END - PAGE, 2 * PAGE),
        (BASE + 1, PAGE),
        (BASE, 1),
        (BASE, 0),
        (BASE, ALL_BITS - PAGE + 1),
        (Area.DIRECT_MAP, PAGE),
    ],
)
def test_addresses_that_programs_can_not_have_are_refused(
    machine: Machine, start: int, length: int
) -> None:
    machine.start()
    space = machine.create()
    assert machine.call(machine.spaces.map, space, start, length, 0) == -Errno.EINVAL
    if start >= USER_START:  # where programs have no memory, there is nothing to unmap or protect
        assert machine.call(machine.spaces.unmap, space, start, length) == -Errno.EINVAL
        assert machine.call(machine.spaces.protect, space, start, length, 0) == -Errno.EINVAL
    elif not (start | length) % PAGE:
        assert machine.call(machine.spaces.unmap, space, start, length) == 0
        assert machine.call(machine.spaces.protect, space, start, length, 0) == -Errno.ENOMEM


def test_rights_that_do_not_exist_are_refused(machine: Machine) -> None:
    machine.start()
    space = machine.create()
    for function in (machine.spaces.map, machine.spaces.protect):
        assert machine.call(function, space, BASE, PAGE, ALL_RIGHTS + 1) == -Errno.EINVAL


def test_a_page_that_others_have_let_go_of_is_written_without_a_copy(machine: Machine) -> None:
    machine.start()
    space = machine.create()
    machine.call(machine.spaces.map, space, BASE, PAGE, Rights.READ | Rights.WRITE)
    machine.call(machine.paging.resolve_fault, space, BASE, Rights.WRITE)
    before = machine.entry(space, BASE)
    machine.destroy(machine.occupied(machine.call(machine.spaces.copy, space)))
    assert not machine.entry(space, BASE) & PageFlags.WRITE
    assert machine.call(machine.paging.resolve_fault, space, BASE, Rights.WRITE) == 0
    assert machine.entry(space, BASE) == before


def test_the_kernels_half_is_in_every_space(machine: Machine) -> None:
    machine.start()
    half = bytes(range(256)) * (PAGE // 2 // 256)
    machine.host.write(Area.DIRECT_MAP + PAGE // 2, half)
    root = int(machine.host.at(AddressSpace, machine.create()).root)
    assert machine.host.read(Area.DIRECT_MAP + root, PAGE) == bytes(PAGE // 2) + half


def test_regions_are_counted_and_there_are_not_too_many(machine: Machine) -> None:
    machine.start()
    space = machine.create()
    for page in range(0, 6, 2):
        assert machine.call(machine.spaces.map, space, BASE + page * PAGE, PAGE, READ_WRITE) == 0
    record = machine.host.at(AddressSpace, space)
    assert record.region_count == 3
    record.region_count = MOST_REGIONS
    assert machine.call(machine.spaces.map, space, FAR, PAGE, READ_WRITE) == -Errno.ENOMEM
    record.region_count = 3
    assert machine.call(machine.spaces.unmap, space, BASE, WINDOW * PAGE) == 0
    assert record.region_count == 0


def placed(machine: Machine, space: int, pages: int) -> int:
    """Where so many pages are put that may be anywhere; a negated errno if they are not."""
    region = machine.host.new(Region, end=pages * PAGE, rights=Rights.READ)
    outcome = int(machine.call(machine.spaces.place_region, space, region, 0))
    return outcome or int(machine.host.at(TreeNode, region).key)


def test_room_below_a_stack_is_kept_free(machine: Machine) -> None:
    machine.start()
    space = machine.create()
    machine.host.at(AddressSpace, space).mapping_top = FAR
    stack = machine.host.new(Region, end=FAR, rights=READ_WRITE, flags=RegionFlags.GROWS_DOWN)
    machine.host.at(TreeNode, stack).key = FAR - PAGE
    assert machine.call(machine.spaces.map_region, space, stack) == 0
    assert placed(machine, space, 2) == FAR - 3 * PAGE - STACK_GUARD_GAP
    hint = machine.host.new(Region, end=FAR - PAGE, rights=Rights.READ)
    machine.host.at(TreeNode, hint).key = FAR - 2 * PAGE
    assert machine.call(machine.spaces.place_region, space, hint, 0) == 0
    assert machine.host.at(TreeNode, hint).key == FAR - 4 * PAGE - STACK_GUARD_GAP


def test_where_all_below_is_taken_mappings_go_above(machine: Machine) -> None:
    machine.start()
    space = machine.create()
    machine.host.at(AddressSpace, space).mapping_top = USER_START + 4 * PAGE
    assert placed(machine, space, 3) == USER_START + PAGE
    assert placed(machine, space, 2) == USER_END - 2 * PAGE
    assert placed(machine, space, 1) == USER_START
    rest = (USER_END - USER_START) // PAGE - 6
    assert placed(machine, space, rest + 1) == -Errno.ENOMEM
    assert placed(machine, space, rest) == USER_START + 4 * PAGE


HEAP_PAGES = 8
BREAKS = st.lists(st.integers(-PAGE, HEAP_PAGES * PAGE), min_size=1, max_size=12)


@given(BREAKS, st.integers(2, HEAP_PAGES))
@settings(deadline=None)
def test_heaps_end_where_they_were_told(machine: Machine, ends: list[int], wall: int) -> None:
    machine.start()
    space = machine.create()
    record = machine.host.at(AddressSpace, space)
    record.heap_start = record.heap_end = now = BASE
    machine.host[machine.heaps.overcommit.most_pages] = HEAP_PAGES
    # What lies there is in the way, and a page before it
    assert machine.call(machine.spaces.map, space, BASE + wall * PAGE, PAGE, 0) == 0
    for end in ends:
        if 0 <= end <= (wall - 1) * PAGE or 0 <= end <= -(-(now - BASE) // PAGE) * PAGE:
            now = BASE + end
        assert machine.call(machine.heaps.move_end, space, BASE + end) == now
        heap = [(BASE, -(-now // PAGE) * PAGE, READ_WRITE)] if now > BASE else []
        other = (BASE + wall * PAGE, BASE + (wall + 1) * PAGE, 0)
        assert list(machine.all_regions(space)) == [*heap, other]


class Backed:
    """Something with pages, all of them there, that a region is backed by."""

    def __init__(self, machine: Machine, pages: int) -> None:
        self.machine, self.references, self.removals = machine, 0, 0
        self.mapped: set[int] = set()
        self.pages = [machine.free.pop() for _ in range(pages)]
        for page in self.pages:
            machine.host.at(Frame, frame_address(page)).uses.references.count = 1
        operations = machine.host.new(
            BackingOperations,
            get_page=self._get_page,
            find_page=self._find_page,
            gain=self._gain,
            drop=self._drop,
            removals=lambda backing: self.removals,
            attach=lambda backing, mapped: self.mapped.add(int(mapped)),
            detach=lambda backing, mapped: self.mapped.remove(int(mapped)),
        )
        self.backing = machine.host.new(Backing, operations=operations)

    def _find_page(self, backing: object, number: int) -> int:
        return self._get_page(backing, number)[1]

    def _get_page(self, backing: object, number: int) -> tuple[int, int]:
        if number >= len(self.pages):
            return -Errno.ENXIO, 0
        self.machine.host.at(Frame, frame_address(self.pages[number])).uses.references.count += 1
        return 0, self.pages[number]

    def cut(self, count: int) -> None:
        """Remove the pages behind the first `count`."""
        for page in self.pages[count:]:
            self.machine.call(self.machine.paging.user_pages.drop, page)
        del self.pages[count:]
        self.removals += 1

    def _gain(self, backing: object) -> None:
        self.references += 1

    def _drop(self, backing: object) -> None:
        self.references -= 1

    def region(self, pages: range, flags: int, rights: int = READ_WRITE) -> Any:
        """A record for a region of these pages, at `BASE` and what follows."""
        region = self.machine.host.new(
            Region,
            end=BASE + len(pages) * PAGE,
            rights=rights,
            flags=flags,
            backing=self.backing,
            offset=pages.start * PAGE,
        )
        self.machine.host.at(TreeNode, region).key = BASE
        return region


def test_copies_share_what_is_shared_and_no_more(machine: Machine) -> None:
    machine.start()
    space, backed = machine.create(), Backed(machine, 3)
    shared = backed.region(range(1, 3), RegionFlags.SHARED)
    assert machine.call(machine.spaces.map_region, space, shared) == 0
    assert machine.call(machine.spaces.map, space, BASE + 4 * PAGE, PAGE, READ_WRITE) == 0
    faults = (BASE, BASE + PAGE, BASE + 4 * PAGE)
    for address in faults:
        assert machine.call(machine.paging.resolve_fault, space, address, Rights.WRITE) == 0
    copy = machine.occupied(machine.call(machine.spaces.copy, space))
    assert backed.references == len(backed.mapped) == 2
    # The private page is not to be written to, shared ones are found again
    assert not machine.entry(space, faults[2]) & PageFlags.WRITE
    assert machine.entry(copy, faults[2]) == machine.entry(space, faults[2])
    assert machine.entry(space, BASE) & PageFlags.WRITE
    assert machine.entry(copy, BASE) == 0
    for address in faults:
        assert machine.call(machine.paging.resolve_fault, copy, address, Rights.WRITE) == 0
    places = [machine.entry(copy, address) & ADDRESS_MASK for address in faults]
    assert places[:2] == backed.pages[1:]
    assert places[2] != machine.entry(space, faults[2]) & ADDRESS_MASK
    machine.destroy(copy)
    machine.destroy(space)
    assert backed.references == len(backed.mapped) == 0
    assert [machine.references(page) for page in backed.pages] == [1, 1, 1]


def test_where_a_backing_ends_faults_say_so(machine: Machine) -> None:
    machine.start()
    space, backed = machine.create(), Backed(machine, 1)
    assert machine.call(machine.spaces.map_region, space, backed.region(range(2), 0)) == 0
    resolve = machine.paging.resolve_fault
    assert machine.call(resolve, space, BASE, Rights.WRITE) == 0
    assert machine.entry(space, BASE) & ADDRESS_MASK != backed.pages[0]
    assert machine.call(resolve, space, BASE + PAGE, Rights.READ) == -Errno.ENXIO


def test_what_is_open_for_reading_does_not_become_writable(machine: Machine) -> None:
    machine.start()
    space, backed = machine.create(), Backed(machine, 2)
    flags = RegionFlags.SHARED | RegionFlags.READ_ONLY
    region = backed.region(range(2), flags, Rights.READ)
    assert machine.call(machine.spaces.map_region, space, region) == 0
    protect = machine.spaces.protect
    assert machine.call(protect, space, BASE, PAGE, READ_WRITE) == -Errno.EACCES
    assert machine.call(protect, space, BASE, PAGE, 0) == 0
    assert machine.call(protect, space, BASE, 2 * PAGE, Rights.READ) == 0
    assert len(list(machine.all_regions(space))) == 1


def stack_in(machine: Machine, space: int) -> None:
    """Map a page below `FAR` that grows down to four pages."""
    stack = machine.host.new(
        Region, end=FAR, offset=FAR - PAGE, rights=READ_WRITE, flags=RegionFlags.GROWS_DOWN
    )
    machine.host.at(TreeNode, stack).key = FAR - PAGE
    machine.host.at(AddressSpace, space).stack_limit = 4 * PAGE
    assert machine.call(machine.spaces.map_region, space, stack) == 0


@pytest.mark.parametrize(
    ("below", "rights", "grows"),
    [
        (STACK_GUARD_GAP + 3 * PAGE, READ_WRITE, True),
        (STACK_GUARD_GAP + 2 * PAGE, READ_WRITE, False),
        (4 * PAGE, 0, True),
    ],
)
def test_stacks_grow_as_far_as_they_may(
    machine: Machine, below: int, rights: int, grows: bool
) -> None:
    machine.start()
    space = machine.create()
    stack_in(machine, space)
    assert machine.call(machine.spaces.map, space, FAR - below - PAGE, PAGE, rights) == 0
    resolve = machine.paging.resolve_fault
    expected = 0 if grows else -Errno.EFAULT
    assert machine.call(resolve, space, FAR - 3 * PAGE + 8, Rights.WRITE) == expected
    if grows:
        assert list(machine.all_regions(space))[1] == (FAR - 3 * PAGE, FAR, READ_WRITE)
        assert machine.call(resolve, space, FAR - 2 * PAGE, Rights.READ) == 0
        assert machine.call(machine.spaces.unmap, space, FAR - PAGE, PAGE) == 0
    # beyond the limit
    assert machine.call(resolve, space, FAR - 5 * PAGE, Rights.WRITE) == -Errno.EFAULT


def test_nothing_grows_that_is_no_stack(machine: Machine) -> None:
    machine.start()
    space = machine.create()
    machine.host.at(AddressSpace, space).stack_limit = 4 * PAGE
    assert machine.call(machine.spaces.map, space, FAR, PAGE, READ_WRITE) == 0
    resolve = machine.paging.resolve_fault
    assert machine.call(resolve, space, FAR - PAGE, Rights.WRITE) == -Errno.EFAULT
    assert machine.call(resolve, space, FAR + PAGE, Rights.WRITE) == -Errno.EFAULT


def test_a_page_that_is_removed_while_it_is_mapped_does_not_stay(machine: Machine) -> None:
    machine.start()
    before = len(machine.free) - 2
    space, backed = machine.create(), Backed(machine, 2)
    region = backed.region(range(2), RegionFlags.SHARED)
    assert machine.call(machine.spaces.map_region, space, region) == 0
    given = backed._find_page

    def cutting(backing: object, number: int) -> int:
        """Give the page, and remove it right after that."""
        page = given(backing, number)
        backed.cut(number)
        return page

    operations = machine.host.at(Backing, backed.backing).operations
    machine.host.at(BackingOperations, operations).find_page = cutting
    resolve = machine.paging.resolve_fault
    assert machine.call(resolve, space, BASE + PAGE, Rights.WRITE) == 0
    assert machine.entry(space, BASE + PAGE) == 0
    machine.host.at(BackingOperations, operations).find_page = given
    assert machine.call(resolve, space, BASE + PAGE, Rights.WRITE) == -Errno.ENXIO
    # The tables that were made for it go with the region
    machine.destroy(space)
    assert len(machine.free) == before + 1


def test_a_page_that_is_not_in_memory_is_fetched(machine: Machine) -> None:
    machine.start()
    space, backed = machine.create(), Backed(machine, 2)
    assert machine.call(machine.spaces.map_region, space, backed.region(range(2), 0)) == 0
    operations = machine.host.at(
        BackingOperations, machine.host.at(Backing, backed.backing).operations
    )
    fetched: list[int] = []

    def fetching(backing: object, number: int) -> tuple[int, int]:
        """Have the page in memory from then on."""
        fetched.append(number)
        return backed._get_page(backing, number)

    operations.get_page = fetching
    operations.find_page = lambda backing, number: (
        backed._find_page(backing, number) if number in fetched else 0
    )
    assert machine.call(machine.paging.resolve_fault, space, BASE + PAGE, Rights.READ) == 0
    assert machine.entry(space, BASE + PAGE) & ADDRESS_MASK == backed.pages[1]
    assert machine.call(machine.paging.resolve_fault, space, BASE + PAGE, Rights.READ) == 0
    assert fetched == [1]
    machine.destroy(space)
    assert machine.references(backed.pages[1]) == 1


MOVES = st.lists(
    st.tuples(free_ranges(), st.integers(0, WINDOW - 1), st.sampled_from([ROOM, ROOM, 0, 1, 2, 3])),
    min_size=1,
    max_size=8,
)


def move(machine: Machine, space: int, pages: range, target: int) -> int:
    """Move the pages to those from `target` on."""
    request = machine.host.new(
        RemapRequest,
        address=BASE + pages.start * PAGE,
        length=len(pages) * PAGE,
        new_length=len(pages) * PAGE,
        target=BASE + target * PAGE,
        flags=RemapFlag.MAY_MOVE | RemapFlag.FIXED,
    )
    return int(machine.call(machine.remapping.remap, space, request))


def words(machine: Machine, space: int) -> dict[int, int]:
    """What the pages of the window contain, by number."""
    return {
        (address - BASE) // PAGE: machine.word(entry & ADDRESS_MASK)
        for address, entry in machine.entries(space).items()
    }


@given(MOVES)
@settings(deadline=None)
def test_moved_pages_are_the_same(machine: Machine, moves: list[Any]) -> None:
    machine.start()
    machine.host[machine.heaps.overcommit.most_pages] = ROOM
    free, records = len(machine.free), len(machine.records)
    space = machine.create()
    assert machine.call(machine.spaces.map, space, BASE, 6 * PAGE, READ_WRITE) == 0
    for page in range(0, 6, 2):
        address = BASE + page * PAGE
        assert machine.call(machine.paging.resolve_fault, space, address, Rights.WRITE) == 0
        place = machine.entry(space, address) & ADDRESS_MASK
        machine.host.write(Area.DIRECT_MAP + place, struct.pack("<Q", page + 1))
    for pages, target, left in moves:
        check_move(machine, space, pages, target, left)
    machine.destroy(space)
    assert (len(machine.free), len(machine.records)) == (free, records)


def check_move(machine: Machine, space: int, pages: range, target: int, left: int) -> None:
    """Move pages with memory for `left` allocations, and see that nothing else changes."""
    before, regions = words(machine, space), list(machine.all_regions(space))
    start, end = BASE + pages.start * PAGE, BASE + pages.stop * PAGE
    machine.left = left
    outcome = move(machine, space, pages, target)
    machine.left = ALL_BITS
    goal = range(target, target + len(pages))
    after = words(machine, space)
    if set(goal) & set(pages):
        assert (outcome, after) == (-Errno.EINVAL, before)
    elif not any(one[0] <= start and end <= one[1] for one in regions):
        assert (outcome, after) == (-Errno.EFAULT, before)
    elif outcome == 0:
        kept = {page: word for page, word in before.items() if page not in {*goal, *pages}}
        moved = {target + page - pages.start: before[page] for page in pages if page in before}
        assert after == {page: word for page, word in (kept | moved).items() if page < WINDOW}
    else:  # without memory the goal may be empty already, and the rest is as it was
        assert outcome == -Errno.ENOMEM
        others = {page: word for page, word in before.items() if page not in goal}
        assert {page: word for page, word in after.items() if page not in goal} == others


PLACES = st.lists(
    st.one_of(st.integers(1, 4), st.tuples(st.integers(0, WINDOW - 1), st.integers(1, 4))),
    min_size=1,
    max_size=20,
)


@given(PLACES)
@settings(deadline=None)
def test_mappings_go_to_the_highest_gap(machine: Machine, steps: list[Any]) -> None:
    machine.start()
    space, taken = machine.create(), set[int]()
    machine.host.at(AddressSpace, space).mapping_top = BASE + WINDOW * PAGE
    for step in steps:
        if isinstance(step, tuple):
            pages = range(step[0], min(sum(step), WINDOW))
            machine.call(machine.spaces.unmap, space, BASE + pages.start * PAGE, len(pages) * PAGE)
            taken -= set(pages)
            continue
        start = next(
            one for one in count(WINDOW - step, -1) if not taken & {*range(one, one + step)}
        )
        taken |= {*range(start, start + step)}
        assert placed(machine, space, step) == BASE + start * PAGE
