"""What a program may do with its memory."""

from __future__ import annotations

from enum import IntFlag

from kernel.cpu.pagetable import NO_EXECUTE, PageFlags


class Rights(IntFlag):
    """By the numbers of Linux's PROT_READ and so on (include/uapi/asm-generic/mman-common.h).

    The processor can't grant the others without READ: what has any may be read.
    """

    READ = 1 << 0
    WRITE = 1 << 1
    EXECUTE = 1 << 2


ALL_RIGHTS = Rights.READ | Rights.WRITE | Rights.EXECUTE


def entry_flags(rights: int) -> int:
    """Return the flags of an entry that grants `rights`; 0, which makes it not present, for
    none."""
    if not rights:
        return 0
    flags = int(PageFlags.PRESENT | PageFlags.USER)
    if rights & Rights.WRITE:
        flags |= PageFlags.WRITE
    if not rights & Rights.EXECUTE:
        flags |= NO_EXECUTE
    return flags
