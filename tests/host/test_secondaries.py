"""Waking processors, on a model of the machine that they are in."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.acpi.madt import InterruptModel, MadtEntryType, ProcessorFlags
from kernel.acpi.tables import AcpiTables
from kernel.clock.clock import Clock
from kernel.cpu.pagetable import PAGE
from kernel.interrupts.localapic import InterruptCommand, LocalApic
from kernel.paging.addresses import Area
from kernel.processors.processor import Processor
from kernel.processors.processors import Processors
from kernel.start.resources import ProcessorResources
from kernel.start.secondaries import TIMEOUT, Secondaries
from kernel.start.secondary import SecondaryStart, StartStage
from kernel.start.trampoline import CLOSED, PARAMETERS, StartParameters, Trampoline
from kernel.time.tscsync import TscSync
from pykasm import *
from pykasm.hostrun import Host
from tests.host.console_support import Paper, host_for, parts_on, written

TRAMPOLINE = 0x8000
SILENT = (
    AcpiTables,
    LocalApic,
    Clock,
    Processors,
    Trampoline,
    SecondaryStart,
    ProcessorResources,
    TscSync,
)
"""What answers as the tests have it."""
OWN = 0
"""The local APIC of the processor that wakes the others."""
NOBODY = 0xFF


@dataclass
class Chip:
    """A processor of the machine."""

    apic: int
    answers_to: int = 1
    """Which STARTUP it obeys, counted from 1; 0 for none."""
    gets_stuck: bool = False
    asked: int = 0
    has_come: bool = False
    was_reset: bool = False
    entry: MadtEntryType = MadtEntryType.LOCAL_APIC
    flags: int = ProcessorFlags.ENABLED

    def describe(self) -> bytes:
        """Its entry in the firmware's table."""
        if self.entry == MadtEntryType.LOCAL_APIC:
            return struct.pack("<BBBBI", self.entry, 8, 0, self.apic & 0xFF, self.flags)
        return struct.pack("<BBHIII", self.entry, 16, 0, self.apic, self.flags, 0)


class Machine:
    """A host that wakes the processors of a machine, and what becomes of them."""

    def __init__(self) -> None:
        self.paper: Any = Paper()
        parts = parts_on(self.paper, *SILENT)
        self.tables, self.apic, self.clock = parts[AcpiTables], parts[LocalApic], parts[Clock]
        self.processors, self.page = parts[Processors], parts[Trampoline]
        self.secondary_start, self.tsc_sync = parts[SecondaryStart], parts[TscSync]
        self.resources = parts[ProcessorResources]
        self.model, self.secondaries = parts[InterruptModel], parts[Secondaries]
        self.host: Host = host_for(self.secondaries)
        self.host.map(Area.DIRECT_MAP + TRAMPOLINE, PAGE)
        self.host.checkpoint()

    def run(self, chips: list[Chip], resources: int = 100, page: int = TRAMPOLINE) -> None:
        """Wake these processors, with memory for so many of them."""
        self.host.reset()
        self.chips = {chip.apic: chip for chip in chips}
        self.running = [OWN]
        self.time = self.taken = self.given = 0
        self.host[self.apic.base] = 1
        self.host[self.processors.count] = 1
        body = b"".join(chip.describe() for chip in chips)
        table = struct.pack("<4sI28sII", b"APIC", 44 + len(body), b"", 0, 1) + body
        address = int(self.host.bytes(table))
        record = self.host.new(Processor)
        self.host.stub(self.tables.find, lambda signature, size: address)
        self.host.stub(self.apic.send, self.send)
        self.host.stub(self.clock.now, self.now)
        self.host.stub(self.page.install, lambda: page)
        self.host.stub(self.processors.find, lambda apic: record if apic in self.running else 0)
        self.host.stub(self.resources.allocate, lambda memory: int(self.take(resources)))
        self.host.stub(self.resources.free, lambda memory: self.give())
        self.host.stub(self.tsc_sync.compare, self.compare)
        self.host.call(self.model.start)
        self.host.call(self.secondaries.start)
        said = written(self.host, self.paper)
        self.said = bytes(one for one in said if one < 0x80).decode()  # no colours

    def now(self) -> int:
        self.time += TIMEOUT // 100
        self.let_go_on()
        return self.time

    @property
    def parameters(self) -> Any:
        """What is in the page of the trampoline."""
        return self.host.at(StartParameters, Area.DIRECT_MAP + TRAMPOLINE + PARAMETERS)

    def let_go_on(self) -> None:
        """Release the processor that is expected, if it has come."""
        chip = self.chips.get(self.parameters.expected - 1)
        if chip is None or not chip.has_come:
            return
        self.parameters.expected = 0
        if not chip.gets_stuck:
            self.host[self.secondary_start.stage] = StartStage.RUNNING
            assert self.host[self.secondary_start.number] == len(self.running)
            self.running.append(chip.apic)

    def take(self, limit: int) -> bool:
        self.taken += 1
        return self.taken - self.given <= limit

    def give(self) -> None:
        self.given += 1

    def send(self, apic: int, command: int) -> None:
        """Have a processor do what it is told."""
        assert apic not in self.running
        chip = self.chips[apic]
        if command == InterruptCommand.INIT:
            chip.was_reset = True
            return
        assert command == InterruptCommand.STARTUP | TRAMPOLINE // PAGE
        assert chip.was_reset
        chip.asked += 1
        if chip.asked == chip.answers_to:
            chip.has_come = True
            self.parameters.arrivals[self.parameters.arrived] = apic + 1
            self.parameters.arrived += 1

    def compare(self) -> None:
        """Both compare their counters, then the new one is there for good."""
        self.host[self.secondary_start.stage] = StartStage.COMPARED
        self.host[self.processors.count] = len(self.running)


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine()


