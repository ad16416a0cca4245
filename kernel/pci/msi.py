"""Interrupts by messages: MSI and MSI-X (PCI Local Bus Specification 3.0, 6.8)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.errno import Errno
from kernel.interrupts.action import Action
from kernel.interrupts.dispatcher import Dispatcher
from kernel.irq.lines import Lines
from kernel.mm.runtime import Runtime
from kernel.pci.configuration import ConfigurationSpace
from kernel.pci.device import PciDevice, PciResource
from kernel.pci.header import BARS, Bar, PciCommand, PciHeader
from pykasm import *


class MsiControl(IntFlag):
    """MsiMessage control of MSI, with the capability's first two bytes below it (6.8.1.3)."""

    ENABLE = 1 << 16
    COUNT = 7 << 20
    """log2 of the messages in use."""
    WIDE = 1 << 23
    """The address has 64 bits."""


class MsiOffset(IntEnum):
    """Where the rest of the capability is (6.8.1)."""

    ADDRESS = 4
    UPPER_ADDRESS = 8
    DATA = 8
    DATA_OF_WIDE = 12


class MsiXControl(IntFlag):
    """MsiMessage control of MSI-X, in the same place (6.8.2.3)."""

    MASK_ALL = 1 << 30
    ENABLE = 1 << 31


LAST_MESSAGE_SHIFT = 16
LAST_MESSAGE_MASK = 0x7FF
"""The number of the table's last entry, in the same place."""

TABLE_OFFSET = 4
"""Where the capability says where the table is."""
RESOURCE_MASK = 7
"""The bits of it that number the resource which has the table; the others are the offset."""


class MsiMessage(Struct):
    """An entry of the table of MSI-X (6.8.2.6)."""

    address: U64
    data: U32
    control: U32


MESSAGE_SHIFT = 4
"""log2 of its bytes."""

MASKED = 1 << 0
"""In `MsiMessage.control`."""


