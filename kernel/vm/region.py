"""A part of a program's memory that has the same rights all over."""

from __future__ import annotations

from kernel.paging.addresses import UserAddress
from kernel.structures.tree import TreeNode
from kernel.vm.rights import Rights
from pykasm import *


class Region(Struct):
    """Addresses that have anonymous memory: full of zeros until it is written to.

    Pages are allocated when they are first touched (`DemandPaging`).
    """

    node: TreeNode
    """In `AddressSpace.regions`; the key is where the region starts."""
    end: UserAddress
    rights: U32 = field(Rights)
