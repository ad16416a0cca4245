"""A stretch of a program's memory that is alike all over."""

from __future__ import annotations

from kernel.structures.tree import TreeNode
from kernel.vm.rights import Rights
from pykasm import *


class Region(Struct):
    """Addresses that have memory of their own, which is full of zeros until it is written to.

    Pages are found when they are first touched; see `AddressSpaces.resolve`.
    """

    place: TreeNode
    """In `AddressSpace.regions`; the key is where the region starts."""
    end: U64
    rights: U32 = field(Rights)
