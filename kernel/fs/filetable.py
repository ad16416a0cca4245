"""The numbers that a process has for open files: Linux's `struct files_struct`."""

from __future__ import annotations

from kernel.locks.spinlock import SpinLock
from kernel.structures.refcount import ReferenceCount
from pykasm import *

WORD = 64
"""Numbers by a word of a bitmap."""

FIRST_CAPACITY = WORD
MOST_FILES = 1 << 19
"""Numbers that a table can have: the array of their files is a block of the largest order then."""


class FileArrays(Struct):
    """What a table has for each number, in one block: a `File` each, and then bitmaps."""

    capacity: U64
    """Numbers that there is room for, a multiple of `WORD`."""
    files: Ptr[U64]
    """Addresses of `File`s, which are owned; 0 where nothing is open."""
    used: Ptr[U64]
    """Bit n: the number is taken, perhaps for a file that is being opened."""
    close_on_exec: Ptr[U64]
    full: Ptr[U64]
    """Bit n: in the word n of `used` all bits are set."""


class FileTable(Struct):
    """Shared by threads of a process, and by processes that want it so."""

    references: ReferenceCount = field(freed_by="FileTables.free")
    lock: SpinLock
    arrays: FileArrays = field(guarded_by="lock")
    first_free: U64 = field(guarded_by="lock")
    """No lower number is free: where a search begins."""
