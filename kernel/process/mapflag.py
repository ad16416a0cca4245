"""What a program says of a mapping that it asks for."""

from __future__ import annotations

from enum import IntFlag


class MapFlag(IntFlag):
    """The flags of mmap(2) (include/uapi/asm-generic/mman-common.h, mman.h;
    arch/x86/include/uapi/asm/mman.h)."""

    SHARED = 0x01
    PRIVATE = 0x02
    FIXED = 0x10
    ANONYMOUS = 0x20
    LOW_2GB = 0x40
    """MAP_32BIT: it is to lie in the first 2 GiB."""
    GROWS_DOWN = 0x100
    DENY_WRITE = 0x800
    EXECUTABLE = 0x1000
    LOCKED = 0x2000
    NO_RESERVE = 0x4000
    POPULATE = 0x8000
    NON_BLOCK = 0x1_0000
    STACK = 0x2_0000
    HUGE_TLB = 0x4_0000
    FIXED_NO_REPLACE = 0x10_0000
    UNINITIALIZED = 0x400_0000


SHARED_VALIDATE = MapFlag.SHARED | MapFlag.PRIVATE
"""A type of its own: as SHARED, but unknown flags are refused."""

TYPE_MASK = 0x0F
"""What SHARED and PRIVATE are a part of."""

KNOWN_FLAGS = (
    SHARED_VALIDATE
    | MapFlag.FIXED
    | MapFlag.ANONYMOUS
    | MapFlag.LOW_2GB
    | MapFlag.GROWS_DOWN
    | MapFlag.DENY_WRITE
    | MapFlag.EXECUTABLE
    | MapFlag.LOCKED
    | MapFlag.NO_RESERVE
    | MapFlag.POPULATE
    | MapFlag.NON_BLOCK
    | MapFlag.STACK
    | MapFlag.HUGE_TLB
    | MapFlag.UNINITIALIZED
)
"""Those that SHARED_VALIDATE takes (Linux: LEGACY_MAP_MASK, which lacks FIXED_NO_REPLACE)."""
