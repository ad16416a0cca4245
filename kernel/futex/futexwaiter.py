"""A thread that waits for a word of a program's memory to change."""

from __future__ import annotations

from kernel.locks.spinlock import SpinLock
from kernel.locks.waitqueue import WaitQueue
from kernel.structures.list import ListHead
from kernel.vm.addressspace import AddressSpace
from pykasm import *


class FutexKey(Struct):
    """Which word it is."""

    space: OrNull[Ptr[AddressSpace]]
    """Whose memory it is in; null for memory that several may share."""
    place: U64
    """Its address; of shared memory, the physical one."""


class FutexBucket(Struct):
    """Waiters for words that have the same hash value."""

    lock: SpinLock
    waiters: ListHead = field(guarded_by="lock", elements="FutexWaiter.link")
    """In the order in which they came. All zero as long as nobody has ever waited."""


class FutexWaiter(Struct):
    """One wait of a thread, on its stack."""

    link: ListHead = field(guarded_by="FutexBucket.lock")
    bucket: Ptr[FutexBucket]
    """In whose list it is. Changes with the locks of both buckets held."""
    key: FutexKey
    bits: U32
    """Which wakers it listens to."""
    for_lock: U32
    """1 if the thread is to get a lock when it is woken: it is the beginning of a `LockWaiter`
    then."""
    queue: Ptr[WaitQueue]
    """In which the thread alone waits."""
    woken: U32 = field(guarded_by="WaitQueue.lock")
    """1 once it is in no list any more, as somebody has woken it."""
