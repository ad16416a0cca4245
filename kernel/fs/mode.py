"""What a file is, and who may do what with it (include/uapi/linux/stat.h)."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class FileType(IntEnum):
    """What `TYPE_MASK` selects of a mode."""

    FIFO = 0o010000
    CHARACTER = 0o020000
    DIRECTORY = 0o040000
    BLOCK = 0o060000
    REGULAR = 0o100000
    SYMLINK = 0o120000
    SOCKET = 0o140000


TYPE_MASK = 0o170000
TYPE_SHIFT = 12
"""Bits to the type, as `d_type` of directory entries has it."""

PERMISSIONS = 0o7777
"""All of a mode but the type."""

ALL_ACCESS = 0o777


class ModeBit(IntFlag):
    """Those above the nine of access."""

    STICKY = 0o1000
    SET_GROUP = 0o2000
    SET_USER = 0o4000


SET_IDS = ModeBit.SET_USER | ModeBit.SET_GROUP

GROUP_EXECUTE = 0o010


class Access(IntFlag):
    """What somebody wants to do with a file; the bits of each class of users in a mode."""

    EXECUTE = 1
    """For directories: look names up."""
    WRITE = 2
    READ = 4
