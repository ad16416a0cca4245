"""The configuration space of a function (PCI Local Bus Specification 3.0, 6.1)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from pykasm import *

BARS = 6
"""Base address registers of a normal header."""
BRIDGE_BARS = 2
"""Base address registers of a bridge's header."""

INVALID_VENDOR = 0xFFFF
"""The vendor that is read where there is no function (6.1). Some machines give 0, which is no
vendor either."""


class PciCommand(IntFlag):
    """The command register (6.2.2)."""

    IO_SPACE = 1 << 0
    """Respond to accesses to its ports."""
    MEMORY_SPACE = 1 << 1
    """Respond to accesses to its memory."""
    BUS_MASTER = 1 << 2
    """Access memory, which includes sending messages."""
    INTERRUPT_DISABLE = 1 << 10
    """Don't assert the interrupt pin."""


class PciStatus(IntFlag):
    """The status register (6.2.3)."""

    CAPABILITIES = 1 << 4
    """There is a capability list."""


class HeaderType(IntEnum):
    """The layout of the header (6.2.1), without `MULTI_FUNCTION`."""

    NORMAL = 0
    BRIDGE = 1


MULTI_FUNCTION = 1 << 7
"""A flag in `PciHeader.header_type`: the device has functions other than 0 (6.2.1)."""


class PciHeader(Struct, packed=True):
    """The normal header (type 0); all types have the first 16 bytes in common."""

    vendor: U16
    device: U16
    command: U16 = field(PciCommand)
    status: U16 = field(PciStatus)
    revision: U8
    interface: U8
    subclass: U8
    base_class: U8
    cache_line: U8
    latency: U8
    header_type: U8
    self_test: U8
    bars: Array[U32] = field(count=BARS)
    card_bus: U32
    subsystem_vendor: U16
    subsystem: U16
    rom: U32
    capabilities: U8
    reserved: Array[U8] = field(count=7)
    line: U8
    pin: U8
    min_grant: U8
    max_latency: U8


class BridgeHeader(Struct, packed=True):
    """The header of a bridge (type 1; PCI-to-PCI Bridge Architecture 1.2, 3.2)."""

    common: Array[U8] = field(count=16)
    bars: Array[U32] = field(count=BRIDGE_BARS)
    primary: U8
    secondary: U8
    """The bus on its other side."""
    subordinate: U8
    """The highest-numbered bus that is reached through it."""
    latency: U8


class Bar(IntFlag):
    """The flags in the low bits of a base address register (6.2.5.1)."""

    IO = 1 << 0
    MEMORY_64 = 1 << 2
    """A 64-bit memory address, which takes two registers."""
    PREFETCHABLE = 1 << 3


MEMORY_FLAGS = 0xF
PORT_FLAGS = 0x3
"""The bits of a base address register that are not part of the address."""


class ConfigurationAddress(IntEnum):
    """The position of each part in the number of a function."""

    FUNCTION = 0
    DEVICE = 3
    BUS = 8
    GROUP = 16


DEVICES = 32
"""Devices of a bus."""
FUNCTIONS = 8
"""Functions of a device."""
BUSES = 256
"""Buses of a segment group."""

CONFIGURATION_SHIFT = 12
"""log2 of the bytes of a function's configuration space in memory (PCI Express 5.0, 7.2.2)."""
