"""Messages in the place of interrupt lines, with devices made by Python."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from kernel.contents import CONTENTS
from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.interrupts.action import Action
from kernel.interrupts.dispatcher import Dispatcher
from kernel.irq.lines import Lines
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.pci.configuration import ConfigurationSpace
from kernel.pci.device import PciDevice
from kernel.pci.header import Bar
from kernel.pci.msi import MASKED, Msi, MsiControl, MsiMessage, MsiOffset, MsiXControl
from pykasm import *
from pykasm.hostrun import Host, stand_ins

TABLE = 0xFEB0_0000
OFFSET = 0x800
MESSAGES = 4
CAPABILITY = 0x50
ADDRESS = 0xFEE0_0000
"""Where messages are written to."""

MAPPED = 0xFFFF_C000_1000_0000
"""Where the kernel finds the table."""


class Bench:
    """A host with a device that has a table of MSI-X."""

    def __init__(self) -> None:
        silent = stand_ins(ConfigurationSpace, Dispatcher, Lines, RuntimeMappings)
        parts = Parts(CONTENTS, instead=silent)
        spaces, vectors = parts[ConfigurationSpace], parts[Dispatcher]
        lines, memory = parts[Lines], parts[RuntimeMappings]
        self.messages = parts[Msi]
        self.host = Host(self.messages, traced=False)
        self.host.map(MAPPED, PAGE)
        self.registers = {0: (MESSAGES - 1) << 16 | MsiXControl.FUNCTION_MASK, 4: OFFSET | 2}
        self.vectors: dict[int, int] = {}
        """The vector of each action."""
        self.mapped: list[tuple[int, int]] = []
        self.memory_left = True
        self.host.stub(spaces.read, self.read)
        self.host.stub(lines.message, lambda vector: ADDRESS)
        self.host.stub(spaces.write, self.write)
        self.host.stub(vectors.allocate, self.take)
        self.host.stub(vectors.allocated, lambda action: self.vectors.get(int(action), 0))
        self.host.stub(vectors.release, self.release)
        self.forgotten = self.host.stub(lines.forget)
        self.host.stub(memory.map_device, self.map)
        self.host.stub(memory.unmap_device, self.unmap)
        self.device: Any = self.host.new(PciDevice, msi_x=CAPABILITY)
        self.device.resources[2].address = TABLE
        self.device.resources[2].size = PAGE
        self.actions = [self.host.new(Action) for _ in range(MESSAGES + 1)]

    def read(self, function: int, offset: int) -> int:
        return self.registers.get(offset - CAPABILITY, 0)

    def write(self, function: int, offset: int, value: int) -> None:
        self.registers[offset - CAPABILITY] = int(value)

    def take(self, action: int) -> int:
        self.vectors[int(action)] = max(self.vectors.values(), default=0x2F) + 1
        return self.vectors[int(action)]

    def release(self, vector: int, action: int) -> None:
        assert self.vectors.pop(int(action)) == vector

    def map(self, physical: int, length: int) -> int:
        if not self.memory_left:
            return 0
        self.mapped.append((int(physical), int(length)))
        return MAPPED + OFFSET

    def unmap(self, address: int) -> None:
        assert address == MAPPED + OFFSET
        self.mapped.pop()

    def attach(self, number: int) -> int:
        call = self.messages.attach
        return int(self.host.call(call, self.device, number, self.actions[number]))

    def detach(self, number: int) -> None:
        self.host.call(self.messages.detach, self.device, number, self.actions[number])

    def entry(self, number: int) -> tuple[int, int, int]:
        """Address, data and control of an entry of the table."""
        place = MAPPED + OFFSET + number * sizeof(MsiMessage)
        address, data, control = struct.unpack("<QII", self.host.read(place, sizeof(MsiMessage)))
        return int(address), int(data), int(control)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_message_goes_to_its_vector(bench: Bench) -> None:
    assert bench.attach(1) == 0
    assert bench.entry(1) == (ADDRESS, 0x30, 0)
    assert bench.registers[0] & MsiXControl.ENABLE
    assert not bench.registers[0] & MsiXControl.FUNCTION_MASK


def test_the_table_is_mapped_as_long_as_messages_are_attached(bench: Bench) -> None:
    for number in (3, 0):
        assert bench.attach(number) == 0
        assert bench.mapped == [(TABLE + OFFSET, MESSAGES * sizeof(MsiMessage))]
    bench.detach(3)
    assert len(bench.mapped) == 1
    bench.detach(0)
    assert bench.mapped == []
    assert bench.vectors == {}


def test_a_message_is_silenced_without_memory(bench: Bench) -> None:
    bench.attach(1)
    bench.memory_left = False
    bench.detach(1)
    assert bench.entry(1)[2] == MASKED
    assert bench.vectors == {}
    assert bench.forgotten.calls == [(0x30,)]


def test_without_memory_nothing_is_attached(bench: Bench) -> None:
    bench.memory_left = False
    assert bench.attach(1) == -Errno.ENOMEM
    assert bench.vectors == {}
    bench.memory_left = True
    assert bench.attach(1) == 0


def test_a_message_that_is_not_there_is_refused(bench: Bench) -> None:
    assert bench.attach(MESSAGES) == -Errno.ENODEV
    assert bench.vectors == {}


@pytest.mark.parametrize("place", [OFFSET | 3, OFFSET | 7, PAGE - sizeof(MsiMessage) | 2])
def test_a_table_beyond_the_devices_memory_is_refused(bench: Bench, place: int) -> None:
    bench.registers[4] = place
    assert bench.attach(0) == -Errno.ENODEV
    assert bench.mapped == []


def test_detaching_twice_changes_nothing(bench: Bench) -> None:
    bench.attach(0)
    bench.attach(1)
    bench.detach(0)
    bench.detach(0)
    assert len(bench.mapped) == 1
    assert bench.entry(1) == (ADDRESS, 0x31, 0)


def test_a_table_among_ports_is_refused(bench: Bench) -> None:
    bench.device.resources[2].flags = Bar.IO
    assert bench.attach(0) == -Errno.ENODEV
    assert bench.mapped == []


BROKEN = 0xFFFF_FFFF
"""What a device gives for everything that was pulled out."""


def test_the_vector_of_a_broken_table_is_not_believed(bench: Bench) -> None:
    bench.attach(1)
    bench.host.write(MAPPED + OFFSET, struct.pack("<I", BROKEN) * (PAGE - OFFSET >> 2))
    bench.detach(1)
    assert bench.forgotten.calls == [(0x30,)]
    assert bench.vectors == {}
    assert bench.mapped == []


@pytest.mark.parametrize("wide", [0, MsiControl.ADDRESS_64])
def test_the_vector_of_a_broken_capability_is_not_believed(bench: Bench, wide: int) -> None:
    bench.device.msi, bench.device.msi_x = CAPABILITY, 0
    bench.registers = {0: wide}
    assert bench.attach(0) == 0
    place = MsiOffset.DATA_64 if wide else MsiOffset.DATA
    assert bench.registers[place] == 0x30
    bench.registers = dict.fromkeys(range(0, 16, 4), BROKEN)
    bench.detach(0)
    assert not bench.registers[0] & MsiControl.ENABLE
    assert bench.forgotten.calls == [(0x30,)]
    assert bench.vectors == {}
