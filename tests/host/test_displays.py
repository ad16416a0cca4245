"""Displays that the firmware left without a picture, and what they lack."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.console.screen import Display, TextScreen
from kernel.contents import CONTENTS
from kernel.display.bochs import SETTINGS, BochsDisplay, DispiRegister, DisplayRegisters
from kernel.display.firmwareconfig import ConfigItem, ConfigPort, FirmwareConfig
from kernel.display.ramfb import HEIGHT, ORDER, WIDTH, RamFramebuffer
from kernel.errno import Errno
from kernel.mm.directmap import DirectMap
from kernel.mm.pages import Pages
from kernel.paging.addresses import Area
from kernel.pci.configuration import ConfigurationSpace
from kernel.pci.device import PciDevice
from pykasm import *
from pykasm.hostrun import Host

PIXELS, REGISTERS = 0xFD00_0000, 0xFEBF_0000
SIZE = 16 << 20
FILES = [(b"etc/acpi/tables", 0x20), (b"etc/ramfb", 0x2A), (b"etc/e820", 0x21)]


class Machine:
    """A host with both displays. The screen is not drawn: all that counts is that it is opened."""

    def __init__(self) -> None:
        parts = Parts(CONTENTS)
        self.bochs, self.ramfb = parts[BochsDisplay], parts[RamFramebuffer]
        self.screen, self.memory = parts[TextScreen], parts[DirectMap]
        self.config, self.pages = parts[FirmwareConfig], parts[Pages]
        self.host = Host(self.bochs, self.ramfb)
        self.host.define("symbols_start", 0)
        self.host.define("symbols_end", 0)
        self.host.map(Area.DIRECT_MAP + REGISTERS, 0x1000)
        configuration = parts[ConfigurationSpace]
        self.host.stub(configuration.read, lambda function, offset: 0)
        self.commands = self.host.stub(configuration.write)
        self.opened = self.host.stub(self.screen.open_framebuffer)
        self.host.checkpoint()

    def reset(self) -> None:
        """Begin anew, with a display on the bus and memory for everything."""
        self.host.reset()
        self.opened.calls.clear()
        self.commands.calls.clear()
        device = self.host.new(PciDevice, vendor=0x1234, device=0x1111, function=8)
        for number, (address, size) in {0: (PIXELS, SIZE), 2: (REGISTERS, 0x1000)}.items():
            device.resources[number].address = address
            device.resources[number].size = size
        self.device = device
        head = self.bochs.bus.devices
        self.host[head.next] = self.host[head.previous] = int(device)
        device.link.next = device.link.previous = int(self.host.address(head))
        self.host.stub(self.memory.claim_registers, lambda start, length: Area.DIRECT_MAP + start)
        self.host.stub(self.memory.map_framebuffer, lambda start, length: 0)


@pytest.fixture(scope="module")
def made() -> Machine:
    return Machine()


@pytest.fixture
def machine(made: Machine) -> Machine:
    made.reset()
    return made


def test_a_display_of_bochs_gets_a_mode(machine: Machine) -> None:
    machine.host.call(machine.bochs.start)
    assert len(machine.opened.calls) == 1
    registers: Any = machine.host.at(DisplayRegisters, Area.DIRECT_MAP + REGISTERS)
    last = dict(SETTINGS)
    assert [registers.dispi[one] for one in DispiRegister] == [last[one] for one in DispiRegister]
    assert machine.host[machine.bochs.framebuffer.mode.address] == PIXELS
    [(_, offset, command)] = machine.commands.calls
    assert (offset, command) == (4, 2), "it responds at its addresses in memory"


def test_what_has_a_picture_already_is_left_alone(machine: Machine) -> None:
    machine.host[machine.screen.display] = Display.VGA
    machine.host.call(machine.bochs.start)
    machine.host.call(machine.ramfb.start)
    assert machine.opened.calls == machine.commands.calls == []


@pytest.mark.parametrize(("vendor", "device"), [(0x8086, 0x1111), (0x1234, 0x1112)])
def test_other_devices_are_left_alone(machine: Machine, vendor: int, device: int) -> None:
    machine.device.vendor, machine.device.device = vendor, device
    machine.host.call(machine.bochs.start)
    assert machine.opened.calls == machine.commands.calls == []


@pytest.mark.parametrize(("number", "size"), [(0, 1 << 20), (2, 0)])
def test_a_display_without_room_or_registers_is_left_alone(
    machine: Machine, number: int, size: int
) -> None:
    machine.device.resources[number].size = size
    machine.host.call(machine.bochs.start)
    assert machine.opened.calls == machine.commands.calls == []


def test_a_display_that_can_not_be_mapped_shows_nothing(machine: Machine) -> None:
    machine.host.stub(machine.memory.claim_registers, lambda start, length: 0)
    machine.host.call(machine.bochs.start)
    machine.host.stub(machine.memory.claim_registers, lambda start, length: Area.DIRECT_MAP + start)
    machine.host.stub(machine.memory.map_framebuffer, lambda start, length: -Errno.ENOMEM)
    machine.host.call(machine.bochs.start)
    assert machine.opened.calls == []


class Config:
    """QEMU's configuration device, of which `items` can be read and files written."""

    def __init__(self, machine: Machine, files: list[tuple[bytes, int]]) -> None:
        directory = len(files).to_bytes(4, "big")
        for name, item in files:
            directory += (28).to_bytes(4, "big") + item.to_bytes(2, "big") + bytes(2)
            directory += name.ljust(56, b"\0")
        self.items = {
            ConfigItem.SIGNATURE: b"QEMU",
            ConfigItem.FEATURES: b"\3\0\0\0",
            ConfigItem.DIRECTORY: directory,
        }
        self.rest = b""
        machine.host[machine.config.features.basic_more] = 1 << 31
        machine.host.on_out(ConfigPort.SELECTOR, self.select)
        machine.host.on_in(ConfigPort.DATA, self.read)

    def select(self, port: int, value: int) -> None:
        self.rest = self.items[ConfigItem(value)]

    def read(self, port: int) -> int:
        byte, self.rest = self.rest[0], self.rest[1:]
        return byte


