"""Pages before there is an allocator, against Python's idea of what is free."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.boot.information import BootInformation
from kernel.boot.memorykind import MemoryKind
from kernel.contents import CONTENTS
from kernel.cpu.pagetable import PAGE
from kernel.debug.panic import Panic
from kernel.mm.early import EarlyFrames
from kernel.paging.addresses import Area
from pykasm import *
from pykasm.hostrun import Host, HostStop, stand_ins
from tests.host.record_support import Range, describe_memory, keep_lists, settled

PAGES = 24
"""The physical memory of the tests, from 0 on."""

RANGES = st.tuples(st.integers(0, PAGES * PAGE), st.integers(0, PAGES * PAGE)).map(sorted)
KINDS = st.sampled_from(MemoryKind)


class Machine:
    """A host whose first pages of physical memory are there, filled with garbage."""

    def __init__(self) -> None:
        parts = Parts(CONTENTS, instead=stand_ins(Panic))
        self.information, self.frames = parts[BootInformation], parts[EarlyFrames]
        self.panic = parts[Panic]
        self.host = Host(self.frames)
        keep_lists(self.host, self.information)
        self.host.map(Area.DIRECT_MAP, PAGES * PAGE)
        self.host.write(Area.DIRECT_MAP, b"\xaa" * PAGES * PAGE)
        self.host.stub(self.panic.stop)
        self.host[self.frames.next] = self.host[self.frames.end] = 0

    def allocate_all(self) -> list[int]:
        """Every page that there is."""
        found = []
        while True:
            try:
                found.append(self.host.call(self.frames.allocate))
            except HostStop:
                return found


@pytest.fixture(scope="module")
def machine() -> Machine:
    """One for all tests of this file."""
    return Machine()


def ranges_of(regions: list[Any]) -> list[Range]:
    """The same with lengths for ends."""
    return [Range(start, end - start, kind) for (start, end), kind in regions]


def free_pages(regions: list[Any], obstacles: list[tuple[int, int]]) -> list[int]:
    """The pages inside available memory that touch no obstacle, by going over all pages."""
    found = [
        (one.address, one.address + one.length, one.kind) for one in settled(ranges_of(regions))
    ]
    available = [(s, e) for s, e, kind in found if kind == MemoryKind.AVAILABLE]
    taken = [(s, e) for s, e in obstacles if s < e]
    return [
        page
        for page in range(0, PAGES * PAGE, PAGE)
        if any(start <= page and page + PAGE <= end for start, end in available)
        and not any(page < end and start < page + PAGE for start, end in taken)
    ]


@given(
    st.lists(st.tuples(RANGES, KINDS), max_size=6),
    st.lists(RANGES, max_size=3),
    RANGES,
)
def test_all_pages_that_are_free_are_handed_out_once_in_order(
    machine: Machine, regions: list[Any], modules: list[Any], image: list[int]
) -> None:
    host, information = machine.host, machine.information
    host.define("image_load_start", image[0])
    host.define("image_load_end", image[1])
    host.checkpoint()
    describe_memory(host, information, ranges_of(regions))
    for start, end in modules:
        host.call(information.add_module, start, end, "", 1)
    pages = machine.allocate_all()
    cleared = [host.read(Area.DIRECT_MAP + page, PAGE) for page in pages]
    host.reset()
    assert pages == free_pages(regions, [*modules, (image[0], image[1])])
    assert set(cleared) <= {bytes(PAGE)}


@pytest.mark.parametrize(("room", "size"), [(0, 1), (5, 2), (PAGES - 1, 1), (3, 0)])
def test_the_record_of_the_start_keeps_its_room(machine: Machine, room: int, size: int) -> None:
    host, information = machine.host, machine.information
    for bound in ("image_load_start", "image_load_end"):
        host.define(bound, 0)
    host.checkpoint()
    host[information.placement.start], host[information.placement.size] = (
        room * PAGE,
        size * PAGE,
    )
    describe_memory(host, information, [Range(0, PAGES * PAGE, MemoryKind.AVAILABLE)])
    pages = machine.allocate_all()
    host.reset()
    kept = range(room, room + size)
    assert pages == [page * PAGE for page in range(PAGES) if page not in kept]


def test_without_memory_the_kernel_says_so() -> None:
    machine = Machine()
    for bound in ("image_load_start", "image_load_end"):
        machine.host.define(bound, 0)
    stop = machine.host.stub(machine.panic.stop)
    assert machine.allocate_all() == []
    assert machine.host.read_text(stop.calls[0][0]) == "no memory is left for page tables"
