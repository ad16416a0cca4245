"""Message-signalled interrupts: MSI and MSI-X (PCI Local Bus Specification 3.0, 6.8)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.errno import Errno
from kernel.interrupts.action import Action
from kernel.interrupts.dispatcher import Dispatcher
from kernel.irq.lines import Lines
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.pci.configuration import ConfigurationSpace
from kernel.pci.device import PciDevice, PciResource
from kernel.pci.header import BARS, Bar, PciCommand, PciHeader
from pykasm import *


class MsiControl(IntFlag):
    """Message control of MSI, in the upper half of the capability's first 32 bits (6.8.1.3)."""

    ENABLE = 1 << 16
    MULTIPLE_ENABLE = 7 << 20
    """log2 of the number of enabled messages."""
    ADDRESS_64 = 1 << 23
    """The address has 64 bits."""


class MsiOffset(IntEnum):
    """Offsets in the capability of MSI (6.8.1)."""

    ADDRESS = 4
    UPPER_ADDRESS = 8
    DATA = 8
    DATA_64 = 12


class MsiXControl(IntFlag):
    """Message control of MSI-X, in the upper half of the capability's first 32 bits (6.8.2.3)."""

    FUNCTION_MASK = 1 << 30
    """All messages are masked."""
    ENABLE = 1 << 31


TABLE_SIZE_SHIFT = 16
TABLE_SIZE_MASK = 0x7FF
"""In the same 32 bits: the number of entries of the table, minus 1."""

TABLE_OFFSET = 4
"""The offset in the capability of MSI-X of the table's location (6.8.2.4)."""
BIR_MASK = 7
"""The bits of the location with the number of the table's resource; the others are the offset in
that."""


class MsiMessage(Struct):
    """An entry of the table of MSI-X (6.8.2.6 to 6.8.2.9)."""

    address: U64
    data: U32
    control: U32


MESSAGE_SHIFT = 4
"""log2 of the bytes of a `MsiMessage`."""

MASKED = 1 << 0
"""A flag in `MsiMessage.control`: the message is not sent."""


