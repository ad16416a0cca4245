"""Giving back memory that each processor keeps."""

from __future__ import annotations

from typing import Any

from kernel.mm.reclaim import Reclaim, Shrinker
from kernel.processors.processor import Processor
from kernel.processors.processors import Processors
from kernel.processors.request import Request
from kernel.structures.list import ListHead
from pykasm import *
from tests.host.console_support import Paper, host_for, log_on

COUNT = 3


class Caches(Subsystem):
    """What processors keep."""

    @function
    def shrink(self) -> None:
        """Answered by the tests."""

    @function
    def drain_all(self) -> None:
        """Answered by the tests."""


class Spare(Shrinker):
    """What the whole kernel keeps."""

    @function
    def shrink(self) -> None:
        """Answered by the tests."""


class Apic(Subsystem):
    """What tells a processor's number."""

    @function
    def id(self) -> U32:
        """Any."""
        ret(0)


class Calls(Subsystem):
    """How processors are asked."""

    @function(sleeps=True)
    def on(self, processor: Ptr[Processor], request: Ptr[Request]) -> None:
        """Answered by the tests."""

    @function(sleeps=True)
    def on_others(self, request: Ptr[Request]) -> None:
        """Answered by the tests."""


def test_each_processor_is_asked_before_and_after_what_is_for_the_whole_kernel() -> None:
    caches: Any = Caches()
    calls: Any = Calls()
    spare = Spare()
    apic: Any = Apic()
    paper: Any = Paper()
    processors = Processors(log_on(paper).per_cpu, apic)
    reclaim = Reclaim(caches, caches, processors, calls, [spare])
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
