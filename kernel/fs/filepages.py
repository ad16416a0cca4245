"""The pages of a file that are in memory: Linux's `struct address_space`."""

from __future__ import annotations

from kernel.locks.spinlock import SpinLock
from kernel.structures.list import ListHead
from kernel.sync.mutex import Mutex
from pykasm import *

FAN_SHIFT = 6
FAN = 1 << FAN_SHIFT
"""Slots of a node."""


class PageNode(Struct):
    """A node of the tree from page numbers to pages: a radix tree, as Linux's XArray is."""

    slots: Array[U64] = field(count=FAN)
    """Nodes, or in the lowest ones physical addresses of pages, which are owned; 0 for none."""
    parent: OrNull[Ptr[PageNode]]
    place: U32
    """The slot of `parent` that leads here."""
    count: U32
    """Slots that are not empty."""


class FilePages(Struct):
    """Zero is a file without pages, but for the list."""

    lock: SpinLock
    height: U32 = field(guarded_by="lock")
    """Nodes from the root to a page."""
    root: OrNull[Ptr[PageNode]] = field(guarded_by="lock")
    count: U64 = field(guarded_by="lock", unlocked_reads=True)
    """Pages."""
    removals: U64
    """How often pages were removed that programs may have mapped."""
    mappers_lock: Mutex
    mappers: ListHead = field(guarded_by="mappers_lock", elements="Region.mapped")
    """The regions of programs that map the file."""