def test_a_framebuffer_in_memory_is_asked_for(machine: Machine) -> None:
    Config(machine, FILES)
    written = machine.host.stub(machine.config.write, lambda item, data, length: 1)
    machine.host.stub(machine.pages.allocate, lambda order: 0x80_0000 if order == ORDER else 0)
    machine.host.call(machine.ramfb.start)
    [(item, _, length)] = written.calls
    assert (item, length) == (0x2A, 28)
    wanted: Any = machine.host[machine.ramfb.wanted]
    assert (wanted.address, wanted.width, wanted.height) == (0x80_0000, WIDTH, HEIGHT)
    assert len(machine.opened.calls) == 1


def test_without_memory_none_is_asked_for(machine: Machine) -> None:
    Config(machine, FILES)
    written = machine.host.stub(machine.config.write, lambda item, data, length: 1)
    machine.host.stub(machine.pages.allocate, lambda order: 0)
    machine.host.call(machine.ramfb.start)
    assert written.calls == machine.opened.calls == []


def test_memory_that_is_not_shown_is_given_back(machine: Machine) -> None:
    Config(machine, FILES)
    machine.host.stub(machine.config.write, lambda item, data, length: 0)
    machine.host.stub(machine.pages.allocate, lambda order: 0x80_0000)
    freed = machine.host.stub(machine.pages.free)
    machine.host.call(machine.ramfb.start)
    assert freed.calls == [(0x80_0000, ORDER)]
    assert machine.opened.calls == []


@pytest.mark.parametrize("files", [[], FILES[:1], FILES[2:]])
def test_without_the_file_there_is_no_framebuffer(
    machine: Machine, files: list[tuple[bytes, int]]
) -> None:
    Config(machine, files)
    machine.host.call(machine.ramfb.start)
    assert machine.opened.calls == []


def test_on_a_real_machine_no_port_is_touched(machine: Machine) -> None:
    machine.host[machine.config.features.basic_more] = 0
    machine.host.call(machine.ramfb.start)  # a port that nobody answers for would be a fault
    assert machine.opened.calls == []
