"""What a program sees of memory."""

from __future__ import annotations

from kernel.paging.space import Space
from kernel.structures.tree import Tree
from kernel.sync.rwlock import ReadWriteLock
from pykasm import *


class AddressSpace(Space):
    """Page tables, and the regions that say what may come to be in their lower half.

    `lock` keeps those apart who add entries; entries change or go under `changes` alone.
    """

    changes: ReadWriteLock
    """To be held to read by who goes by the regions, to write by who changes them."""
    regions: Tree
    """`Region`s that don't overlap. Where two of them meet they have different rights."""
    threads: U32
    """How many threads are in it. No processor remembers anything of a space that has none."""
