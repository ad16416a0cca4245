"""What a program is told at the upper end of its stack."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from pykasm import *


class AuxiliaryType(IntEnum):
    """Rows of the auxiliary vector (include/uapi/linux/auxvec.h; System V ABI AMD64 supplement,
    figure 3.11)."""

    NULL = 0
    """The last row."""
    PROGRAM_HEADERS = 3
    PROGRAM_HEADER_SIZE = 4
    PROGRAM_HEADER_COUNT = 5
    PAGE_SIZE = 6
    BASE = 7
    """Where the interpreter lies; 0 without one."""
    FLAGS = 8
    ENTRY = 9
    USER = 11
    EFFECTIVE_USER = 12
    GROUP = 13
    EFFECTIVE_GROUP = 14
    PLATFORM = 15
    """The address of the processor's name."""
    CAPABILITIES = 16
    """What the processor can do: edx of CPUID function 1 (AT_HWCAP)."""
    CLOCK_TICKS = 17
    """Those of `times`, a second."""
    SECURE = 23
    RANDOM = 25
    """The address of 16 random bytes."""
    MORE_CAPABILITIES = 26
    """What it lets programs do besides, a `HardwareCapability` (AT_HWCAP2)."""
    FILE_NAME = 31
    """The address of the program's name, as it was given (AT_EXECFN)."""
    VDSO = 33
    """Where `Vdso` is (AT_SYSINFO_EHDR)."""
    LEAST_SIGNAL_STACK = 51
    """Bytes that an alternate stack needs for a handler's frame (AT_MINSIGSTKSZ)."""


class HardwareCapability(IntFlag):
    """What AT_HWCAP2 says (arch/x86/include/uapi/asm/hwcap2.h)."""

    FSGSBASE = 1 << 1
    """Programs may change the bases of FS and GS by themselves."""


CLOCK_TICKS = 100
"""USER_HZ (include/uapi/asm-generic/param.h)."""