class Msi(Subsystem):
    """Attach actions to the messages of PCI functions: those of MSI-X, or the first one of MSI.

    Context: threads, one at a time for a device.
    """

    def __init__(
        self,
        configuration: ConfigurationSpace,
        dispatcher: Dispatcher,
        lines: Lines,
        memory: RuntimeMappings,
    ) -> None:
        self.configuration = configuration
        self.dispatcher = dispatcher
        self.lines = lines
        self.memory = memory

    @function
    def attach(
        self, device: Keep[Ptr[PciDevice]], number: Keep[U32], action: Keep[Ptr[Action]]
    ) -> OrErrno[I32]:
        """Call `action` for message `number` of `device`, counted from 0.

        Return 0, -ENODEV if the device has no such message, -ENOSPC if no vector is free, or
        -ENOMEM if the device's table can't be mapped.
        """
        vector = keep(self.dispatcher.allocate(action))
        fail_if(vector == 0, Errno.ENOSPC)
        errdefer(self.dispatcher.release, vector, action)
        try_(self._route(device, number, vector))
        ret(0)

    @function
    def detach(
        self, device: Keep[Ptr[PciDevice]], number: Keep[U32], action: Keep[Ptr[Action]]
    ) -> None:
        """Stop calling `action` for message `number` of `device`; wait until it does not run."""
        # The vector is not read from the device, which may be broken or unplugged.
        vector = keep(self.dispatcher.allocated(action))
        with if_(vector == 0):
            ret()
        with if_(device.msi_x != 0):
            self._disable_msi_x(device, number)
        with else_():
            self._disable_msi(device)
        self.lines.forget(vector)
        self.dispatcher.release(vector, action)  # waits for the action

    @function
    def _disable_msi_x(self, device: Keep[Ptr[PciDevice]], number: U32) -> None:
        """Mask message `number` of MSI-X; unmap the table after the last one."""
        mov(self._entry(device, number).control, MASKED)
        dec(device.msi_x_attached)
        with if_(device.msi_x_attached == 0):
            self.memory.unmap_device(device.msi_x_table)
            mov(device.msi_x_table, 0)

    @function
    def _disable_msi(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Disable MSI of the device."""
        control = self._read(device, device.msi, 0)
        and_(control, ~MsiControl.ENABLE)
        self._write(device, device.msi, 0, control)

    @function
    def _route(self, device: Ptr[PciDevice], number: U32, vector: U32) -> OrErrno[I32]:
        """Route message `number` of `device` to `vector`. Return 0, -ENODEV or -ENOMEM."""
        with if_(device.msi_x != 0):
            tail(self._enable_msi_x, device, number, vector)
        with if_((device.msi != 0) & (number == 0)):
            tail(self._enable_msi, device, vector)
        ret(-Errno.ENODEV)

    @function
    def _enable_msi(self, device: Keep[Ptr[PciDevice]], vector: Keep[U32]) -> OrErrno[I32]:
        """Route the first message of MSI to `vector`, and enable it. Return 0."""
        control = keep(U32)
        mov(control, self._read(device, device.msi, 0))
        address = self.lines.message(vector)
        self._write(device, device.msi, MsiOffset.ADDRESS, u32(address))
        with if_(control & MsiControl.ADDRESS_64):
            self._write(device, device.msi, MsiOffset.UPPER_ADDRESS, 0)
            self._write(device, device.msi, MsiOffset.DATA_64, vector)
        with else_():
            self._write(device, device.msi, MsiOffset.DATA, vector)
        and_(control, ~MsiControl.MULTIPLE_ENABLE)  # one message
        or_(control, MsiControl.ENABLE)
        self._write(device, device.msi, 0, control)
        self._enable_messages(device.function)
        ret(0)

    @function
    def _enable_msi_x(
        self, device: Keep[Ptr[PciDevice]], number: Keep[U32], vector: Keep[U32]
    ) -> OrErrno[I32]:
        """Route message `number` of MSI-X to `vector`, and enable it.

        Return 0, -ENODEV or -ENOMEM.
        """
        address = keep(U64)
        try_(self._map_table(device, number))
        inc(device.msi_x_attached)
        mov(address, self.lines.message(vector))
        entry = self._entry(device, number)
        mov(entry.control, MASKED)  # the entry may change only while it is masked (6.8.2)
        mov(entry.address, address)
        mov(entry.data, vector)
        mov(entry.control, 0)
        control = self._read(device, device.msi_x, 0)
        or_(control, MsiXControl.ENABLE)
        and_(control, ~MsiXControl.FUNCTION_MASK)
        self._write(device, device.msi_x, 0, control)
        self._enable_messages(device.function)
        ret(0)

    @inline
    def _entry(self, device: Ptr[PciDevice], number: U32) -> Ptr[MsiMessage]:
        """Return the address of entry `number` of the mapped table, in a scratch register."""
        entry = scratch(U64)
        mov(u32(entry), number)
        shl(entry, MESSAGE_SHIFT)
        add(entry, device.msi_x_table)
        return cast(entry, Ptr[MsiMessage])

    @function
    def _map_table(self, device: Keep[Ptr[PciDevice]], number: Keep[U32]) -> OrErrno[I32]:
        """Map the device's table if it is not mapped yet.

        It stays mapped while messages are attached, as masking them must not fail. Return 0,
        -ENODEV if the table has no entry `number` or is impossible, or -ENOMEM.
        """
        size, location = keep(U64), keep(U32)
        control = self._read(device, device.msi_x, 0)
        shr(control, TABLE_SIZE_SHIFT)
        and_(control, TABLE_SIZE_MASK)
        lea(u32(size), bare[u64(control) + 1])  # it encodes the number of entries minus 1
        shl(size, MESSAGE_SHIFT)
        fail_if(number > control, Errno.ENODEV)
        with if_(device.msi_x_table != 0):
            ret(0)
        mov(location, self._read(device, device.msi_x, TABLE_OFFSET))
        mov(eax, location)
        and_(eax, BIR_MASK)
        fail_if(eax >= BARS, Errno.ENODEV)
        resource = scratch(Ptr[PciResource])
        point_at(resource, device.resources, rax)
        and_(location, ~BIR_MASK)
        lea(rax, bare[u64(location) + size])
        fail_if((rax > resource.size) | (resource.flags & Bar.IO), Errno.ENODEV)
        add(u64(location), resource.address)
        table = try_(self.memory.map_device(u64(location), size), Errno.ENOMEM)
        mov(device.msi_x_table, table)
        ret(0)

    @function
    def _enable_messages(self, function: Keep[U32]) -> None:
        """Enable the function's access to memory, by which it sends messages; disable its pin."""
        flags = self.configuration.read_field(function, PciHeader, "command")
        or_(flags, PciCommand.MEMORY_SPACE | PciCommand.BUS_MASTER | PciCommand.INTERRUPT_DISABLE)
        self.configuration.write_command(function, flags)

    @inline(changes=CALLER_SAVED)
    def _read(self, device: Ptr[PciDevice], capability: U8, offset: int) -> U32:
        """Read the register at `offset` in a capability of `device`."""
        register = scratch(U32)
        movzx(register, capability)
        add(register, offset)
        return self.configuration.read(device.function, register)

    @inline(changes=("value", *CALLER_SAVED))
    def _write(self, device: Ptr[PciDevice], capability: U8, offset: int, value: object) -> None:
        """Write `value` to the register at `offset` in a capability of `device`."""
        register = scratch(U32)
        movzx(register, capability)
        add(register, offset)
        self.configuration.write(device.function, register, value)
