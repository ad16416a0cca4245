"""Access to configuration spaces."""

from __future__ import annotations

from typing import Any

from kernel.acpi.mcfg import EcamRegions
from kernel.locks.spinlock import SpinLock
from kernel.mm.directmap import DirectMap
from kernel.paging.permissions import DEVICE
from kernel.pci.header import CONFIGURATION_SHIFT, ConfigurationAddress, PciHeader
from pykasm import *
from pykasm.lang.structs import fields_of

ADDRESS_PORT = 0xCF8
DATA_PORT = 0xCFC
"""The ports of configuration mechanism #1 (PCI 3.0, 3.2.2.3.2)."""

ADDRESS_ENABLE = 1 << 31
COMPATIBLE_SPACE = 256
"""Bytes of a configuration space that can be accessed by the ports."""

EXTENDED_SPACE = 1 << CONFIGURATION_SHIFT
"""Bytes of a configuration space in memory."""

NO_RESPONSE = 0xFFFF_FFFF
"""The value of a read that no function responds to."""


class ConfigurationSpace(Subsystem):
    """Read and write configuration spaces: in memory where the MCFG has them, else by ports.

    A function is given by its number: segment group, bus, device and function, packed as
    `ConfigurationAddress` says. Context: threads.
    """

    def __init__(self, ecam: EcamRegions, memory: DirectMap) -> None:
        self.ecam = ecam
        self.memory = memory
        self.lock = bss(SpinLock)

    @function(init=True)
    def start(self) -> None:
        """Disable access by memory if it does not find the functions that the ports find.

        The first function of segment group 0 is compared, as the ports reach only that group.
        """
        function, identity = keep(U32), keep(U32)
        with self.ecam.each() as segment, if_(segment.group == 0):
            movzx(function, segment.first)
            shl(function, ConfigurationAddress.BUS)
            mov(identity, self.read_by_ports(function, offsetof(PciHeader, "vendor")))
            with if_((identity != NO_RESPONSE) & (identity != 0)):
                in_memory = self.read(function, offsetof(PciHeader, "vendor"))
                with if_(in_memory != identity):
                    self.ecam.disable()  # the firmware has not set the chipset up by its table
                    break_()

    @function
    def read(self, function: Keep[U32], offset: Keep[U32]) -> U32:
        """Return the 32 bits at `offset`, a multiple of 4; NO_RESPONSE if there is no function."""
        address = self._map(function, offset)
        with if_(address != 0):
            ret(u32[address])
        tail(self.read_by_ports, function, offset)

    @function
    def read_by_ports(self, function: U32, offset: U32) -> U32:
        """Return the 32 bits at `offset`, a multiple of 4, by the ports; NO_RESPONSE if they don't
        reach it or there is no function."""
        function, offset = scratch(function), scratch(offset)  # out of the lock's registers
        with if_((function >= 1 << ConfigurationAddress.GROUP) | (offset >= COMPATIBLE_SPACE)):
            ret(NO_RESPONSE)
        with self.lock.held():  # address and data are two accesses
            self._select(function, offset)
            in_(eax, dx)
        ret(eax)

    @function
    def write(self, function: Keep[U32], offset: Keep[U32], value: Keep[U32]) -> None:
        """Write the 32 bits at `offset`, a multiple of 4; does nothing if they can't be reached."""
        address = self._map(function, offset)
        with if_(address != 0):
            mov(rcx, address)
            mov(eax, value)  # some AMD processors need it to be eax (BKDG 10h, 2.11.1)
            mov(u32[rcx], eax)
            ret()
        with if_((function >= 1 << ConfigurationAddress.GROUP) | (offset >= COMPATIBLE_SPACE)):
            ret()
        with self.lock.held():
            self._select(function, offset)
            mov(eax, value)
            out(dx, eax)

    @function
    def write_byte(self, function: U32, offset: U32, value: U8) -> None:
        """Write the 8 bits at `offset` by the ports; does nothing if they don't reach it."""
        function, offset, value = scratch(function), scratch(offset), scratch(value)
        with if_((function >= 1 << ConfigurationAddress.GROUP) | (offset >= COMPATIBLE_SPACE)):
            ret()
        with self.lock.held():
            self._select(function, offset)  # whose two lowest bits the port ignores
            and_(offset, sizeof(U32) - 1)
            add(edx, offset)
            mov(al, value)
            out(dx, al)

    @inline(changes=(rax, rdx))
    def _select(self, function: U32, offset: U32) -> None:
        """Select `function` and `offset` for the data port, whose number is left in dx."""
        mov(eax, function)
        shl(eax, ConfigurationAddress.BUS)
        or_(eax, offset)
        or_(eax, ADDRESS_ENABLE)
        mov(edx, ADDRESS_PORT)
        out(dx, eax)
        mov(edx, DATA_PORT)

    @function
    def _map(self, function: U32, offset: U32) -> U64:
        """Return the address of the register at `offset` of `function`, mapped; 0 if the function
        is not in memory, or can't be mapped."""
        function, offset = scratch(function), scratch(offset)
        with if_(offset >= EXTENDED_SPACE):
            ret(0)
        with self.ecam.each() as segment:
            mov(ecx, function)
            shr(ecx, ConfigurationAddress.BUS)
            mov(edx, function)
            shr(edx, ConfigurationAddress.GROUP)
            with if_((dx == segment.group) & (cl >= segment.first) & (cl <= segment.last)):
                address = scratch(U64)
                movzx(u32(address), u16(function))  # within its segment group
                shl(address, CONFIGURATION_SHIFT)
                add(address, segment.address)
                add(address, u64(offset))
                tail(self.memory.map, address, sizeof(U32), DEVICE)
        ret(0)

    @inline(changes=CALLER_SAVED)
    def read_field(self, function: Any, kind: type[Struct], name: str) -> U32:
        """Read the field `name` of the struct `kind`, at the start of the configuration space of
        `function`.

        The value is zero-extended.
        """
        offset = offsetof(kind, name)
        size = next(sizeof(one.type) for one in fields_of(kind) if one.name == name)
        value = self.read(function, offset & -sizeof(U32))
        if shift := offset % sizeof(U32) * 8:
            shr(value, shift)
        if size < sizeof(U32):
            and_(value, (1 << size * 8) - 1)
        return value

    @function
    def write_command(self, function: U32, flags: U32) -> None:
        """Write the command register of `function`, a `PciCommand`.

        The write spans the status register, in which zeros change nothing (PCI 3.0, 6.2.3).
        """
        and_(flags, (1 << 16) - 1)
        tail(self.write, function, offsetof(PciHeader, "command"), flags)
