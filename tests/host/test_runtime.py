"""Memory and devices at addresses of their own."""

from __future__ import annotations

import pytest

from kernel.contents import CONTENTS
from kernel.cpu.pagetable import NO_EXECUTE, PAGE, PageFlags
from kernel.mm.directmap import DirectMap
from kernel.mm.early import EarlyFrames
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.pages import Pages
from kernel.mm.pagetables import PageTables
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.mm.tablewalker import TableWalker
from kernel.paging.addresses import RUNTIME_END, Area
from kernel.paging.entryformat import EntryFormat
from kernel.paging.level import PageLevel
from kernel.paging.permissions import DEVICE, WRITE
from kernel.smp.tlb import Tlb
from pykasm import *
from pykasm.hostrun import Host, HostAssertion, stand_ins
from tests.host.memory_support import frame_address

ROOM = 128
"""Pages of physical memory, from 0 on."""

REGISTERS = 0xFEC0_0000
"""Where a device is."""


PLENTY = 1 << 30


class Bench:
    """The run-time mappings and their host, with memory for `left` pages while they start."""

    def __init__(self, left: int = PLENTY) -> None:
        parts = Parts(CONTENTS, instead=stand_ins(EarlyFrames, Pages, Tlb, DirectMap))
        early, self.pages = parts[EarlyFrames], parts[Pages]
        self.tlb, self.places = parts[Tlb], parts[DirectMap]
        self.kernel, self.walker = parts[KernelSpace], parts[TableWalker]
        self.runtime = parts[RuntimeMappings]
        self.host = Host(self.runtime, traced=False)
        self.host.map(Area.DIRECT_MAP, ROOM * PAGE)
        self.host.map(frame_address(0), PAGE)
        self.free = list(range((ROOM - 1) * PAGE, 0, -PAGE))
        self.left = PLENTY
        self.host[parts[EntryFormat].allowed] = (1 << 64) - 1
        self.forgotten = self.host.stub(self.tlb.invalidate)
        self.host.stub(self.places.can_be_registers, lambda start, length: 1)
        for function in (self.pages.allocate_page, self.pages.allocate_zeroed, early.allocate):
            self.host.stub(function, self.take)
        for give in (self.pages.free_page, self.pages.free_zeroed):
            self.host.stub(give, self.free.append)
        self.host.call(self.kernel.preallocate, Area.RUNTIME, RUNTIME_END, PageLevel.HUGE)
        self.host.call(parts[PageTables].use_pages)
        self.left = left
        self.host.call(self.runtime.start)
        self.left = PLENTY

    def take(self) -> int:
        """A page full of zeros, unless there are none or too many were taken."""
        self.left -= 1
        if not self.free or self.left < 0:
            return 0
        page = self.free.pop()
        self.host.write(Area.DIRECT_MAP + page, bytes(PAGE))
        return page

    def translate(self, address: int) -> tuple[int, int]:
        """The physical address and the entry for `address`."""
        space = self.host.address(self.kernel.space)
        physical, entry = self.host.call(self.walker.translate, space, address)
        return int(physical), int(entry)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("pages", [1, 2, 30])
def test_memory_is_mapped_between_guards_and_freed_again(bench: Bench, pages: int) -> None:
    free = sorted(bench.free)
    address = bench.host.call(bench.runtime.allocate, pages)
    found = [bench.translate(address + number * PAGE) for number in range(pages)]
    assert len({physical for physical, _ in found}) == pages
    assert all(entry & WRITE == WRITE for _, entry in found)
    assert all(entry & NO_EXECUTE for _, entry in found)
    assert bench.translate(address - PAGE) == (0, 0)
    assert bench.translate(address + pages * PAGE) == (0, 0)
    bench.host.call(bench.runtime.free, address)
    space = bench.host.address(bench.kernel.space)
    assert bench.forgotten.calls == [(space, address, pages)]
    assert bench.translate(address) == (0, 0)
    assert sorted(bench.free) == free


def test_two_pieces_of_memory_have_a_guard_between_them(bench: Bench) -> None:
    first, second = (bench.host.call(bench.runtime.allocate, 1) for _ in range(2))
    assert abs(second - first) >= 2 * PAGE


@pytest.mark.parametrize("pages", [1, 5])
def test_whichever_page_is_lacking_nothing_is_lost(bench: Bench, pages: int) -> None:
    free = sorted(bench.free)
    for count in range(100):
        bench.left = count
        address = bench.host.call(bench.runtime.allocate, pages)
        if address:
            break
        assert sorted(bench.free) == free
    assert count >= pages + 2  # at least the pages and two tables
    bench.host.call(bench.runtime.free, address)
    assert sorted(bench.free) == free


def test_more_memory_than_there_are_addresses_is_refused(bench: Bench) -> None:
    for pages in (1 << 40, (1 << 64) - 1, (1 << 64) - 2):
        assert bench.host.call(bench.runtime.allocate, pages) == 0


@pytest.mark.parametrize(
    ("offset", "length", "pages"), [(0, PAGE, 1), (0x10, 4, 1), (PAGE - 1, 2, 2), (0, 9 * PAGE, 9)]
)
def test_registers_are_not_cached(bench: Bench, offset: int, length: int, pages: int) -> None:
    free = sorted(bench.free)
    address = bench.host.call(bench.runtime.map_device, REGISTERS + offset, length)
    for place in (0, length - 1):
        physical, entry = bench.translate(address + place)
        assert physical == REGISTERS + offset + place
        assert entry & DEVICE == DEVICE
        assert entry & PageFlags.CACHE_DISABLE
    start = address // PAGE * PAGE
    assert bench.translate(start - PAGE) == (0, 0)
    assert bench.translate(start + pages * PAGE) == (0, 0)
    bench.host.call(bench.runtime.unmap_device, address)
    assert sorted(bench.free) == free


@pytest.mark.parametrize("length", [1, PAGE, (1 << 64) - PAGE + 1])
def test_where_no_device_can_be_nothing_is_mapped(bench: Bench, length: int) -> None:
    free = sorted(bench.free)
    asked = bench.host.stub(bench.places.can_be_registers, lambda start, length: 0)
    assert bench.host.call(bench.runtime.map_device, REGISTERS + 8, length) == 0
    assert asked.calls == [(REGISTERS + 8, length)]
    assert sorted(bench.free) == free


def test_whichever_table_is_lacking_registers_leave_nothing(bench: Bench) -> None:
    free = sorted(bench.free)
    for count in range(100):
        bench.left = count
        address = bench.host.call(bench.runtime.map_device, REGISTERS, PAGE)
        if address:
            break
        assert sorted(bench.free) == free
    assert count >= 2
    bench.host.call(bench.runtime.unmap_device, address)
    assert sorted(bench.free) == free


def test_freeing_twice_is_noticed(bench: Bench) -> None:
    address = bench.host.call(bench.runtime.allocate, 1)
    bench.host.call(bench.runtime.free, address)
    with pytest.raises(HostAssertion):
        bench.host.call(bench.runtime.free, address)


def test_registers_are_not_freed_as_memory(bench: Bench) -> None:
    address = bench.host.call(bench.runtime.map_device, REGISTERS, PAGE)
    with pytest.raises(HostAssertion):
        bench.host.call(bench.runtime.free, address)


def test_without_memory_at_the_start_there_is_nothing_later() -> None:
    bench = Bench(left=0)
    assert bench.host.call(bench.runtime.allocate, 1) == 0
    assert bench.host.call(bench.runtime.map_device, 0xFEE0_0000, PAGE) == 0
