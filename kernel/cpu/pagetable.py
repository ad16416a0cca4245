"""The page tables of long mode (AMD64 APM vol. 2, 5.3)."""

from enum import IntEnum, IntFlag

from pykasm import *

PAGE = 4096
"""The smallest page, in bytes."""

ENTRIES = 512
"""Entries of a table on any level; each has 8 bytes."""

PageTable = U64 * ENTRIES
"""A table on any level; it fills a page."""

NO_EXECUTE = 1 << 63
"""NX: valid only while EFER.NXE is set (5.6.3)."""

ADDRESS_MASK = 0x000F_FFFF_FFFF_F000
"""The physical address in an entry (5.4)."""


class PageFlags(IntFlag):
    """Bits of an entry (5.4.1)."""

    PRESENT = 1 << 0
    WRITE = 1 << 1
    USER = 1 << 2
    WRITE_THROUGH = 1 << 3
    CACHE_DISABLE = 1 << 4
    DIRTY = 1 << 6
    """D: the processor has written to the page."""
    LARGE = 1 << 7
    """PS: the entry maps a page of 2 MiB or 1 GiB and points to no further table."""
    GLOBAL = 1 << 8
    COUNTED = 1 << 9
    """Left to software (5.4.1): the entry leads to a table whose entries are counted."""


class PageShift(IntEnum):
    """log2 of the bytes that an entry of each level covers."""

    PAGE = 12
    LARGE = 21
    HUGE = 30
    TOP = 39


INDEX_BITS = 9
"""Bits of an address that index one level: log2 of `ENTRIES`."""
