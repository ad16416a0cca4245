"""The command that shows the PCI bus."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.monitor.command import Commands, command
from kernel.pci.bus import PciBus
from kernel.pci.classes import PciClassNames
from kernel.pci.device import PciDevice, PciResource
from kernel.pci.header import BARS, BUSES, DEVICES, FUNCTIONS, Bar, ConfigurationAddress, HeaderType
from kernel.text.numbers import HEXADECIMAL, Numbers
from kernel.text.strings import Words
from pykasm import *

DIGIT_BITS = 4
"""Bits of a hexadecimal digit."""

NO_NUMBER = 0xFFFF_FFFF
"""Where a number should be, before its first digit."""

COLON, DOT = 1, 16
"""What the separators of a place count: it has one colon or two, and one dot."""


class PciCommands(Commands):
    """`pci`."""

    def __init__(
        self, console: Console, numbers: Numbers, bus: PciBus, classes: PciClassNames
    ) -> None:
        self.console = console
        self.numbers = numbers
        self.bus = bus
        self.classes = classes
        self.commands = [
            command("pci", "[BUS:DEV.FN]", "what is on the PCI bus, or one function", self.pci)
        ]

    @function
    def pci(self, words: Ptr[Words]) -> Bool:
        """Show all functions, or one in detail."""
        with if_(words.count == 1):
            self._show_all()
            ret(True)
        word = keep(words.word[1])
        device = self._named(word)
        with if_(device == 0):
            self.console.print("no function is at %s (`pci` lists them)\n", word)
            ret(True)
        self._show_details(device)
        ret(True)

    @function
    def _show_all(self) -> None:
        """Print a line for each function."""
        with self.bus.each() as device:
            self._show(device)
        with if_(self.bus.count == 0):
            self.console.print("no PCI bus\n")
        with if_(self.bus.lost != 0):
            self.console.print("no memory for %u more\n", self.bus.lost)

    @function
    def _named(self, word: Ptr[U8]) -> OrNull[Ptr[PciDevice]]:
        """Return the function at the place `word`, as `_show_place` writes it; null if there is
        none."""
        place, number, parts, digit = scratch(U32), scratch(U32), scratch(U32), scratch(U64)
        xor(place, place)
        xor(parts, parts)
        mov(number, NO_NUMBER)
        with while_(at(word) != 0):
            movzx(u32(digit), at(word))
            with switch(digit):
                with case(ord(":")):
                    self._join(place, number, ConfigurationAddress.BUS)
                    add(parts, COLON)
                with case(ord(".")):
                    self._join(
                        place, number, ConfigurationAddress.BUS - ConfigurationAddress.DEVICE
                    )
                    add(parts, DOT)
                with default():
                    self._add_digit(number, digit)
            inc(word)
        with if_((parts != COLON + DOT) & (parts != 2 * COLON + DOT)):
            ret(0)
        self._join(place, number, ConfigurationAddress.DEVICE)
        tail(self.bus.find, place)

    @inline(changes=("number", rax))
    def _add_digit(self, number: U32, digit: U64) -> None:
        """Append the hexadecimal `digit`, a character, to `number`; return null from the function
        if it is none."""
        mov(al, self.numbers.digit_values[digit])
        with if_(al >= HEXADECIMAL):
            ret(0)
        with if_(number == NO_NUMBER):
            xor(number, number)
        movzx(eax, al)
        shl(number, DIGIT_BITS)
        or_(number, eax)

    @inline(changes=("place", "number"))
    def _join(self, place: U32, number: U32, bits: int) -> None:
        """Append `number`, of so many `bits`, to `place`, and begin another number; return null
        from the function if it has more bits."""
        with if_(number >= 1 << bits):
            ret(0)
        shl(place, bits)
        or_(place, number)
        mov(number, NO_NUMBER)

    @function
    def _show_place(self, function: Keep[U32]) -> None:
        """Print the segment group, where it is not 0, the bus, the device and the function."""
        group = scratch(function)
        shr(group, ConfigurationAddress.GROUP)
        with if_(group != 0):
            self.console.print("%04x:", group)
        bus, device, number = scratch(function), scratch(function), scratch(function)
        shr(bus, ConfigurationAddress.BUS)
        and_(bus, BUSES - 1)
        shr(device, ConfigurationAddress.DEVICE)
        and_(device, DEVICES - 1)
        and_(number, FUNCTIONS - 1)
        self.console.print("%02x:%02x.%u", bus, device, number)

    @function
    def _show(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Print the place of `device`, its numbers, and the name of its class."""
        self._show_place(device.function)
        name = self.classes.find(device.base_class, device.subclass)
        self.console.print(
            "  %04x:%04x  %02x%02x  %s\n",
            device.vendor,
            device.device,
            device.base_class,
            device.subclass,
            name,
        )

    @function
    def _show_details(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Print all that is known of `device`."""
        resource, number = keep(Ptr[PciResource]), keep(U32)
        self._show(device)
        self.console.print(
            "  revision %02x, interface %02x, subsystem %04x:%04x\n",
            device.revision,
            device.interface,
            device.subsystem_vendor,
            device.subsystem,
        )
        self._show_interrupts(device)
        with if_(device.header_type == HeaderType.BRIDGE):
            self.console.print("  leads to bus %02x\n", device.secondary)
        lea(resource, device.resources)
        with for_(number, 0, BARS):
            with if_(resource.size != 0):
                self._show_resource(number, resource)
            add(resource, sizeof(PciResource))

    @function
    def _show_interrupts(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Print how `device` can interrupt."""
        with if_(device.pin != 0):
            movzx(eax, device.pin)
            add(eax, ord("A") - 1)
            self.console.print("  interrupt pin %c, line %u\n", al, device.line)
        with if_(device.msi != 0):
            self.console.print("  MSI at %02x\n", device.msi)
        with if_(device.msi_x != 0):
            self.console.print("  MSI-X at %02x\n", device.msi_x)

    @function
    def _show_resource(self, number: Keep[U32], resource: Keep[Ptr[PciResource]]) -> None:
        """Print the address and the size of a resource of a device."""
        with if_(resource.flags & Bar.IO):
            self.console.print("  %u  ports   %04x, %u\n", number, resource.address, resource.size)
            ret()
        self.console.print("  %u  memory  %016x, %z", number, resource.address, resource.size)
        with if_(resource.flags & Bar.PREFETCHABLE):
            self.console.print(", prefetchable")
        self.console.print("\n")
