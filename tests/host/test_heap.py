"""The heap, against Python's idea of what is allocated."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.cpu.pagetable import PAGE
from kernel.cpu.percpu import PerCpu
from kernel.debug.panic import Panic
from kernel.mm.frames import Frame, FrameState
from kernel.mm.heap import SIZES, Heap
from kernel.mm.pages import Pages
from kernel.mm.slabs import MAGAZINE_SIZE, Slabs
from kernel.mm.zone import MAX_ORDER
from kernel.paging.addresses import Area
from pykasm import *
from pykasm.hostrun import Host, HostStop
from tests.host.console_support import Paper, parts_on, written

BLOCKS = 24
"""Blocks of the largest size that the machine has."""
LARGEST = PAGE << MAX_ORDER


class Machine:
    """A host with a heap, and pages of its own."""

    def __init__(self) -> None:
        self.paper = Paper()
        parts = parts_on(self.paper, Pages, Panic)
        self.pages, self.per_cpu = parts[Pages], parts[PerCpu]
        self.slabs, self.heap = parts[Slabs], parts[Heap]
        self.host = Host(self.heap, self.slabs, limit=20_000_000, traced=False)
        self.host.map(Area.DIRECT_MAP, BLOCKS * LARGEST)
        self.host.map(Area.FRAME_TABLE, BLOCKS * LARGEST // PAGE * sizeof(Frame))
        self.host.stub(parts[Panic].stop)
        self.host.define("symbols_start", 0)
        self.host.define("symbols_end", 0)
        self.host.checkpoint()

    def start(self, blocks: int = BLOCKS) -> None:
        """Begin with nothing allocated, and so many blocks of pages."""
        self.host.reset()
        self.given: dict[int, int] = {}
        self.spare = [n * LARGEST for n in range(blocks)]
        self.host.stub(self.pages.allocate, self.give)
        self.host.stub(self.pages.free, self.take)
        block = int(self.host.address(symbol("first_percpu_start")))
        self.host[self.per_cpu.block] = block
        self.host.call(self.slabs.start)

    def give(self, order: int) -> int:
        assert order <= MAX_ORDER
        if not self.spare:
            return 0
        block = self.spare.pop()
        self.given[block] = order
        record = self.host.at(Frame, Area.FRAME_TABLE + block // PAGE * sizeof(Frame))
        record.state, record.order = FrameState.ALLOCATED, order
        return block

    def take(self, block: int, order: int) -> None:
        assert self.given.pop(block) == order
        self.spare.append(block)

    def allocate(self, size: int) -> int:
        return int(self.host.call(self.heap.allocate, size))

    def free(self, address: int) -> None:
        self.host.call(self.heap.free, address)


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine()


SIZE = st.integers(0, SIZES[-1]) | st.integers(1, 5 * PAGE) | st.sampled_from(SIZES)
STEPS = st.lists(st.tuples(st.just("allocate"), SIZE) | st.tuples(st.just("free"), st.integers(0)))


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_objects_never_overlap_and_keep_what_they_hold(
    machine: Machine, steps: list[tuple[str, int]]
) -> None:
    machine.start()
    held: list[tuple[int, bytes]] = []
    for number, (step, value) in enumerate(steps):
        if step == "allocate":
            address = machine.allocate(value)
            if address == 0:
                assert not machine.spare
                continue
            assert address % 16 == 0
            contents = bytes([number % 251]) * value
            machine.host.write(address, contents)
            held.append((address, contents))
        elif held:
            address, contents = held.pop(value % len(held))
            assert machine.host.read(address, len(contents)) == contents
            machine.free(address)
    for address, contents in held:
        assert machine.host.read(address, len(contents)) == contents
        machine.free(address)
    machine.host.call(machine.slabs.shrink)
    assert machine.given == {}


@pytest.mark.parametrize("size", [1, 16, 100, 2048])
def test_many_objects_take_many_slabs_and_give_them_back(machine: Machine, size: int) -> None:
    machine.start()
    addresses = [machine.allocate(size) for _ in range(10 * MAGAZINE_SIZE)]
    assert len(set(addresses)) == len(addresses)
    for address in addresses[::2] + addresses[1::2]:
        machine.free(address)
    machine.host.call(machine.slabs.shrink)
    assert machine.given == {}


@pytest.mark.parametrize("size", [24, 3 * PAGE])
def test_without_pages_there_is_nothing(machine: Machine, size: int) -> None:
    machine.start(blocks=0)
    assert machine.allocate(size) == 0


def test_more_than_the_largest_block_is_refused(machine: Machine) -> None:
    machine.start()
    assert machine.allocate(LARGEST + 1) == 0
    assert machine.allocate(LARGEST) != 0


def test_nothing_can_be_freed(machine: Machine) -> None:
    machine.start()
    machine.free(0)


def test_objects_from_another_slab_fill_the_magazine_again(machine: Machine) -> None:
    machine.start(blocks=1)
    first = machine.allocate(64)
    while machine.allocate(64):
        pass
    machine.free(first)
    assert machine.allocate(64) == first


def complaint(machine: Machine, address: int) -> str:
    """What freeing `address` makes the kernel say."""
    with pytest.raises(HostStop):
        machine.free(address)
    return written(machine.host, machine.paper).decode()


def test_an_object_freed_twice_is_reported(machine: Machine) -> None:
    machine.start()
    address = machine.allocate(100)
    machine.free(address)
    assert complaint(machine, address) == f"\nheap: 128 bytes at {address:#x} was freed twice\n"


def test_a_write_beyond_the_end_is_reported_when_it_is_freed(machine: Machine) -> None:
    machine.start()
    address = machine.allocate(128)
    machine.host.write(address + 128, b"x")
    said = complaint(machine, address)
    assert said == f"\nheap: 128 bytes at {address:#x} was written beyond its end\n"


def test_a_write_after_freeing_is_reported_at_the_next_allocation(machine: Machine) -> None:
    machine.start()
    address = machine.allocate(128)
    machine.free(address)
    machine.host.write(address + 5, b"x")
    with pytest.raises(HostStop):
        machine.allocate(128)
    said = written(machine.host, machine.paper).decode()
    assert said == f"\nheap: 128 bytes at {address:#x} was written to after it was freed\n"


SLOT = 32
"""Bytes from an object of 16 bytes to the next one."""


@pytest.mark.parametrize("slots", [0.5, -1, -8, 119], ids=str)
def test_freeing_what_is_no_object_is_reported(machine: Machine, slots: float) -> None:
    """Inside of one, in front of the first one of a slab, and behind the last one."""
    machine.start()
    address = machine.allocate(16)
    wrong = address + int(slots * SLOT)
    assert wrong // PAGE == address // PAGE
    said = complaint(machine, wrong)
    assert said == f"\nheap: 16 bytes at {wrong:#x} is freed but is not where one begins\n"
