"""Locks of parts of files."""

from __future__ import annotations

from enum import IntEnum

from kernel.fs.inode import Inode
from kernel.structures.list import ListHead
from pykasm import *

LAST_BYTE = (1 << 63) - 1
"""Where parts end that have no end."""


class RecordKind(IntEnum):
    """What a lock is for (include/uapi/asm-generic/fcntl.h)."""

    READ = 0
    """Shared with others of this kind."""
    WRITE = 1
    NONE = 2


class RecordLock(Struct):
    """A part of a file that somebody has locked (Linux: `struct file_lock`). Those of one owner do
    not overlap, and don't touch if they are of one kind."""

    link: ListHead
    """In `Inode.records`."""
    start: U64
    end: U64
    """Its last byte."""
    kind: U32 = field(RecordKind)
    number: U32
    """That of the process, for others; -1 if an open file is the owner."""
    owner: U64
    """The address of a table of files, which processes with this table are; or of an open file."""


class RecordWaiter(Struct):
    """Who waits for others to unlock."""

    link: ListHead
    """In `RecordLocks.waiters`."""
    inode: Ptr[Inode]
    wanted: Ptr[RecordLock]
    """What is waited for."""
