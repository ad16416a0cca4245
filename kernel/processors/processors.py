"""All processors that run the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kernel.cpu.percpu import PerCpu
from kernel.interrupts.localapic import LocalApic
from kernel.processors.processor import Processor
from kernel.structures.list import ListHead
from pykasm import *


class Processors(Subsystem):
    """A list to which processors are only ever added, one at a time, while starting: readers need
    no lock."""

    own = percpu(Processor)
    """This processor's record."""
    all = bss(ListHead, elements="Processor.link")
    """In the order of their numbers."""
    count = bss(U32)
    """The number of processors; 0 before the first one has listed itself."""

    def __init__(self, per_cpu: PerCpu, apic: LocalApic) -> None:
        self.per_cpu = per_cpu
        self.apic = apic

    @function(init=True)
    def enter(self) -> None:
        """Add this processor, whose local APIC works, to the list: others may call it from now on.
        Context: while it starts, interrupts off."""
        own, link = keep(Ptr[Processor]), scratch(Ptr[ListHead])
        self.per_cpu.point_at(u64(own), self.own)
        mov(own.apic, self.apic.id())
        mov(eax, self.per_cpu.number)
        mov(own.number, eax)
        mov(rax, self.per_cpu.block)
        mov(own.block, rax)
        mov(rax, cr3)
        mov(own.root, rax)
        with if_(self.count == 0):
            self.all.reset()
        lea(link, own.link)  # last: others read the record as soon as it is listed
        self.all.append(link)
        inc(self.count)

    @inline(changes=rax)
    @contextmanager
    def each(self, place: Callable[[Any], Any] = keep) -> Iterator[Ptr[Processor]]:
        """Run the block for each processor, with the address of its record in a register from
        `place`, `keep` or `scratch`."""
        with self.all.each(Processor, "link", place) as processor:
            yield processor

    @inline(changes=rax)
    @contextmanager
    def others(self) -> Iterator[Ptr[Processor]]:
        """Run the block for each processor but this one. Context: the thread stays on its
        processor."""
        with self.each() as processor:
            mov(eax, self.per_cpu.number)
            with if_(processor.number != eax):
                yield processor

    @function
    def after(self, processor: Ptr[Processor]) -> Ptr[Processor]:
        """Return the processor after `processor`; the first one after the last one, or after null.
        Context: any, once there is one."""
        link = scratch(Ptr[ListHead])
        lea(link, self.all)
        with if_(processor != 0):
            lea(link, processor.link)
        mov(link, link.next)
        lea(rax, self.all)
        with if_(link == rax):  # the head, which is in no processor: one further is the first
            mov(link, link.next)
        ret(container_of(link, Processor, "link"))

    @function
    def numbered(self, number: U64) -> OrNull[Ptr[Processor]]:
        """Return the processor with this number, null if there is none."""
        with self.each(scratch) as processor:
            mov(eax, processor.number)
            with if_(rax == number):
                ret(processor)
        ret(0)

    @function
    def find(self, apic: U32) -> OrNull[Ptr[Processor]]:
        """Return the processor with this local APIC, null if there is none. Context: any, panics
        too."""
        with if_(self.count == 0):  # a panic this early finds no list
            ret(0)
        with self.each(scratch) as processor, if_(processor.apic == apic):
            ret(processor)
        ret(0)
