"""What programs are told of semaphores."""

from __future__ import annotations

from kernel.ipc.ipcpermission import IpcPermission
from pykasm import *


class SemaphoreStatus(Struct):
    """`struct semid64_ds` (arch/x86/include/uapi/asm/sembuf.h)."""

    permission: IpcPermission
    operated: U64
    _unused: U64
    changed: U64
    _unused2: U64
    count: U64
    _unused3: Array[U64] = field(count=2)


class SemaphoreInformation(Struct):
    """`struct seminfo` (include/uapi/linux/sem.h)."""

    map_size: U32
    most_sets: U32
    most_in_all: U32
    most_undos: U32
    most_in_set: U32
    most_operations: U32
    most_of_undo: U32
    undo_size: U32
    """The number of sets, for SEM_INFO."""
    most_value: U32
    most_adjustment: U32
    """The number of semaphores, for SEM_INFO."""
