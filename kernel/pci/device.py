"""The record of a function on a PCI bus."""

from __future__ import annotations

from kernel.pci.header import BARS, Bar
from kernel.structures.list import ListHead
from pykasm import *


class PciResource(Struct):
    """A range of memory or of ports that a function responds to; `size` is 0 for none."""

    address: U64
    size: U64
    """Bytes, or ports."""
    flags: U32 = field(Bar)


class PciDevice(Struct):
    """A function; to its driver, a device."""

    link: ListHead
    """In the list of all functions, in the order in which they were found."""
    function: U32
    """Its number, a packed `ConfigurationAddress`."""
    vendor: U16
    device: U16
    subsystem_vendor: U16
    subsystem: U16
    base_class: U8
    subclass: U8
    interface: U8
    revision: U8
    header_type: U8
    pin: U8
    """The interrupt pin that it uses, counted from 1 (INTA#); 0 for none."""
    line: U8
    """The interrupt line that the firmware has assigned to the pin."""
    secondary: U8
    """The secondary bus of a bridge."""
    msi: U8
    msi_x: U8
    """The offsets of these capabilities; 0 for none."""
    msi_x_table: Owned[U64]
    """The address of the MSI-X table, which is mapped while some of its messages are attached; else
    0."""
    msi_x_attached: U32
    """The number of attached messages of MSI-X."""
    resources: Array[PciResource] = field(count=BARS)