class Msi(Subsystem):
    """Lets functions of the PCI bus interrupt without a line. Context: threads, one at a time for a
    device."""

    def __init__(
        self,
        configuration: ConfigurationSpace,
        dispatcher: Dispatcher,
        lines: Lines,
        memory: Runtime,
    ) -> None:
        self.configuration = configuration
        self.dispatcher = dispatcher
        self.lines = lines
        self.memory = memory

    @function
    def attach(
        self, device: Keep[Ptr[PciDevice]], number: Keep[U32], action: Keep[Ptr[Action]]
    ) -> I32:
        """Let `action` be called for message `number` of `device`, counted from 0.

        0, or -ENODEV if the device has no such message, or -ENOSPC if there is no vector for it, or
        -ENOMEM if the device's table can't be mapped.
        """
        vector = keep(self.dispatcher.allocate(action))
        with if_(vector == 0):
            ret(-Errno.ENOSPC)
        result = keep(self.direct(device, number, vector))
        with if_(result != 0):
            self.dispatcher.release(vector, action)
        ret(result)

    @function
    def detach(
        self, device: Keep[Ptr[PciDevice]], number: Keep[U32], action: Keep[Ptr[Action]]
    ) -> None:
        """Call `action` no more for message `number` of `device`, which `attach` gave it; it does
        not run when this returns.

        The vector is the one that the kernel knows: a device that is broken, or was pulled out,
        gives anything for it.
        """
        vector = keep(self.dispatcher.allocated(action))
        with if_(vector == 0):
            ret()
        with if_(device.msi_x != 0):
            self.silence_msi_x(device, number)
        with else_():
            self.silence_msi(device)
        self.lines.forget(vector)
        self.dispatcher.release(vector, action)

    @function
    def silence_msi_x(self, device: Keep[Ptr[PciDevice]], number: U32) -> None:
        """Let the device send this message of MSI-X no more."""
        mov(self._entry(device, number).control, MASKED)
        dec(device.attached)
        with if_(device.attached == 0):
            self.memory.unmap_device(device.messages)
            mov(device.messages, 0)

    @function
    def silence_msi(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Let the device send no message of MSI."""
        control = self._read(device, device.msi, 0)
        and_(control, ~MsiControl.ENABLE)
        self._write(device, device.msi, 0, control)

    @function
    def direct(self, device: Ptr[PciDevice], number: U32, vector: U32) -> I32:
        """Let message `number` of `device` arrive at `vector`. 0, -ENODEV or -ENOMEM."""
        with if_(device.msi_x != 0):
            tail(self.direct_msi_x, device, number, vector)
        with if_((device.msi != 0) & (number == 0)):
            tail(self.direct_msi, device, vector)
        ret(-Errno.ENODEV)

    @function
    def direct_msi(self, device: Keep[Ptr[PciDevice]], vector: Keep[U32]) -> I32:
        """Let the one message of MSI that is used arrive at `vector`. 0."""
        control = keep(U32)
        mov(control, self._read(device, device.msi, 0))
        address = self.lines.message(vector)
        self._write(device, device.msi, MsiOffset.ADDRESS, u32(address))
        with if_(control & MsiControl.WIDE):
            self._write(device, device.msi, MsiOffset.UPPER_ADDRESS, 0)
            self._write(device, device.msi, MsiOffset.DATA_OF_WIDE, vector)
        with else_():
            self._write(device, device.msi, MsiOffset.DATA, vector)
        and_(control, ~MsiControl.COUNT)
        or_(control, MsiControl.ENABLE)
        self._write(device, device.msi, 0, control)
        self.let_master(device.function)
        ret(0)

    @function
    def direct_msi_x(
        self, device: Keep[Ptr[PciDevice]], number: Keep[U32], vector: Keep[U32]
    ) -> I32:
        """Let message `number` of MSI-X arrive at `vector`. 0, -ENODEV or -ENOMEM."""
        address = keep(U64)
        result = self.reach_table(device, number)
        with if_(result != 0):
            ret(result)
        inc(device.attached)
        mov(address, self.lines.message(vector))
        entry = self._entry(device, number)
        mov(entry.control, MASKED)
        mov(entry.address, address)
        mov(entry.data, vector)
        mov(entry.control, 0)
        control = self._read(device, device.msi_x, 0)
        or_(control, MsiXControl.ENABLE)
        and_(control, ~MsiXControl.MASK_ALL)
        self._write(device, device.msi_x, 0, control)
        self.let_master(device.function)
        ret(0)

    def _entry(self, device: Ptr[PciDevice], number: U32) -> Ptr[MsiMessage]:
        """The entry `number` of the device's table, which is mapped."""
        entry = scratch(U64)
        mov(u32(entry), number)
        shl(entry, MESSAGE_SHIFT)
        add(entry, device.messages)
        return cast(entry, Ptr[MsiMessage])

    @function
    def reach_table(self, device: Keep[Ptr[PciDevice]], number: Keep[U32]) -> I32:
        """Let the device's table be mapped, which stays so as long as messages are attached: to
        silence them must not want memory. 0; -ENODEV if it has no such entry; -ENOMEM."""
        size, place = keep(U64), keep(U32)
        control = self._read(device, device.msi_x, 0)
        shr(control, LAST_MESSAGE_SHIFT)
        and_(control, LAST_MESSAGE_MASK)
        lea(u32(size), bare[u64(control) + 1])
        shl(size, MESSAGE_SHIFT)
        with if_(number > control):
            ret(-Errno.ENODEV)
        with if_(device.messages != 0):
            ret(0)
        mov(place, self._read(device, device.msi_x, TABLE_OFFSET))
        mov(eax, place)
        and_(eax, RESOURCE_MASK)
        with if_(eax >= BARS):
            ret(-Errno.ENODEV)
        point_at(rcx, device.resources, rax)
        resource = cast(rcx, Ptr[PciResource])
        and_(place, ~RESOURCE_MASK)
        lea(rax, bare[u64(place) + size])
        with if_((rax > resource.size) | (resource.flags & Bar.PORTS)):
            ret(-Errno.ENODEV)
        add(u64(place), resource.address)
        table = self.memory.map_device(u64(place), size)
        with if_(table == 0):
            ret(-Errno.ENOMEM)
        mov(device.messages, table)
        ret(0)

    @function
    def let_master(self, function: Keep[U32]) -> None:
        """Let the function write to memory, and so send messages, and use no line."""
        flags = self.configuration.fetch(function, PciHeader, "command")
        or_(flags, PciCommand.MEMORY | PciCommand.BUS_MASTER | PciCommand.INTERRUPT_DISABLE)
        self.configuration.set_command(function, flags)

    def _read(self, device: Ptr[PciDevice], capability: U8, offset: int) -> U32:
        movzx(esi, capability)
        add(esi, offset)
        return self.configuration.read(device.function, esi)

    def _write(self, device: Ptr[PciDevice], capability: U8, offset: int, value: object) -> None:
        mov(edx, value)
        movzx(esi, capability)
        add(esi, offset)
        self.configuration.write(device.function, esi, edx)
