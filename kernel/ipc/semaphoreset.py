"""Sets of semaphores.

A set, who waits for it, and what is undone in it when a process ends refer to each other, so they
stand together.
"""

from __future__ import annotations

from enum import IntFlag

from kernel.ipc.ipcobject import IpcObject
from kernel.locks.waitqueue import WaitQueue
from kernel.structures.list import ListHead
from kernel.structures.refcount import ReferenceCount
from pykasm import *

MOST_VALUE = 32767
"""The largest value of a semaphore, and of what is undone (include/uapi/linux/sem.h, SEMVMX and
SEMAEM)."""

MOST_OPERATIONS = 500
"""Of a call (SEMOPM)."""

MOST_IN_SET = 32000
"""Semaphores of a set (SEMMSL)."""

MOST_SETS = 32000
"""SEMMNI."""

MOST_IN_ALL = MOST_IN_SET * MOST_SETS
"""Semaphores of all sets (SEMMNS)."""

PENDING = 1
"""What has become of a request that has to wait."""


class SemaphoreFlag(IntFlag):
    """Of an operation (include/uapi/linux/ipc.h and sem.h)."""

    UNDO = 0x1000
    """It is undone when the process ends."""
    NO_WAIT = 0o4000


class SemaphoreOperation(Struct):
    """`struct sembuf`."""

    number: U16
    """Of the semaphore in its set."""
    change: I16
    """What is added; 0 waits for the value to be 0."""
    flags: U16 = field(SemaphoreFlag)


class SetSemaphore(Struct):
    """One of a set."""

    value: I32
    process: U32
    """The number of the process that has changed it, or waited for it, last."""


class SemaphoreSet(IpcObject):
    """What `semget` makes (Linux: `struct sem_array`). The table's lock guards it."""

    operated: U64
    """Seconds since 1970 at the last operation; 0 before the first."""
    count: U32
    requests: ListHead = field(elements="SemaphoreRequest.link")
    """Those that wait, the first ones first."""
    undos: ListHead = field(elements="SemaphoreUndo.of_set")
    semaphores: Array[SetSemaphore]


class SemaphoreUndo(Struct):
    """What a process's operations have changed in a set (Linux: `struct sem_undo`)."""

    of_set: ListHead
    of_list: ListHead
    set: Ptr[SemaphoreSet]
    adjustments: Array[I16]
    """What is added to each semaphore when the process ends."""


class UndoList(Struct):
    """What is undone for those that share it, when the last of them ends; the lock of
    `SemaphoreSets` guards it."""

    references: ReferenceCount = field(freed_by="SemaphoreUndos.free")
    undos: ListHead = field(elements="SemaphoreUndo.of_list")


class SemaphoreRequest(Struct):
    """Operations that are done all at once or not at all, and who waits for that, on the stack of
    its thread."""

    link: ListHead
    """In `SemaphoreSet.requests`, while it is PENDING."""
    operations: Ptr[SemaphoreOperation]
    count: U64
    process: U32
    """The number of the process."""
    is_change: U32
    """1 if some operation is not just a wait for 0."""
    is_undone: U32
    """1 if some operation is undone at the end."""
    highest: U32
    """The highest number of a semaphore."""
    blocking: U32
    """The index of the operation that can't be done yet."""
    list: OrNull[Ptr[UndoList]]
    undo: OrNull[Ptr[SemaphoreUndo]]
    """Null where nothing is undone."""
    queue: WaitQueue
    """In which the thread alone waits."""
    news: I32 = field(guarded_by="queue.lock", unlocked_reads=True)
    """PENDING, or what the call returns."""
