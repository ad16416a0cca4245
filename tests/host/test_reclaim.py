"""Giving back memory that each processor keeps."""

from __future__ import annotations

from kernel.interrupts.localapic import LocalApic
from kernel.mm.pagemagazines import PageMagazines
from kernel.mm.reclaim import Reclaim
from kernel.mm.slabs import Slabs
from kernel.processors.processor import Processor
from kernel.processors.processors import Processors
from kernel.smp.calls import Calls
from kernel.structures.list import ListHead
from kernel.threads.stacks import ThreadStacks
from tests.host.console_support import Paper, host_for, parts_on

COUNT = 3


def test_each_processor_is_asked_before_and_after_what_is_for_the_whole_kernel() -> None:
    parts = parts_on(Paper(), Slabs, PageMagazines, LocalApic, Calls, ThreadStacks)
    calls, spare, processors = parts[Calls], parts[ThreadStacks], parts[Processors]
    reclaim = parts[Reclaim]
    host = host_for(reclaim)
    places = [int(host.new(Processor, number=n)) for n in range(COUNT)]
    ring = [int(host.address(processors.all)), *places]
    for place, behind in zip(ring, [*ring[1:], ring[0]], strict=True):
        host.at(ListHead, place).next = behind
    done: list[int | str] = []
    host.stub(calls.on, lambda processor, request: done.append(processor))
    host.stub(spare.shrink, lambda: done.append("trim"))
    host.call(reclaim.run)
    assert done == [*places, "trim", *places]
