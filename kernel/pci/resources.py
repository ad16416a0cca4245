"""Finding out where a function answers, and how far that reaches."""

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
UPPER = 32
"""Where the second register of a wide one begins in it."""


class PciResources(Subsystem):
    """Reads base address registers, and measures them as PCI 3.0, 6.2.5.1 says: of all ones
    written to one, those stay that belong to the address. Context: nobody uses the function."""

    def __init__(self, configuration: ConfigurationSpace) -> None:
        self.configuration = configuration

    @function
    def find(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Fill `device.resources` in. Meanwhile the function answers nowhere."""
        command = keep(U32)
        mov(command, self.configuration.fetch(device.function, PciHeader, "command"))
        mov(esi, command)
        and_(esi, ~(PciCommand.PORTS | PciCommand.MEMORY))
        self.configuration.set_command(device.function, esi)
        self.find_all(device)
        self.configuration.set_command(device.function, command)

    @function
    def find_all(self, device: Keep[Ptr[PciDevice]]) -> None:
        """The same; the function does not answer."""
        resource, offset, end = keep(Ptr[PciResource]), keep(U32), keep(U32)
        lea(resource, device.resources)
        mov(offset, FIRST_BAR)
        mov(end, FIRST_BAR + BARS * sizeof(U32))
        with if_(device.kind == HeaderType.BRIDGE):
            mov(end, FIRST_BAR + BRIDGE_BARS * sizeof(U32))
        with while_(offset < end):
            self.find_one(device.function, offset, resource)
            mov(eax, resource.flags)
            add(offset, sizeof(U32))
            add(resource, sizeof(PciResource))
            with if_(eax & Bar.WIDE):
                add(offset, sizeof(U32))  # it has two registers, and the second no resource
                add(resource, sizeof(PciResource))

    @function
    def find_one(
        self, function: Keep[U32], offset: Keep[U32], resource: Keep[Ptr[PciResource]]
    ) -> None:
        """Fill `resource` in by the register at `offset`, and the next one if it is wide."""
        flags = keep(U32)
        value, mask = self.measure(function, offset)
        mov(resource.address, value)
        mov(resource.size, mask)
        mov(flags, u32(value))
        with if_(flags & Bar.PORTS):
            and_(flags, Bar.PORTS)
            self._cut(resource, PORT_FLAGS)
        with else_():
            and_(flags, MEMORY_FLAGS)
            self._cut(resource, MEMORY_FLAGS)
        mov(resource.flags, flags)
        with if_(flags & Bar.WIDE):
            add(offset, sizeof(U32))
            value, mask = self.measure(function, offset)
            shl(value, UPPER)
            or_(resource.address, value)
            shl(mask, UPPER)
            or_(resource.size, mask)
        mov(rax, resource.size)
        neg(rax)
        and_(resource.size, rax)  # what the lowest bit that can be written counts

    def _cut(self, resource: Ptr[PciResource], flags: int) -> None:
        """Keep what is no flag of the value and the mask in `resource`."""
        and_(resource.address, ~flags)
        and_(resource.size, ~flags)

    @function
    def measure(self, function: Keep[U32], offset: Keep[U32]) -> tuple[U64, U64]:
        """What the register at `offset` has, and still has; and what stays of ones written."""
        value = keep(U32)
        mov(value, self.configuration.read(function, offset))
        self.configuration.write(function, offset, ALL_ONES)
        mask = keep(self.configuration.read(function, offset))
        self.configuration.write(function, offset, value)
        ret(u64(value), u64(mask))
