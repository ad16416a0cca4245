"""What is asked of `mount`."""

from __future__ import annotations

from enum import IntFlag

from kernel.fs.mount import MountFlag
from kernel.fs.subject import Subject
from pykasm import *


class MountRequest(IntFlag):
    """What `mount` is asked for besides `MountFlag`s (include/uapi/linux/mount.h)."""

    SYNCHRONOUS = 1 << 4
    REMOUNT = 1 << 5
    MANDATORY_LOCKS = 1 << 6
    SYNCHRONOUS_DIRECTORIES = 1 << 7
    BIND = 1 << 12
    MOVE = 1 << 13
    RECURSIVE = 1 << 14
    SILENT = 1 << 15
    ACCESS_LISTS = 1 << 16
    PRIVATE = 1 << 18
    SLAVE = 1 << 19
    SHARED = 1 << 20
    COUNTED_VERSIONS = 1 << 23
    STRICT_TIMES = 1 << 24
    LAZY_TIMES = 1 << 25


OF_TIMES = MountFlag.NO_ACCESS_TIMES | MountFlag.NO_DIRECTORY_TIMES | MountFlag.RELATIVE_TIMES

MOUNT_FLAGS = OF_TIMES | (
    MountFlag.READ_ONLY
    | MountFlag.NO_SET_USER
    | MountFlag.NO_DEVICES
    | MountFlag.NO_EXECUTE
    | MountFlag.NO_SYMLINKS
)
"""What may be changed of a mount."""

WITHOUT_EFFECT = (
    MountRequest.SYNCHRONOUS
    | MountRequest.MANDATORY_LOCKS
    | MountRequest.SYNCHRONOUS_DIRECTORIES
    | MountRequest.SILENT
    | MountRequest.ACCESS_LISTS
    | MountRequest.COUNTED_VERSIONS
    | MountRequest.LAZY_TIMES
)
"""What there is in memory is there at once; the others Linux takes from everybody, too."""

KINDS = MountRequest.PRIVATE | MountRequest.SLAVE | MountRequest.SHARED | MountFlag.UNBINDABLE
"""What a mount may be to others."""

KNOWN = int(
    MOUNT_FLAGS
    | WITHOUT_EFFECT
    | KINDS
    | MountRequest.REMOUNT
    | MountRequest.BIND
    | MountRequest.MOVE
    | MountRequest.RECURSIVE
    | MountRequest.STRICT_TIMES
)


class MountArguments(Struct):
    """The arguments of `mount`, as copies of the kernel's."""

    subject: Ptr[Subject]
    source: OrNull[Owned[Ptr[U8]]]
    target: OrNull[Owned[Ptr[U8]]]
    kind: OrNull[Owned[Ptr[U8]]]
    options: OrNull[Owned[Ptr[U8]]]
    flags: U32
