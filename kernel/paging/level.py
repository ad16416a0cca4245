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


@inline(changes=rcx)
def entry_shift(level: U64) -> U32:
    """Return log2 of the bytes that an entry of `level`, in a register, covers."""
    lea(rcx, bare[level + level * 8 + PageShift.PAGE])  # 12 + 9 * level: INDEX_BITS is 9
    return ecx


@inline(changes=rcx)
def entry_size(level: U64) -> U64:
    """Return the bytes that an entry of `level`, in a register, covers, in a scratch register."""
    size, shift = scratch(U64), entry_shift(level)
    mov(u32(size), 1)
    shl(size, u8(shift))
    return size


@inline(changes=(rax, rcx))
def entry_index(address: U64, level: U64) -> U64:
    """Return the number of the entry for `address` in its table of `level`, in a register."""
    shift = entry_shift(level)
    mov(rax, address)
    shr(rax, u8(shift))
    and_(eax, ENTRIES - 1)
    return rax
