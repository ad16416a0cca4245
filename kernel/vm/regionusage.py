"""How much is mapped in a range of addresses."""

from __future__ import annotations

from pykasm import *


class RegionUsage(Struct):
    """Bytes of the regions that have some of it, as far as they lie there."""

    mapped: U64
    """All."""
    data: U64
    """Private ones that can be written, without stacks."""
    constant: U64
    """Private ones that can't, without stacks."""
    locked: U64