chips = st.builds(
    Chip,
    apic=st.integers(1, NOBODY - 1),
    answers_to=st.integers(0, 3),
    gets_stuck=st.booleans(),
)


@given(st.lists(chips, max_size=6, unique_by=lambda chip: chip.apic))
def test_those_that_answer_run_and_others_are_reported(machine: Machine, chips: list[Chip]) -> None:
    machine.run([Chip(OWN), *chips])
    came = [chip for chip in chips if chip.answers_to in (1, 2)]
    assert machine.running == [OWN, *(chip.apic for chip in came if not chip.gets_stuck)]
    assert machine.taken == len(came), "nothing is taken for one that has not come"
    expected = {
        f"cpu: the processor of APIC {chip.apic} "
        + ("gets stuck: left out" if chip in came else "does not answer: left out")
        for chip in chips
        if chip not in came or chip.gets_stuck
    }
    assert set(machine.said.splitlines()) == expected


@pytest.mark.parametrize("absent", [1, 2, 50])
def test_those_that_are_absent_are_waited_for_together(machine: Machine, absent: int) -> None:
    chips = [Chip(1), *(Chip(2 + number, answers_to=0) for number in range(absent))]
    machine.run([Chip(OWN), *chips, Chip(NOBODY - 1)])
    assert machine.running == [OWN, 1, NOBODY - 1]
    assert machine.time < 1.5 * TIMEOUT
    assert machine.said.count("does not answer") == absent
    assert machine.parameters.expected == CLOSED


def test_a_lone_processor_wakes_nobody(machine: Machine) -> None:
    machine.run([Chip(OWN)])
    assert machine.running == [OWN]
    assert machine.time == 0


def test_those_that_are_not_there_or_not_reached_are_let_alone(machine: Machine) -> None:
    machine.run(
        [
            Chip(OWN),
            Chip(1, flags=0),
            Chip(2, flags=ProcessorFlags.ONLINE_CAPABLE),
            Chip(NOBODY),
            Chip(300, entry=MadtEntryType.LOCAL_X2APIC),
            Chip(3, entry=MadtEntryType.LOCAL_X2APIC),
        ]
    )
    assert machine.running == [OWN, 3]


def test_one_that_is_named_twice_is_woken_once(machine: Machine) -> None:
    machine.run([Chip(OWN), Chip(1), Chip(1, entry=MadtEntryType.LOCAL_X2APIC)])
    assert machine.running == [OWN, 1]
    assert machine.said == ""


def test_without_memory_the_rest_stays_asleep(machine: Machine) -> None:
    machine.run([Chip(OWN), Chip(1), Chip(2)], resources=1)
    assert machine.running == [OWN, 1]
    assert machine.said == "cpu: no memory to start the processor of APIC 2\n"


def test_without_memory_below_1_mib_all_stay_asleep(machine: Machine) -> None:
    machine.run([Chip(OWN), Chip(1)], page=0)
    assert machine.running == [OWN]
    assert machine.said == "cpu: no memory below 1 MiB to start other processors in\n"
