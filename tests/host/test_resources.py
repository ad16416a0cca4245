"""The memory of a processor, with any part of it lacking."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.contents import CONTENTS
from kernel.cpu.descriptors import Descriptors, InterruptStack
from kernel.cpu.percpu import PerCpu
from kernel.cpu.stack import STACK_SIZE
from kernel.irq.deferred import Deferred
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.start.resources import STACKS, ProcessorMemory, ProcessorResources
from kernel.threads.idle import Idle
from kernel.threads.threads import Threads
from pykasm import *
from pykasm.hostrun import Host, stand_ins

PARTS = len(STACKS) + 3
"""What a processor has: per-CPU variables, stacks, two threads."""


class Machine:
    """A host that has memory for so many parts."""

    def __init__(self, lacking: int | None = None) -> None:
        parts = Parts(CONTENTS, instead=stand_ins(RuntimeMappings, Idle, Deferred, Threads))
        self.resources = parts[ProcessorResources]
        self.host = Host(self.resources, traced=False)
        self.host.define("percpu_size", 100)
        self.host.stub(parts[RuntimeMappings].allocate, lambda pages: self.take())
        self.host.stub(parts[Idle].make, self.take)
        self.host.stub(parts[Deferred].make, self.take)
        self.host.stub(parts[RuntimeMappings].free, self.give)
        self.host.stub(parts[Threads].discard, self.give)
        self.assigned = self.host.stub(parts[Deferred].assign)
        self.filled = self.host.stub(parts[PerCpu].fill)
        self.stacked = self.host.stub(parts[Descriptors].set_stack)
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
        """What taking the resources gives, and the resources."""
        place = self.host.new(ProcessorMemory)
        return int(self.host.call(self.resources.allocate, place)), place


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
