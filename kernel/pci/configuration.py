"""Reading and writing configuration spaces."""

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
"""Where configuration spaces are reached without memory (PCI 3.0, 3.2.2.3.2)."""

ADDRESS_ENABLE = 1 << 31
OLD_SPACE = 256
"""Bytes of a configuration space that the ports reach."""

SPACE = 1 << CONFIGURATION_SHIFT
NOTHING = 0xFFFF_FFFF
"""What a read gives where nothing answers."""


class ConfigurationSpace(Subsystem):
    """ConfigurationSpace spaces, in memory where the firmware's tables say so, else by ports.

    A function is known by its number: its segment group, bus, device and function, joined as
    `ConfigurationAddress` says. Context: threads.
    """

    def __init__(self, ecam: EcamRegions, memory: DirectMap) -> None:
        self.ecam = ecam
        self.memory = memory
        self.lock = bss(SpinLock)

    @function(init=True)
    def start(self) -> None:
        """Go on without the firmware's table if it leads to something else than the ports do."""
        function, identity = keep(U32), keep(U32)
        with self.ecam.each() as segment, if_(segment.group == 0):
            movzx(function, segment.first)
            shl(function, ConfigurationAddress.BUS)
            mov(identity, self.read_by_ports(function, offsetof(PciHeader, "vendor")))
            with if_((identity != NOTHING) & (identity != 0)):
                in_memory = self.read(function, offsetof(PciHeader, "vendor"))
                with if_(in_memory != identity):
                    self.ecam.disable()
                    break_()

    @function
    def read(self, function: Keep[U32], offset: Keep[U32]) -> U32:
        """The 32 bits at `offset`, a multiple of 4; all ones where nothing is."""
        place = self.place(function, offset)
        with if_(place != 0):
            ret(u32[place])
        tail(self.read_by_ports, function, offset)

    @function
    def read_by_ports(self, function: U32, offset: U32) -> U32:
        """As `read`, of a machine whose tables say nothing."""
        function, offset = scratch(function), scratch(offset)
        with if_((function >= 1 << ConfigurationAddress.GROUP) | (offset >= OLD_SPACE)):
            ret(NOTHING)
        with self.lock.held():
            self._select(function, offset)
            in_(eax, dx)
        ret(eax)

    @function
    def write(self, function: Keep[U32], offset: Keep[U32], value: Keep[U32]) -> None:
        """Write the 32 bits at `offset`, a multiple of 4."""
        place = self.place(function, offset)
        with if_(place != 0):
            mov(rcx, place)
            mov(eax, value)  # some processors of AMD's take no other register (BKDG 10h, 2.11.1)
            mov(u32[rcx], eax)
            ret()
        with if_((function >= 1 << ConfigurationAddress.GROUP) | (offset >= OLD_SPACE)):
            ret()
        with self.lock.held():
            self._select(function, offset)
            mov(eax, value)
            out(dx, eax)

    def _select(self, function: U32, offset: U32) -> None:
        """Let the data port be that of `function` at `offset`, and dx its number. Changes eax."""
        mov(eax, function)
        shl(eax, ConfigurationAddress.BUS)
        or_(eax, offset)
        or_(eax, ADDRESS_ENABLE)
        mov(edx, ADDRESS_PORT)
        out(dx, eax)
        mov(edx, DATA_PORT)

    @function
    def place(self, function: U32, offset: U32) -> U64:
        """Where the configuration space of `function` is in memory, from `offset` on; 0 if it is
        reached by ports only."""
        function, offset = scratch(function), scratch(offset)
        with if_(offset >= SPACE):
            ret(0)
        with self.ecam.each() as segment:
            mov(ecx, function)
            shr(ecx, ConfigurationAddress.BUS)
            mov(edx, function)
            shr(edx, ConfigurationAddress.GROUP)
            with if_((dx == segment.group) & (cl >= segment.first) & (cl <= segment.last)):
                movzx(edi, u16(function))
                shl(rdi, CONFIGURATION_SHIFT)
                add(rdi, segment.address)
                add(rdi, u64(offset))
                tail(self.memory.map, rdi, sizeof(U32), DEVICE)
        ret(0)

    # Fields of structs in a configuration space

    def fetch(self, function: Any, kind: type[Struct], name: str, start: Any = 0) -> Any:
        """Read the field `name` of the `kind` of struct that begins at `start` in the
        configuration space of `function`. The field's value, in rax. Changes what a call may."""
        offset = offsetof(kind, name)
        size = next(sizeof(one.type) for one in fields_of(kind) if one.name == name)
        self._read_at(function, start, offset & -sizeof(U32))
        if shift := offset % sizeof(U32) * 8:
            shr(eax, shift)
        if size < sizeof(U32):
            and_(eax, (1 << size * 8) - 1)
        return eax

    def _read_at(self, function: Any, start: Any, offset: int) -> None:
        if isinstance(start, int):
            ignore(self.read(function, start + offset))
        else:
            lea(esi, bare[u64(start) + offset])
            ignore(self.read(function, esi))

    @function
    def set_command(self, function: U32, flags: U32) -> None:
        """Write the command register. The status register beside it is written with zeros, which
        change nothing there (PCI 3.0, 6.2.3)."""
        and_(flags, (1 << 16) - 1)
        tail(self.write, function, offsetof(PciHeader, "command"), flags)
