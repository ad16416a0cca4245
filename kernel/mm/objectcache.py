"""A cache of objects of one size."""

from __future__ import annotations

from kernel.locks.spinlock import SpinLock
from kernel.structures.list import ListHead
from pykasm import *


class ObjectCache(Struct):
    """Objects of one size, in slabs and in the magazines of processors."""

    lock: SpinLock
    order: U8
    """log2 of the pages of a slab."""
    per_slab: U32
    """Objects in each slab."""
    first_object: U32
    """Where they begin in it, in bytes."""
    object_size: U32
    """Bytes that users ask for."""
    slot_size: U32
    """Bytes from one object to the next."""
    name: Ptr[U8]
    magazine: U64
    """The offset of each processor's magazine in its block of variables."""
    link: ListHead
    """In `Slabs.caches`."""
    partial: ListHead = field(guarded_by="lock", elements="Slab.link")
    """Slabs that have free objects, by `Slab.link`; empty ones last."""
    slabs: U64 = field(guarded_by="lock")
    """How many there are."""
    used: U64 = field(guarded_by="lock")
    """Objects that are not free in all slabs; those in magazines count as used."""
