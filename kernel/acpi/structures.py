"""The layout of the tables that the kernel reads.

Source: Advanced Configuration and Power Interface Specification, version 6.5.
"""

from enum import IntEnum, IntFlag

from pykasm import *


def signature(characters: str) -> int:
    """Return the signature of a table as a number, as it is compared in code."""
    return int.from_bytes(characters.encode(), "little")


class Rsdp(Struct, packed=True):
    """Root system description pointer (5.2.5.3). Revision 0 ends with `rsdt`."""

    signature: U64
    checksum: U8
    oem_id: Array[U8] = field(count=6)
    revision: U8
    rsdt: U32
    length: Untrusted[U32]
    xsdt: U64
    extended_checksum: U8
    reserved: Array[U8] = field(count=3)


RSDP_SIGNATURE = signature("RSD PTR ")
RSDP_V1_SIZE = offsetof(Rsdp, "length")
"""Bytes of a root pointer of revision 0; in all revisions, those that `checksum` is taken over."""


class TableHeader(Struct, packed=True):
    """The header of every table; `length` counts the bytes of the table, including it (5.2.6)."""

    signature: U32
    length: Untrusted[U32]
    revision: U8
    checksum: U8
    oem_id: Array[U8] = field(count=6)
    oem_table_id: Array[U8] = field(count=8)
    oem_revision: U32
    creator_id: U32
    creator_revision: U32


class RootTable(Struct, packed=True):
    """An RSDT, or an XSDT, whose addresses have 8 bytes each (5.2.7, 5.2.8)."""

    header: TableHeader
    entries: Array[U32]


class AddressSpaceId(IntEnum):
    """Address spaces of registers (5.2.3.2)."""

    MEMORY = 0
    IO = 1
    PCI = 2


class GenericAddress(Struct, packed=True):
    """The generic address structure: the address of a register (5.2.3.2)."""

    space: U8 = field(AddressSpaceId)
    bit_width: U8
    bit_offset: U8
    access_size: U8
    address: U64


class FadtFlags(IntFlag):
    """`Fadt.flags` (5.2.9, table 5.10)."""

    TMR_VAL_EXT = 1 << 8
    """The power-management timer has 32 bits instead of 24."""
    RESET_REG_SUP = 1 << 10
    """`reset_register` resets the machine."""
    HW_REDUCED_ACPI = 1 << 20
    """There are no PM1 registers: `sleep_control` takes their place (4.1)."""


class Fadt(Struct, packed=True):
    """Fixed ACPI description table, signature FACP (5.2.9). Older revisions are shorter."""

    header: TableHeader
    dsdt: U32 = field(at=40)
    smi_command: U32 = field(at=48)
    acpi_enable: U8
    pm1a_control: U32 = field(at=64)
    pm1b_control: U32
    timer_block: U32 = field(at=76)
    """The port of the power-management timer (4.8.3.3), 0 for none."""
    century: U8 = field(at=108)
    """The index of the century in the real-time clock's memory, 0 for none."""
    flags: U32 = field(FadtFlags, at=112)
    reset_register: GenericAddress
    reset_value: U8
    x_dsdt: U64 = field(at=140)
    x_pm1a_control: GenericAddress = field(at=172)
    """Used instead of `pm1a_control` unless its address is 0."""
    x_pm1b_control: GenericAddress
    sleep_control: GenericAddress = field(at=244)
    """The sleep control register of hardware-reduced ACPI (4.8.3.7)."""


RSDT_SIGNATURE = signature("RSDT")
XSDT_SIGNATURE = signature("XSDT")
FADT_SIGNATURE = signature("FACP")
DSDT_SIGNATURE = signature("DSDT")
SSDT_SIGNATURE = signature("SSDT")

MIN_SIZES = {
    FADT_SIGNATURE: 116,  # in revision 1 (ACPI 1.0, 5.2.5)
    signature("APIC"): 44,  # with no entry (5.2.12)
    signature("HPET"): 56,  # (IA-PC HPET Specification 1.0a, 3.2.4)
    signature("MCFG"): 44,  # with no segment (PCI Firmware Specification 3.2, 4.1.2)
}
"""By signature: the least length in bytes of a table that the kernel reads; a shorter one is
damaged."""
