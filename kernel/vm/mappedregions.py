"""Regions together with their pages."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.paging.addresses import UserAddress
from kernel.vm.addressspace import AddressSpace
from kernel.vm.gaps import Gaps
from kernel.vm.region import Region
from kernel.vm.regions import Regions
from kernel.vm.userpages import UserPages
from kernel.vm.userranges import UserRanges
from pykasm import *


class MappedRegions(Subsystem):
    """Adds, replaces, removes and changes what is mapped. Without memory the result is -ENOMEM, and
    nothing has changed.

    Context: thread, with the space's `regions_lock` held for writing. Addresses are those of pages
    that programs may have.
    """

    def __init__(
        self, regions: Regions, gaps: Gaps, ranges: UserRanges, user_pages: UserPages
    ) -> None:
        self.regions = regions
        self.gaps = gaps
        self.ranges = ranges
        self.user_pages = user_pages

    @function(context="thread", sleeps=True)
    def add(self, space: Keep[Ptr[AddressSpace]], like: Keep[Ptr[Region]]) -> OrErrno[I32]:
        """Add a region as `like` where none is. Returns 0 or -ENOMEM."""
        with if_(self.regions.extend(space, like)):
            self.regions.merge(space, like.end)
            ret(0)
        try_(self.regions.add(space, like))
        with if_(like.backing != 0):  # else it was found not to go on there
            self.regions.merge(space, like.end)
        ret(0)

    @function(context="thread", sleeps=True)
    def replace(self, space: Keep[Ptr[AddressSpace]], like: Keep[Ptr[Region]]) -> OrErrno[I32]:
        """Add a region as `like` instead of all that is there. Returns 0 or -ENOMEM."""
        region = keep(try_(self.regions.allocate(space, like), Errno.ENOMEM))
        errdefer(self.regions.free, region)
        try_(self.remove(space, like.node.key, like.end))
        self.regions.insert(space, region)
        self.regions.merge(space, like.node.key)
        self.regions.merge(space, like.end)
        ret(0)

    @function(context="thread", sleeps=True)
    def remove(
        self, space: Keep[Ptr[AddressSpace]], start: Keep[UserAddress], end: Keep[UserAddress]
    ) -> OrErrno[I32]:
        """Remove regions and pages from `start` up to `end`, of which not all need have some.
        Returns 0; or -ENOMEM if a region could not be split."""
        with if_(~self.regions.shrink(space, start, end)):
            try_(self.regions.split_at_bounds(space, start, end))
            self.regions.remove_all(space, start, end)
        self.gaps.forget(space, end)
        self.ranges.unmap(space, start, end)
        ret(0)

    @function(context="thread", sleeps=True)
    def protect(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        end: Keep[UserAddress],
        rights: Keep[U32],
    ) -> OrErrno[I32]:
        """Give the memory from `start` up to `end` these `rights`. Returns 0; -ENOMEM if some of it
        has no region, or -EACCES if some may not have them, and what lies before that has them, as
        Linux does it; -ENOMEM if a region could not be split."""
        failed, reach = self.regions.check_rights(space, start, end, rights)
        result = keep(failed)
        mov(end, reach)
        with if_(start < end):
            split = self.regions.split_at_bounds(space, start, end)
            with if_(split != 0):
                ignore(result, "nothing was changed")
                ret(split)
            self.regions.set_rights(space, start, end, rights)
            self.ranges.protect(space, start, end, self.user_pages.flags_of(rights))
        ret(result)

    @function(context="thread", sleeps=True)
    def change_flags(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        end: Keep[UserAddress],
        added: Keep[U32],
        removed: Keep[U32],
    ) -> OrErrno[I32]:
        """Add and remove flags of what is mapped from `start` up to `end`. Returns 0; or -ENOMEM if
        a region could not be split."""
        try_(self.regions.split_at_bounds(space, start, end))
        self.regions.change_flags(space, start, end, added, removed)
        ret(0)
