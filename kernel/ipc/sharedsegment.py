"""Memory that programs share by keys."""

from __future__ import annotations

from enum import IntFlag

from kernel.fs.file import File
from kernel.ipc.ipcobject import IpcObject
from pykasm import *

MOST_SEGMENTS = 4096
"""SHMMNI (include/uapi/linux/shm.h)."""

MOST_BYTES = (1 << 64) - 1 - (1 << 24)
"""Of a segment, and pages of all (SHMMAX, SHMALL)."""


class SharedFlag(IntFlag):
    """What modes have beside permissions, and what calls take (include/linux/shm.h and
    include/uapi/linux/shm.h)."""

    REMOVED = 0o1000
    """It goes when nobody has it attached any more."""
    LOCKED = 0o2000
    HUGE = 0o4000
    NO_RESERVE = 0o10000


class SharedSegment(IpcObject):
    """What `shmget` makes (Linux: `shmid_kernel`). The table's lock guards it."""

    file: Owned[Ptr[File]]
    """What has its pages."""
    size: U64
    attachments: U64
    """Regions that show it, and calls that are about to attach it."""
    attached: U64
    """Seconds since 1970 when it was attached last; 0 if never."""
    detached: U64
    creator: U32
    """The number of the process."""
    last: U32
    """That of who has attached or detached it last."""
