"""The memory of a processor, with any part of it lacking."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.cpu.descriptors import Descriptors, InterruptStack
from kernel.cpu.percpu import PerCpu
from kernel.cpu.stack import STACK_SIZE
from kernel.cpu.stacks import Stacks
from kernel.sched.thread import Thread
from kernel.start.resources import STACKS, ProcessorMemory, ProcessorResources
from pykasm import *
from pykasm.hostrun import Host

PARTS = len(STACKS) + 3
"""What a seat has: per-CPU variables, stacks, two threads."""


class Memory(Subsystem):
    """What gives memory."""

    @function
    def allocate(self, pages: U64) -> U64:
        """Answered by the tests."""
        ret(0)

    @function
    def free(self, address: U64) -> None:
        """Answered by the tests."""


class ThreadSource(Subsystem):
    """What gives threads."""

    @function
    def make(self) -> Ptr[Thread]:
        """Answered by the tests."""
        ret(0)

    @function
    def assign(self, thread: Ptr[Thread], block: U64) -> None:
        """Answered by the tests."""

    @function
    def discard(self, thread: Ptr[Thread]) -> None:
        """Answered by the tests."""


class Machine:
    """A host that has memory for so many parts."""

    def __init__(self, lacking: int | None = None) -> None:
        memory: Any = Memory()
        threads: Any = ThreadSource()
        per_cpu = PerCpu()
        descriptors = Descriptors(per_cpu, Stacks())
        self.resources = ProcessorResources(per_cpu, descriptors, memory, threads, threads, threads)
        self.host = Host(self.resources, traced=False)
        self.host.define("percpu_size", 100)
        self.host.stub(memory.allocate, lambda pages: self.take())
        self.host.stub(threads.make, lambda: self.take())
        self.host.stub(memory.free, self.give)
        self.host.stub(threads.discard, self.give)
        self.assigned = self.host.stub(threads.assign)
        self.filled = self.host.stub(per_cpu.fill)
        self.stacked = self.host.stub(descriptors.give_stack)
        self.lacking = lacking
        self.asked = 0
        self.given: set[int] = set()

    def take(self) -> int:
        self.asked += 1
        if self.asked == self.lacking:
            return 0
        self.given.add(self.asked << 20)
        return self.asked << 20

    def give(self, part: int) -> None:
        self.given.remove(int(part))

    def memory(self) -> tuple[int, Any]:
        """What taking a seat gives, and the seat."""
        place = self.host.new(ProcessorMemory)
        return int(self.host.call(self.resources.take, place)), place


def test_a_seat_has_all_its_parts() -> None:
    machine = Machine()
    taken, memory = machine.memory()
    assert taken == 1
    parts = {*map(int, (memory.block, memory.thread, memory.worker)), *map(int, memory.stacks)}
    assert parts == machine.given
    assert len(parts) == PARTS
    assert machine.filled.calls == [(int(memory.block),)]
    assert machine.assigned.calls == [(int(memory.worker), int(memory.block))]
    assert machine.stacked.calls == [
        (int(memory.block), stack, int(memory.stacks[index]) + STACK_SIZE)
        for index, stack in enumerate(one for one in InterruptStack if one != InterruptStack.NONE)
    ]


@pytest.mark.parametrize("lacking", range(1, PARTS + 1))
def test_without_one_part_the_others_are_given_back(lacking: int) -> None:
    machine = Machine(lacking)
    taken, _ = machine.memory()
    assert taken == 0
    assert machine.asked == PARTS
    assert machine.given == set()
    assert machine.filled.calls == machine.assigned.calls == machine.stacked.calls == []
