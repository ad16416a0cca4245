"""The registers of the machine-check architecture.

Source: AMD64 APM vol. 2, 9.3; Intel SDM vol. 3B, 16.3.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class McgMsr(IntEnum):
    """The global registers."""

    CAP = 0x179
    STATUS = 0x17A
    CTL = 0x17B


MCG_COUNT_MASK = 0xFF
"""The bits of `McgMsr.CAP` with the number of banks."""


class McgCap(IntFlag):
    """`McgMsr.CAP`."""

    MCG_CTL_P = 1 << 8
    """There is a register `McgMsr.CTL`."""


class McgStatus(IntFlag):
    """`McgMsr.STATUS`."""

    RIPV = 1 << 0
    """The interrupted code can go on."""
    EIPV = 1 << 1
    """The error belongs to the instruction that was interrupted."""
    MCIP = 1 << 2
    """A machine check is being handled: another one would shut the processor down."""


FIRST_BANK = 0x400
"""The first register of bank 0."""

BANK_REGISTERS = 4
"""Registers of each bank."""


class BankRegister(IntEnum):
    """The registers of a bank, by their distance from its first."""

    CTL = 0
    STATUS = 1
    ADDR = 2
    MISC = 3


class BankStatus(IntFlag):
    """The upper 32 bits of the status register of a bank; the lower half has the error code."""

    PCC = 1 << 57 - 32
    """The processor's context may be corrupt."""
    ADDRV = 1 << 58 - 32
    """ADDR has the address of the error."""
    MISCV = 1 << 59 - 32
    """MISC has more of it."""
    EN = 1 << 60 - 32
    """CTL lets the error raise an exception."""
    UC = 1 << 61 - 32
    """The error was not corrected."""
    OVER = 1 << 62 - 32
    """There were more errors than this one."""
    VAL = 1 << 63 - 32
    """The register has an error."""


SIMPLE_CODES = {
    0x0000: "no error code",
    0x0001: "unclassified error",
    0x0002: "microcode ROM parity error",
    0x0003: "external error",
    0x0004: "functional redundancy check error",
    0x0005: "internal parity error",
    0x0400: "internal timer error",
}
"""Simple error codes (Intel SDM vol. 3B, table 16-9; AMD64 APM vol. 2, 9.3.3)."""

COMPOUND_CODES = (
    (0x0800, "bus or interconnect error"),
    (0x0400, "internal error"),
    (0x0100, "cache hierarchy error"),
    (0x0080, "memory controller error"),
    (0x0010, "TLB error"),
    (0x000C, "generic cache hierarchy error"),
)
"""Compound error codes by their highest bit (Intel SDM vol. 3B, table 16-10)."""

CODE_MASK = 0xEFFF
"""The bits of a code: bit 12 only says that not all corrected errors are reported."""
