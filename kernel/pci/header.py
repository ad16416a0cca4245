"""The configuration space of a function (PCI Local Bus Specification 3.0, 6.1)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from pykasm import *

BARS = 6
"""Base address registers of an ordinary function; a bridge has the first two."""
BRIDGE_BARS = 2

ABSENT = 0xFFFF
"""The vendor where there is no function (6.1); 0, which some machines give, is none's either."""


class PciCommand(IntFlag):
    """What the function may do (6.2.2)."""

    PORTS = 1 << 0
    """It answers at its ports."""
    MEMORY = 1 << 1
    """It answers at its memory."""
    BUS_MASTER = 1 << 2
    """It may read and write memory, and so send messages."""
    INTERRUPT_DISABLE = 1 << 10
    """It may not use its interrupt line."""


class PciStatus(IntFlag):
    """What the function has (6.2.3)."""

    CAPABILITIES = 1 << 4


class HeaderType(IntEnum):
    """Which form the header has (6.2.1), without `MANY_FUNCTIONS`."""

    ORDINARY = 0
    BRIDGE = 1


MANY_FUNCTIONS = 1 << 7
"""In a header's `kind`: the device has functions beside number 0 (6.2.1)."""


class PciHeader(Struct, packed=True):
    """The header of an ordinary function; all kinds have the first 16 bytes."""

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
    kind: U8
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
    least_grant: U8
    most_latency: U8


class BridgeHeader(Struct, packed=True):
    """The header of a bridge to another bus (PCI-to-PCI Bridge Architecture 1.2, 3.2)."""

    common: Array[U8] = field(count=16)
    bars: Array[U32] = field(count=BRIDGE_BARS)
    primary: U8
    secondary: U8
    """The bus behind it."""
    subordinate: U8
    """The last bus that is reached through it."""
    latency: U8


class Bar(IntFlag):
    """The low bits of a base address register (6.2.5.1)."""

    PORTS = 1 << 0
    WIDE = 1 << 2
    """Of two registers' width; only memory."""
    PREFETCHABLE = 1 << 3


MEMORY_FLAGS = 0xF
PORT_FLAGS = 0x3
"""The bits of a base address register that are no address."""


class ConfigurationAddress(IntEnum):
    """Where each part begins in the number of a function, as `Function` has it."""

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
