"""The levels of page tables."""

from enum import IntEnum

from kernel.cpu.pagetable import ENTRIES, PageShift
from pykasm import *


class PageLevel(IntEnum):
    """Levels of page tables, by what an entry there covers.

    The manuals call them PT, PD, PDPT and PML4 (AMD64 APM vol. 2, 5.3).
    """

    PAGE = 0
    LARGE = 1
    HUGE = 2
    TOP = 3


SHIFTS = {
    PageLevel.PAGE: PageShift.PAGE,
    PageLevel.LARGE: PageShift.LARGE,
    PageLevel.HUGE: PageShift.HUGE,
    PageLevel.TOP: PageShift.TOP,
}
"""log2 of the bytes that an entry of each level covers."""


def entry_shift(level: U64) -> None:
    """Compute log2 of the bytes that an entry of `level`, a register, covers, in ecx."""
    lea(rcx, bare[level + level * 8 + PageShift.PAGE])  # 12 + 9 * level: INDEX_BITS is 9


def entry_size(level: U64) -> None:
    """Compute the bytes that an entry of `level` covers in rax, and log2 of them in ecx."""
    entry_shift(level)
    mov(eax, 1)
    shl(rax, cl)


def entry_index(level: U64) -> None:
    """Turn an address in rax into the number of its entry in the table of `level`. Changes rcx."""
    entry_shift(level)
    shr(rax, cl)
    and_(eax, ENTRIES - 1)
