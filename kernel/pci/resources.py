"""Read and measure the base address registers of a function."""

from __future__ import annotations

from kernel.pci.configuration import ConfigurationSpace
from kernel.pci.device import PciDevice, PciResource
from kernel.pci.header import (
    BARS,
    BRIDGE_BARS,
    MEMORY_FLAGS,
    PORT_FLAGS,
    Bar,
    HeaderType,
    PciCommand,
    PciHeader,
)
from pykasm import *

FIRST_BAR = offsetof(PciHeader, "bars")
ALL_ONES = 0xFFFF_FFFF
UPPER_SHIFT = 32
"""The position of the second register in a 64-bit address."""


class PciResources(Subsystem):
    """Read base address registers, and measure the resources behind them.

    Of all ones written to a register, those stay that belong to the address (PCI 3.0, 6.2.5.1).
    Context: threads; nothing uses the function meanwhile.
    """

    def __init__(self, configuration: ConfigurationSpace) -> None:
        self.configuration = configuration

    @function
    def find(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Fill in `device.resources`.

        Meanwhile the function responds to no address, as its registers hold wrong ones.
        """
        command = keep(U32)
        mov(command, self.configuration.read_field(device.function, PciHeader, "command"))
        disabled = scratch(command)
        and_(disabled, ~(PciCommand.IO_SPACE | PciCommand.MEMORY_SPACE))
        self.configuration.write_command(device.function, disabled)
        self._find_all(device)
        self.configuration.write_command(device.function, command)

    @function
    def _find_all(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Fill in `device.resources`, with the function's responses disabled."""
        resource, offset, end = keep(Ptr[PciResource]), keep(U32), keep(U32)
        lea(resource, device.resources)
        mov(offset, FIRST_BAR)
        mov(end, FIRST_BAR + BARS * sizeof(U32))
        with if_(device.header_type == HeaderType.BRIDGE):
            mov(end, FIRST_BAR + BRIDGE_BARS * sizeof(U32))
        with while_(offset < end):
            self._find_one(device.function, offset, resource)
            mov(eax, resource.flags)
            add(offset, sizeof(U32))
            add(resource, sizeof(PciResource))
            with if_(eax & Bar.MEMORY_64):
                add(offset, sizeof(U32))  # the second of two registers has no resource of its own
                add(resource, sizeof(PciResource))

    @function
    def _find_one(
        self, function: Keep[U32], offset: Keep[U32], resource: Keep[Ptr[PciResource]]
    ) -> None:
        """Fill in `resource` by the register at `offset`, and the next one if it is 64-bit."""
        flags = keep(U32)
        value, mask = self._probe(function, offset)
        mov(resource.address, value)
        mov(resource.size, mask)
        mov(flags, u32(value))
        with if_(flags & Bar.IO):
            and_(flags, Bar.IO)
            self._cut(resource, PORT_FLAGS)
        with else_():
            and_(flags, MEMORY_FLAGS)
            self._cut(resource, MEMORY_FLAGS)
        mov(resource.flags, flags)
        with if_(flags & Bar.MEMORY_64):
            add(offset, sizeof(U32))
            value, mask = self._probe(function, offset)
            shl(value, UPPER_SHIFT)
            or_(resource.address, value)
            shl(mask, UPPER_SHIFT)
            or_(resource.size, mask)
        mov(rax, resource.size)
        neg(rax)
        and_(resource.size, rax)  # only the lowest bit that can be written, which is the size

    @inline
    def _cut(self, resource: Ptr[PciResource], flags: int) -> None:
        """Clear the `flags` of the address and the mask in `resource`."""
        and_(resource.address, ~flags)
        and_(resource.size, ~flags)

    @function
    def _probe(self, function: Keep[U32], offset: Keep[U32]) -> tuple[U64, U64]:
        """Return the value of the register at `offset`, and what stays of all ones written to it.

        Its value is restored.
        """
        value = keep(U32)
        mov(value, self.configuration.read(function, offset))
        self.configuration.write(function, offset, ALL_ONES)
        mask = keep(self.configuration.read(function, offset))
        self.configuration.write(function, offset, value)
        ret(u64(value), u64(mask))
