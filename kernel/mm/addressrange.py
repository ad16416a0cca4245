"""A range of the kernel's addresses."""

from __future__ import annotations

from enum import IntEnum

from kernel.structures.tree import TreeNode
from pykasm import *


class RangeUse(IntEnum):
    """What a range of addresses is used for."""

    FREE = 0
    MEMORY = 1
    DEVICE = 2


class AddressRange(Struct):
    """Consecutive pages of addresses. Linux calls it a vmap area."""

    by_address: TreeNode
    """In `Arena.ranges`, by the address where it starts."""
    by_size: TreeNode
    """In `Arena.free_ranges`, by the number of pages."""
    pages: U64
    use: U64 = field(RangeUse)
