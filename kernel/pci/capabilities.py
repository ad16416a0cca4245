"""The capability list of a function (PCI Local Bus Specification 3.0, 6.7)."""

from __future__ import annotations

from enum import IntEnum

from kernel.pci.configuration import COMPATIBLE_SPACE, ConfigurationSpace
from kernel.pci.header import PciHeader, PciStatus
from pykasm import *


class CapabilityId(IntEnum):
    """Capability IDs (PCI Code and ID Assignment Specification 1.11, 2)."""

    POWER = 0x01
    MSI = 0x05
    VENDOR = 0x09
    EXPRESS = 0x10
    MSI_X = 0x11


class Capability(Struct, packed=True):
    """The start of each capability."""

    id: U8 = field(CapabilityId)
    next: U8
    """The offset of the next one; 0 for the last."""


FIRST = sizeof(PciHeader)
"""The lowest offset of a capability: the end of the header."""

ALIGNMENT = sizeof(U32)
MAX_CAPABILITIES = (COMPATIBLE_SPACE - FIRST) // ALIGNMENT
"""The most capabilities that fit into a configuration space: a longer list is circular."""


class PciCapabilities(Subsystem):
    """Search capability lists, which need not be well-formed. Context: threads."""

    def __init__(self, configuration: ConfigurationSpace) -> None:
        self.configuration = configuration

    @function
    def find(self, function: Keep[U32], id: Keep[U32]) -> U32:
        """Return the offset of the first capability `id` of `function`, a `CapabilityId`; or 0."""
        offset, left = keep(U32), keep(U32)
        mov(offset, self._first(function))
        with for_(left, 0, MAX_CAPABILITIES):
            break_if(offset < FIRST)
            entry = self.configuration.read(function, offset)
            with if_(u8(entry) == u8(id)):
                ret(offset)
            shr(entry, 8 * offsetof(Capability, "next"))
            movzx(offset, u8(entry))
            and_(offset, -ALIGNMENT)  # the low two bits are reserved (6.7)
        ret(0)

    @function
    def _first(self, function: Keep[U32]) -> U32:
        """Return the offset of the first capability; 0 if there is none."""
        status = self.configuration.read_field(function, PciHeader, "status")
        with if_((status & PciStatus.CAPABILITIES) == 0):
            ret(0)
        start = self.configuration.read_field(function, PciHeader, "capabilities")
        and_(start, -ALIGNMENT & 0xFF)
        ret(start)
