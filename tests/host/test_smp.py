"""Processors that call each other, on one that takes all of their places in turn."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.cpu.pagetable import PAGE
from kernel.interrupts.vectors import InterruptVector
from kernel.paging.space import Space
from kernel.processors.processor import Processor
from kernel.processors.request import Request
from kernel.smp.calls import Calls
from kernel.smp.tlb import SINGLY, Tlb
from pykasm import *
from pykasm.hostrun import Host, HostAssertion, HostFault
from tests.host.threads_support import Kernel

BLOCKS = 0xFFFF_C200_0000_0000
"""Where the per-CPU blocks of all processors but the first lie."""
KERNEL_HALF = 0xFFFF_8000_0000_0000
USER, OTHER_USER = 0x20_0000, 0x30_0000
"""Top page tables of two programs."""

MOST = 6
"""Processors."""


class Worker(Subsystem):
    """Has others do something, with interrupts on, as threads have them."""

    done = bss(U32)

    def __init__(self, calls: Calls, tlb: Tlb) -> None:
        self.calls = calls
        self.tlb = tlb
        self.request = bss(Request)

    @function(exported=True, sleeps=True)
    def call_others(self) -> None:
        self.request.prepare(address_of(self.work))
        sti()
        self.calls.on_others(address_of(self.request))

    @function(exported=True, sleeps=True)
    def call_others_with_interrupts_off(self) -> None:
        self.request.prepare(address_of(self.work))
        cli()
        self.calls.on_others(address_of(self.request))

    @function(exported=True, sleeps=True)
    def call(self, processor: Ptr[Processor]) -> None:
        processor = keep(processor)
        self.request.prepare(address_of(self.work))
        sti()
        self.calls.on(processor, address_of(self.request))

    @function(exported=True, sleeps=True)
    def flush(self, space: Ptr[Space], address: U64, pages: U64) -> None:
        sti()
        self.tlb.invalidate(space, address, pages)

    @function(context="interrupt")
    def work(self, request: Ptr[Request]) -> None:
        inc(self.done)


class Machine:
    """A machine whose processors do at once what they are asked to."""

    def __init__(self) -> None:
        kernel = Kernel()
        self.per_cpu, self.apic = kernel.per_cpu, kernel.apic
        self.processors = kernel.processors
        self.calls, self.tlb = kernel.parts[Calls], kernel.parts[Tlb]
        self.worker = Worker(self.calls, self.tlb)
        self.host: Host = kernel.host(self.worker, self.calls, self.tlb, self.per_cpu)
        self.host.map(BLOCKS, MOST * PAGE)
        self.host.checkpoint()
        self.apics: list[int] = []

    def start(self, apics: list[int]) -> None:
        """Start over with processors whose local APICs have these numbers; the last one runs."""
        self.host.reset()
        self.apics = apics
        self.sent: list[tuple[int, int]] = []
        for number, apic in enumerate(apics):
            if number:
                block = BLOCKS + number * PAGE
                self.host.call(self.per_cpu.fill, block)
                self.host.call(self.per_cpu.use, block, number)
            self.host.stub(self.apic.id, lambda apic=apic: apic)
            self.host.call(self.processors.enter)
        self.host.stub(self.apic.send, self.deliver)
        self.forgotten = self.host.stub(self.tlb.flush)

    def processor(self, number: int) -> Any:
        """The record of a processor."""
        return self.host.call(self.processors.numbered, number)

    def deliver(self, apic: int, command: int) -> None:
        """Have the processor `apic` count its request off."""
        self.sent.append((apic, command))
        (found,) = [one for one in self.records if one.apic == apic]
        request = found.inbox
        assert request
        found.inbox = 0
        request.left -= 1

    def remember(self) -> None:
        """Look all records up, before code runs that can't be interrupted by that."""
        self.records = [self.processor(number) for number in range(len(self.apics))]


apic_numbers = st.lists(st.integers(0, 0xFFFF_FFFE), min_size=1, max_size=MOST, unique=True)


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine()


@given(apic_numbers, st.integers(0, 0xFFFF_FFFF))
def test_processors_are_found_by_both_numbers(
    machine: Machine, apics: list[int], other: int
) -> None:
    machine.start(apics)
    assert machine.host[machine.processors.count] == len(apics)
    for number, apic in enumerate(apics):
        assert machine.processor(number).apic == apic
        assert machine.host.call(machine.processors.find, apic) == machine.processor(number)
    assert machine.processor(len(apics)) == 0
    if other not in apics:
        assert machine.host.call(machine.processors.find, other) == 0


def test_before_the_first_processor_is_listed_there_is_none(machine: Machine) -> None:
    machine.host.reset()
    assert machine.host.call(machine.processors.find, 0) == 0


@given(apic_numbers)
def test_all_others_are_called(machine: Machine, apics: list[int]) -> None:
    machine.start(apics)
    machine.remember()
    machine.host.call(machine.worker.call_others)
    assert machine.sent == [(apic, InterruptVector.CALL) for apic in apics[:-1]]
    assert machine.host[machine.worker.request].left == 0


@given(apic_numbers, st.data())
def test_one_is_called(machine: Machine, apics: list[int], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(apics) - 1))
    machine.start(apics)
    machine.remember()
    machine.host.call(machine.worker.call, machine.processor(number))
    assert machine.sent == [(apics[number], InterruptVector.CALL)]


def test_a_call_without_interrupts_is_a_mistake(machine: Machine) -> None:
    machine.start([0, 1])
    with pytest.raises(HostAssertion, match=r"asserts\(rax & RFlags\.IF\)"):
        machine.host.call(machine.worker.call_others_with_interrupts_off)
    assert machine.sent == []


def test_what_a_processor_is_asked_to_do_is_done_once(machine: Machine) -> None:
    machine.start([0, 1])
    own = machine.processor(1)
    request = machine.host.new(Request, handler=machine.worker.work, left=1)
    own.inbox = request
    for _ in range(2):
        machine.host.call(machine.calls.serve, 0)
    assert machine.host[machine.worker.done] == 1
    assert request.left == 0
    assert own.inbox == 0


def test_a_processor_that_has_not_emptied_its_inbox_is_waited_for(machine: Machine) -> None:
    machine.start([0, 1])
    busy = machine.processor(0)
    first = machine.host.new(Request, handler=machine.worker.work, left=1)
    second = machine.host.new(Request, handler=machine.worker.work)
    busy.inbox = first
    with pytest.raises(HostFault, match="instructions"):
        machine.host.call(machine.calls.post, busy, second, limit=1000)
    assert busy.inbox == first
    assert machine.sent == []


@given(
    st.lists(st.sampled_from([USER, OTHER_USER]), min_size=1, max_size=MOST),
    st.booleans(),
    st.integers(1, 2 * SINGLY),
)
def test_only_those_forget_that_may_know(
    machine: Machine, roots: list[int], kernels: bool, pages: int
) -> None:
    machine.start(list(range(len(roots))))
    machine.remember()
    for record, root in zip(machine.records, roots, strict=True):
        record.root = root
    address = (KERNEL_HALF if kernels else 0) + 5 * PAGE
    machine.host.call(machine.worker.flush, machine.host.new(Space, root=USER), address, pages)
    assert machine.forgotten.calls == [(address, pages)]
    needed = [number for number, root in enumerate(roots[:-1]) if kernels or root == USER]
    assert machine.sent == [(number, InterruptVector.CALL) for number in needed]
