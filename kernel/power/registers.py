"""Registers that the firmware's tables tell of, in whichever address space."""

from __future__ import annotations

from kernel.acpi.structures import AddressSpaceId
from kernel.mm.directmap import DirectMap
from kernel.pci.configuration import ConfigurationSpace
from kernel.pci.header import ConfigurationAddress
from pykasm import *

LAST_PORT = 0xFFFF
"""The highest I/O port."""

PCI_DEVICE_SHIFT, PCI_FUNCTION_SHIFT, PCI_PART_MASK = 32, 16, 0xFFFF
"""The parts of a register's address in PCI configuration space, on bus 0 of segment group 0, whose
lowest is the offset (ACPI 6.5, 5.2.3.2, table 5.1)."""


class GenericRegisters(Subsystem):
    """Read and write the registers of generic address structures (ACPI 6.5, 5.2.3.2).

    `space` is an `AddressSpaceId`. A register that can't be at the address told is not touched, and
    reads as 0. Context: threads.
    """

    def __init__(self, memory: DirectMap, configuration: ConfigurationSpace) -> None:
        self.memory = memory
        self.configuration = configuration

    @function
    def write_byte(self, space: U8, address: Keep[U64], value: Keep[U8]) -> None:
        """Write `value` to the register of 8 bits at `address`."""
        with if_(space == AddressSpaceId.PCI):
            tail(self._write_configuration, address, value)
        with if_((space == AddressSpaceId.IO) & (address <= LAST_PORT)):
            mov(rdx, address)
            mov(al, value)
            out(dx, al)
        with elif_(space == AddressSpaceId.MEMORY):
            place = self.memory.map_registers(address, sizeof(U8))
            with if_(place != 0):
                mov(u8[place], value)

    @function
    def _write_configuration(self, address: U64, value: U8) -> None:
        """Write `value` to the byte of PCI configuration space at `address`."""
        function, part = scratch(U64), scratch(U64)
        mov(function, address)
        shr(function, PCI_DEVICE_SHIFT)
        shl(function, ConfigurationAddress.DEVICE)
        mov(part, address)
        shr(part, PCI_FUNCTION_SHIFT)
        and_(part, PCI_PART_MASK)
        add(function, part)
        and_(address, PCI_PART_MASK)
        tail(self.configuration.write_byte, u32(function), u32(address), value)

    @function
    def read_word(self, space: U8, address: Keep[U64]) -> U16:
        """Return the value of the register of 16 bits at `address`."""
        with if_((space == AddressSpaceId.IO) & (address <= LAST_PORT)):
            mov(rdx, address)
            in_(ax, dx)
            ret(ax)
        with if_(space == AddressSpaceId.MEMORY):
            place = self.memory.map_registers(address, sizeof(U16))
            with if_(place != 0):
                ret(u16[place])
        ret(0)

    @function
    def write_word(self, space: U8, address: Keep[U64], value: Keep[U16]) -> None:
        """Write `value` to the register of 16 bits at `address`."""
        with if_((space == AddressSpaceId.IO) & (address <= LAST_PORT)):
            mov(rdx, address)
            mov(ax, value)
            out(dx, ax)
        with elif_(space == AddressSpaceId.MEMORY):
            place = self.memory.map_registers(address, sizeof(U16))
            with if_(place != 0):
                mov(u16[place], value)
