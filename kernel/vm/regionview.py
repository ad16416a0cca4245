"""What is shown of a region."""

from __future__ import annotations

from kernel.paging.addresses import UserAddress
from kernel.vm.region import RegionFlags
from kernel.vm.rights import Rights
from pykasm import *


class RegionView(Struct):
    """A copy of what a region is like, and what of it is in memory."""

    start: UserAddress
    end: UserAddress
    rights: U32 = field(Rights)
    flags: U32 = field(RegionFlags)
    resident: U64
    """Pages of 4 KiB of it that are in memory."""
    large: U64
    """Those of them that lie in large pages."""
    shared: U64
    """Those of them that others have, too."""
    dirty: U64
    """Those of them that were written to by this program."""
    is_backed: U64
    """1 if it has a backing, which has each of its pages, too."""
