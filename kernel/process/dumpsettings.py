"""How processes leave their memory in files."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.errno import Errno
from pykasm import *

PATTERN_SIZE = 128
"""Bytes of the pattern of names, with its end (Linux: CORENAME_MAX_SIZE)."""

FIRST_PATTERN = b"core"


class Dumpable(IntEnum):
    """Whether others may look into a process, and whether it leaves its memory in a file (prctl(2),
    PR_SET_DUMPABLE; proc(5), suid_dumpable)."""

    NEVER = 0
    USUAL = 1
    """Like any other."""
    FOR_ROOT = 2
    """Only root may look, also into the file."""


class CoreFilter(IntFlag):
    """Which memory is left in a file (core(5), "Controlling which mappings are written")."""

    ANONYMOUS = 1 << 0
    """Memory of the process alone; also where it has written to what it maps of a file."""
    ANONYMOUS_SHARED = 1 << 1
    """Memory that it shares with its relatives, or by a file that has lost its names."""
    FILES = 1 << 2
    FILES_SHARED = 1 << 3
    HEADERS = 1 << 4
    """First pages of programs and libraries."""
    HUGE = 1 << 5
    """Memory of huge pages, as the next one: nobody has such here."""
    HUGE_SHARED = 1 << 6
    DAX = 1 << 7
    DAX_SHARED = 1 << 8
    """Files in persistent memory, as the one before: there is none here."""


FIRST_FILTER = (
    CoreFilter.ANONYMOUS | CoreFilter.ANONYMOUS_SHARED | CoreFilter.HEADERS | CoreFilter.HUGE
)
"""What processes leave that have not said anything else, and whose parents have not."""


class DumpSettings(Subsystem):
    """What `/proc/sys` says of that. Context: thread."""

    adds_number = bss(U32)
    """1 if the number of the process comes behind each name that does not have it
    (core_uses_pid)."""
    secure = bss(U32)
    """A `Dumpable`: that of processes that have got other rights than those who started them
    (suid_dumpable)."""

    def __init__(self) -> None:
        self.pattern = data(U8 * PATTERN_SIZE, FIRST_PATTERN.ljust(PATTERN_SIZE, b"\0"))
        """Of the names of files, with a zero at the end (core_pattern)."""

    @function
    def set_pattern(self, text: Ptr[U8]) -> OrErrno[I32]:
        """Set the pattern to the first line of `text`, as far as there is room. Returns 0; -EINVAL
        if that is a program which is to get the memory: none is ever started."""
        fail_if(at(text) == ord("|"), Errno.EINVAL)
        text, place = scratch(text), scratch(U64)
        xor(u32(place), u32(place))
        with while_((text[place] != 0) & (text[place] != ord("\n")) & (place < PATTERN_SIZE - 1)):
            mov(al, text[place])
            mov(self.pattern[place], al)
            inc(place)
        mov(self.pattern[place], 0)
        ret(0)
