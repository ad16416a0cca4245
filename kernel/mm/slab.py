"""A block of pages cut into objects of one size."""

from __future__ import annotations

from kernel.mm.objectcache import ObjectCache
from kernel.structures.list import ListHead
from pykasm import *


class Slab(Struct):
    """The head of a block of pages with objects of a cache.

    A list of the free ones follows, as numbers, and then the objects.
    """

    link: ListHead
    """In `ObjectCache.partial`, as long as there are free objects."""
    cache: Ptr[ObjectCache]
    used: U32
    """Objects that are not free; those in magazines count as used."""
    first_free: U32
    """The number of the first free object; `ObjectCache.per_slab` if there is none."""
    next_free: Array[U16]
    """For each free object: the number of the next one."""
