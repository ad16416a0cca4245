"""The list of what a function can do beside the ordinary (PCI Local Bus Specification 3.0, 6.7)."""

from __future__ import annotations

from enum import IntEnum

from kernel.pci.configuration import OLD_SPACE, ConfigurationSpace
from kernel.pci.header import PciHeader, PciStatus
from pykasm import *


class CapabilityId(IntEnum):
    """Kinds of capability (PCI Code and ID Assignment Specification 1.11, 2)."""

    POWER = 0x01
    MSI = 0x05
    VENDOR = 0x09
    EXPRESS = 0x10
    MSI_X = 0x11


class Capability(Struct, packed=True):
    """What each begins with."""

    id: U8 = field(CapabilityId)
    next: U8
    """Where the next one begins; 0 for the last."""


FIRST = sizeof(PciHeader)
"""Where the first can begin: behind the header."""

ALIGNMENT = sizeof(U32)
MOST = (OLD_SPACE - FIRST) // ALIGNMENT
"""Capabilities that a configuration space has room for: a longer list goes in a circle."""


class PciCapabilities(Subsystem):
    """Goes through the list, whatever it leads to. Context: any."""

    def __init__(self, configuration: ConfigurationSpace) -> None:
        self.configuration = configuration

    @function
    def find(self, function: Keep[U32], id: Keep[U32]) -> U32:
        """Where the first capability of this kind begins; 0 if `function` has none."""
        place, left = keep(U32), keep(U32)
        mov(place, self.first(function))
        with for_(left, 0, MOST):
            break_if(place < FIRST)
            entry = self.configuration.read(function, place)
            with if_(u8(entry) == u8(id)):
                ret(place)
            shr(entry, 8 * offsetof(Capability, "next"))
            movzx(place, u8(entry))
            and_(place, -ALIGNMENT)
        ret(0)

    @function
    def first(self, function: Keep[U32]) -> U32:
        """Where the list begins; 0 if there is none."""
        status = self.configuration.fetch(function, PciHeader, "status")
        with if_((status & PciStatus.CAPABILITIES) == 0):
            ret(0)
        start = self.configuration.fetch(function, PciHeader, "capabilities")
        and_(start, -ALIGNMENT & 0xFF)
        ret(start)
