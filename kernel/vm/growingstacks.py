"""Stacks of programs, which grow as they are used."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.paging.addresses import USER_END, USER_START, UserAddress
from kernel.sync.biasedlock import BiasedLocks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.gaps import STACK_GUARD_GAP
from kernel.vm.region import Region, RegionFlags
from kernel.vm.regions import Regions
from kernel.vm.regionusage import RegionUsage
from pykasm import *


class MayHaveLocked(Fn[[U64], Bool], context="thread"):
    """Return whether the program that runs may have so many bytes of its memory locked."""


class GrowingStacks(Subsystem):
    """Lets regions with GROWS_DOWN begin further down. Context: thread."""

    may_have_locked = bss(OrNull[MayHaveLocked])
    """Null where there are no limits."""

    def __init__(self, locks: BiasedLocks, regions: Regions) -> None:
        self.locks = locks
        self.regions = regions

    @function(context="thread", sleeps=True)
    def grow(self, space: Keep[Ptr[AddressSpace]], page: Keep[UserAddress]) -> OrErrno[I32]:
        """Make `page`, the address of one that no region had, a part of the stack above it. Returns
        0, or -EFAULT if there is none, or it may not get so large."""
        result = keep(I32)
        with self.locks.write_held(space.regions_lock):
            mov(result, self._grow(space, page))
        ret(result)

    @function
    def _grow(self, space: Keep[Ptr[AddressSpace]], page: Keep[UserAddress]) -> OrErrno[I32]:
        """Do what `grow` does, under the lock."""
        region = keep(try_(self.regions.find_from(space, page), Errno.EFAULT))
        with if_(region.node.key <= page):  # another thread was faster
            ret(0)
        size = scratch(region.end)
        sub(size, page)
        fail_if(size > space.stack_limit, Errno.EFAULT)
        fail_if((region.flags & RegionFlags.GROWS_DOWN) == 0, Errno.EFAULT)
        fail_if(page < USER_START, Errno.EFAULT)
        fail_if(~self._keeps_distance(space, page), Errno.EFAULT)
        with if_(i64(space.size_limit) != -1):
            try_(self._check_size(space, region, page))
        with if_(region.flags & RegionFlags.LOCKED):
            try_(self._check_locks(space, region, page))
        mov(rax, region.node.key)
        sub(rax, page)
        sub(region.offset, rax)
        # No other region lies between: the tree is in order as it was
        mov(region.node.key, page)
        ret(0)

    @function
    def _check_size(
        self, space: Keep[Ptr[AddressSpace]], region: Ptr[Region], page: UserAddress
    ) -> OrErrno[I32]:
        """Return 0 if `space` may have `region` begin at `page`, else -EFAULT."""
        usage, more = local(RegionUsage), keep(region.node.key)
        sub(more, page)
        self.regions.measure(space, USER_START, USER_END, address_of(usage))
        add(more, usage.mapped)
        fail_if(more > space.size_limit, Errno.EFAULT)
        ret(0)

    @function
    def _check_locks(
        self, space: Keep[Ptr[AddressSpace]], region: Ptr[Region], page: UserAddress
    ) -> OrErrno[I32]:
        """Return 0 if `space` may have `region`, which is locked, begin at `page`, else -EFAULT."""
        usage, more = local(RegionUsage), keep(region.node.key)
        sub(more, page)
        self.regions.measure(space, USER_START, USER_END, address_of(usage))
        add(more, usage.locked)
        with if_(self.may_have_locked != 0):
            fail_if(~self.may_have_locked(more), Errno.EFAULT)
        ret(0)

    @function
    def _keeps_distance(self, space: Ptr[AddressSpace], page: Keep[UserAddress]) -> Bool:
        """Return whether what lies below `page` is as far away as it has to be from a stack, or is
        one, or forbids all access."""
        below = self.regions.last_before(space, page)
        with if_(below == 0):
            ret(True)
        with if_((below.flags & RegionFlags.GROWS_DOWN) | (below.rights == 0)):
            ret(True)
        sub(page, below.end)
        ret(page >= STACK_GUARD_GAP)
