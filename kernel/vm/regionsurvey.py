"""What is in a range of addresses."""

from __future__ import annotations

from kernel.vm.region import RegionFlags
from pykasm import *


class RegionSurvey(Struct):
    """What the regions are like that have some of a range of addresses."""

    flags: U32 = field(RegionFlags)
    """What any of them has."""
    is_backed: U32
    """1 if any of them has a backing."""
    has_holes: U32
    """1 if some addresses are in none."""
