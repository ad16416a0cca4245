"""Interrupts by messages, from devices that send one when they are told to."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.clock.clock import Clock
from kernel.console.console import Console
from kernel.interrupts.action import Action
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.pci.bus import PciBus
from kernel.pci.device import PciDevice
from kernel.pci.msi import Msi
from kernel.selftest.case import Outcome, TestSuite, check
from pykasm import *

TIMEOUT = 1_000_000_000
"""Nanoseconds in which a message arrives, or never will."""


class Edu(IntEnum):
    """QEMU's device for teaching (QEMU, docs/specs/edu.rst): its numbers, and registers in its
    first resource."""

    VENDOR = 0x1234
    DEVICE = 0x11E8
    RAISE = 0x60
    ACKNOWLEDGE = 0x64


class Ethernet(IntEnum):
    """Intel's 82574 (data sheet 3.4, 10.2.4): the same of it."""

    VENDOR = 0x8086
    DEVICE = 0x10D3
    CAUSE_READ = 0xC0
    CAUSE_SET = 0xC8
    MASK_SET = 0xD0
    VECTORS = 0xE4


class Cause(IntFlag):
    """Bits of `CAUSE_SET` and `MASK_SET` (10.2.4.1)."""

    OTHER = 1 << 24


OTHER_VALID = 1 << 19
"""In `VECTORS`: causes of the kind `OTHER` have a message, number 0 (10.2.4.9)."""


class PciTests(TestSuite):
    """Needs devices that not every machine has."""

    action = bss(Action)
    arrived = bss(U32)

    def __init__(
        self, console: Console, bus: PciBus, messages: Msi, memory: RuntimeMappings, clock: Clock
    ) -> None:
        self.console = console
        self.bus = bus
        self.messages = messages
        self.memory = memory
        self.clock = clock
        self.tests = [check("pci.msi", self.msi), check("pci.msi_x", self.msi_x)]

    @function
    def msi(self) -> U32:
        """A message of MSI is delivered."""
        device = keep(self.find(Edu.VENDOR, Edu.DEVICE))
        with if_(device == 0):
            self.console.print("needs `-device edu`: ")
            ret(Outcome.SKIPPED)
        registers = keep(self.begin(device))
        with if_(registers == 0):
            ret(Outcome.FAILED)
        mov(u32[registers + Edu.RAISE], 1)
        outcome = keep(self.wait())
        mov(u32[registers + Edu.ACKNOWLEDGE], 1)
        self.end(device, registers)
        ret(outcome)

    @function
    def msi_x(self) -> U32:
        """A message of MSI-X is delivered."""
        device = keep(self.find(Ethernet.VENDOR, Ethernet.DEVICE))
        with if_(device == 0):
            self.console.print("needs `-device e1000e`: ")
            ret(Outcome.SKIPPED)
        registers = keep(self.begin(device))
        with if_(registers == 0):
            ret(Outcome.FAILED)
        mov(u32[registers + Ethernet.VECTORS], OTHER_VALID)
        mov(u32[registers + Ethernet.MASK_SET], Cause.OTHER)
        mov(u32[registers + Ethernet.CAUSE_SET], Cause.OTHER)
        outcome = keep(self.wait())
        mov(u32[registers + Ethernet.CAUSE_READ], Cause.OTHER)  # a bit that is written is cleared
        self.end(device, registers)
        ret(outcome)

    @function
    def find(self, vendor: U16, number: U16) -> Ptr[PciDevice]:
        """Return the first function of this make, or null."""
        vendor, number = scratch(vendor), scratch(number)
        with (
            self.bus.each() as device,
            if_((device.vendor == vendor) & (device.device == number)),
        ):
            ret(device)
        ret(0)

    @function
    def begin(self, device: Keep[Ptr[PciDevice]]) -> Owned[U64]:
        """Attach to the device's message 0. Return the address of its registers, 0 if that
        fails."""
        mov(self.arrived, 0)
        mov(rax, address_of(self.count))
        mov(self.action.handler, rax)
        result = self.messages.attach(device, 0, address_of(self.action))
        with if_(result != 0):
            self.console.print("no message: %d: ", result)
            ret(0)
        resource = device.resources[0]
        registers = self.memory.map_device(resource.address, resource.size)
        with if_(registers == 0):
            self.messages.detach(device, 0, address_of(self.action))
            ret(0)
        ret(registers)

    @function
    def end(self, device: Ptr[PciDevice], registers: Keep[Owned[U64]]) -> None:
        """Undo what `begin` did."""
        self.messages.detach(device, 0, address_of(self.action))
        tail(self.memory.unmap_device, registers)

    @function
    def count(self, argument: U64) -> None:
        """Count the message."""
        inc(self.arrived)

    @function
    def wait(self) -> U32:
        """Return PASSED if a message comes in time, else FAILED."""
        deadline = keep(self.clock.now())
        add(deadline, TIMEOUT)
        with while_(self.arrived == 0):
            now = self.clock.now()
            with if_(now > deadline):
                self.console.print("no message came: ")
                ret(Outcome.FAILED)
            pause()
        ret(Outcome.PASSED)
