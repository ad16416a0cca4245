"""What the kernel knows of a function on the PCI bus."""

from __future__ import annotations

from kernel.pci.header import BARS, Bar
from kernel.structures.list import ListHead
from pykasm import *


class PciResource(Struct):
    """A stretch of memory or of ports that a function answers at; `size` is 0 where it has none."""

    address: U64
    size: U64
    """Bytes, or ports."""
    flags: U32 = field(Bar)


class PciDevice(Struct):
    """A function, which is a device to those who use it."""

    link: ListHead
    """In the list of all, in the order in which they were found."""
    function: U32
    """Its number: see `Place`."""
    vendor: U16
    device: U16
    subsystem_vendor: U16
    subsystem: U16
    base_class: U8
    subclass: U8
    interface: U8
    revision: U8
    kind: U8
    pin: U8
    """Which interrupt line it uses, counted from 1; 0 for none."""
    line: U8
    """What the firmware wrote down about that line."""
    secondary: U8
    """The bus behind it, if it is a bridge."""
    msi: U8
    msi_x: U8
    """Where these capabilities begin; 0 if there is none."""
    messages: U64
    """Where the table of MSI-X is mapped, as long as some of its messages are attached."""
    attached: U32
    """How many of them are."""
    resources: Array[PciResource] = field(count=BARS)
