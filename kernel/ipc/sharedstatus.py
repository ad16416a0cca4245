"""What programs are told of shared memory."""

from __future__ import annotations

from kernel.ipc.ipcpermission import IpcPermission
from pykasm import *


class SegmentStatus(Struct):
    """`struct shmid64_ds` (include/uapi/asm-generic/shmbuf.h)."""

    permission: IpcPermission
    size: U64
    attached: U64
    detached: U64
    changed: U64
    creator: U32
    last: U32
    attachments: U64
    _unused: Array[U64] = field(count=2)


class SegmentLimits(Struct):
    """`struct shminfo64` (include/uapi/asm-generic/shmbuf.h)."""

    most_bytes: U64
    least_bytes: U64
    most_segments: U64
    most_of_process: U64
    most_pages: U64
    _unused: Array[U64] = field(count=4)


class SegmentUses(Struct):
    """`struct shm_info` (include/uapi/linux/shm.h)."""

    count: U32
    _unused: U32
    pages: U64
    resident: U64
    swapped: U64
    swap_attempts: U64
    swap_successes: U64
