"""What supplies the pages of a region."""

from __future__ import annotations

from kernel.paging.addresses import PhysicalAddress
from kernel.structures.list import ListHead
from pykasm import *


class Backing(Struct):
    """Something whose pages programs can map, such as a file; what is there begins with it. All who
    use regions go by its operations, so that there is one way through a page fault."""

    operations: Ptr[BackingOperations]


class GetPage(
    Fn[[Ptr[Backing], U64], tuple[OrErrno[I32], Owned[OrNull[PhysicalAddress]]]], context="thread"
):
    """Returns 0 and a reference to the page with this number, counted from 0, in
    `FrameUses.references`; or -ENOMEM, or -ENXIO if it lies beyond the end. May sleep."""


class KeepBacking(Fn[[Ptr[Backing]], Void], context="thread"):
    """Gains or drops a reference of a region to the backing. May sleep."""


class FindPage(Fn[[Ptr[Backing], U64], Owned[OrNull[PhysicalAddress]]], context="thread"):
    """Returns a reference to the page with this number, as `GetPage` does, if it is in memory and
    not beyond the end; else 0. Does not sleep."""


class CountRemovals(Fn[[Ptr[Backing]], U64], context="thread"):
    """Returns how often pages of the backing were removed. Who has got a page before, and enters it
    in a table afterwards, has to take it out again."""


class NoteRegion(Fn[[Ptr[Backing], Ptr[ListHead]], Void], context="thread"):
    """Notes, or notes no longer, that the region with this `Region.mapped` shows the backing: what
    is removed from it is unmapped there. May sleep."""


class BackingOperations(Struct):
    """What a kind of backing does."""

    get_page: GetPage
    find_page: FindPage
    gain: KeepBacking
    drop: KeepBacking
    removals: CountRemovals
    attach: NoteRegion
    detach: NoteRegion
