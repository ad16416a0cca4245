"""Segments, the little that long mode leaves of them (AMD64 APM vol. 2, 4.7 and 4.8)."""

from enum import IntEnum, IntFlag

from pykasm import *

USER_PRIVILEGE = 3
"""The requested privilege level, in the lowest bits of a selector, that programs run at (4.5.1)."""


class Selector(IntEnum):
    """Offsets in the global descriptor table; with `USER_PRIVILEGE` where that belongs to it.

    `syscall` takes DATA to be behind CODE, `sysretq` USER_CODE behind USER_DATA (AMD64 APM vol. 2,
    6.1.1). Those of programs have the numbers that they have under Linux, since programs see them.
    """

    CODE = 0x08
    DATA = 0x10
    TASK_STATE = 0x18
    USER_DATA = 0x28 | USER_PRIVILEGE
    USER_CODE = 0x30 | USER_PRIVILEGE
    PROCESSOR = 0x38 | USER_PRIVILEGE
    """A segment that nobody uses: its limit tells programs the processor's number, by `lsl`."""


SYSRET_BASE = Selector.USER_DATA - 8
"""What STAR has for `sysretq`: the entry before USER_DATA (6.1.1)."""


class SegmentFlags(IntFlag):
    """Bits of a descriptor (4.7.1, 4.8.1). The processor ignores base and limit in 64-bit mode."""

    ACCESSED = 1 << 40
    """Set from the start, so that the processor need not write to the table."""
    WRITABLE = 1 << 41
    READABLE = 1 << 41
    EXECUTABLE = 1 << 43
    CODE_OR_DATA = 1 << 44
    USER = USER_PRIVILEGE << 45
    """The privilege level that may use it."""
    PRESENT = 1 << 47
    LONG = 1 << 53
    """64-bit code."""
    FLAT = 0x8F << 48 | 0xFFFF
    """As long as can be, from address 0 on, for code that is not 64-bit."""
    DEFAULT_32 = 1 << 54
    """32-bit code."""


COMMON = SegmentFlags.PRESENT | SegmentFlags.CODE_OR_DATA | SegmentFlags.ACCESSED

KERNEL_SEGMENTS = (
    0,
    COMMON | SegmentFlags.EXECUTABLE | SegmentFlags.READABLE | SegmentFlags.LONG,
    COMMON | SegmentFlags.WRITABLE,
)
"""What each descriptor table starts with: nothing, `Selector.CODE`, `Selector.DATA`."""

USER_SEGMENTS = (
    COMMON | SegmentFlags.USER | SegmentFlags.WRITABLE,
    COMMON
    | SegmentFlags.USER
    | SegmentFlags.EXECUTABLE
    | SegmentFlags.READABLE
    | SegmentFlags.LONG,
    COMMON | SegmentFlags.USER,
)
"""What it ends with: `Selector.USER_DATA`, `Selector.USER_CODE`, `Selector.PROCESSOR`."""

PROCESSOR_SEGMENT = 2
"""The place of the last one among these."""


class FlatSelector(IntEnum):
    """Offsets in the table that a processor has between 16-bit and 64-bit code."""

    CODE = 0x08
    DATA = 0x10


class FlatTablePointer(Struct, packed=True):
    """What lgdt loads in code that is not 64-bit: see `TablePointer`."""

    limit: U16
    base: U32


FLAT_SEGMENTS = (
    0,
    COMMON
    | SegmentFlags.EXECUTABLE
    | SegmentFlags.READABLE
    | SegmentFlags.FLAT
    | SegmentFlags.DEFAULT_32,
    COMMON | SegmentFlags.WRITABLE | SegmentFlags.FLAT | SegmentFlags.DEFAULT_32,
)
"""What that table has: nothing, `FlatSelector.CODE`, `FlatSelector.DATA`."""


class TablePointer(Struct, packed=True):
    """What lgdt and lidt load: the table's last byte, counted from 0, and its address (4.6.2).

    32-bit code reads only the lower half of `base`.
    """

    limit: U16
    base: U64
