"""The regions of address spaces."""

from __future__ import annotations

from typing import Any

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.mm.slabs import SlabCache, Slabs
from kernel.paging.addresses import UserAddress
from kernel.structures.tree import Trees
from kernel.vm.addressspace import AddressSpace
from kernel.vm.region import Region, RegionFlags
from kernel.vm.regionsurvey import RegionSurvey
from kernel.vm.regionusage import RegionUsage
from kernel.vm.rights import Rights
from pykasm import *

MOST_REGIONS = 65530
"""How many a space may have, unless it is set (Linux: DEFAULT_MAX_MAP_COUNT)."""


class Regions(LeakChecks):
    """Finds, adds, splits, merges and removes regions.

    Context: thread, with the space's `regions_lock` held; for writing by what changes them.
    """

    count = bss(U64)

    most = data(U64, MOST_REGIONS)
    """How many a space may have (Linux: /proc/sys/vm/max_map_count, proc(5))."""

    def __init__(self, trees: Trees, slabs: Slabs) -> None:
        self.trees = trees
        self.regions = SlabCache(slabs, "region", Region)
        self.leak_checks = [leak_check("regions", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of regions in all spaces."""
        ret(self.count)

    # Finding

    @function
    def find(self, space: Ptr[AddressSpace], address: Keep[UserAddress]) -> OrNull[Ptr[Region]]:
        """Return the region that `address` is in, or null."""
        node = self.trees.at_most(address_of(space.regions), address)
        region = container_of(node, Region, "node")
        fail_if((region != 0) & (region.end <= address))
        ret(region)

    @function
    def find_from(
        self, space: Keep[Ptr[AddressSpace]], address: Keep[UserAddress]
    ) -> OrNull[Ptr[Region]]:
        """Return the first region that ends after `address`, or null."""
        region = self.find(space, address)
        with if_(region != 0):
            ret(region)
        node = self.trees.at_least(address_of(space.regions), address)
        ret(container_of(node, Region, "node"))

    @function
    def next(self, region: Ptr[Region]) -> OrNull[Ptr[Region]]:
        """Return the region after `region`, or null."""
        node = self.trees.next(address_of(region.node))
        ret(container_of(node, Region, "node"))

    @function
    def last_before(self, space: Ptr[AddressSpace], address: UserAddress) -> OrNull[Ptr[Region]]:
        """Return the last region that starts before `address`, or null."""
        dec(address)
        node = self.trees.at_most(address_of(space.regions), address)
        ret(container_of(node, Region, "node"))

    @function
    def check_rights(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        end: Keep[UserAddress],
        rights: Keep[U32],
    ) -> tuple[OrErrno[I32], UserAddress]:
        """Return 0 and `end` if all addresses from `start` up to that are in regions that may get
        `rights`; else -ENOMEM or -EACCES, and the first address that is in none, or in one that may
        not."""
        with while_(start < end):
            region = scratch(self.find(space, start))
            with if_(region == 0):
                ret(-Errno.ENOMEM, start)
            with if_((region.flags & RegionFlags.READ_ONLY) & (rights & Rights.WRITE)):
                ret(-Errno.EACCES, start)
            mov(start, region.end)
        ret(0, end)

    @function
    def survey(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        end: Keep[UserAddress],
        found: Keep[Ptr[RegionSurvey]],
    ) -> None:
        """Look at the regions from `start` up to `end`, and note in `found` what they are like."""
        mov(found.flags, 0)
        mov(found.is_backed, 0)
        mov(found.has_holes, 0)
        with while_(start < end):
            region = scratch(self.find_from(space, start))
            with if_((region == 0) | (region.node.key >= end)):
                mov(found.has_holes, 1)
                ret()
            with if_(region.node.key > start):
                mov(found.has_holes, 1)
            mov(eax, region.flags)
            or_(found.flags, eax)
            with if_(region.backing != 0):
                mov(found.is_backed, 1)
            mov(start, region.end)

    @function
    def measure(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        end: Keep[UserAddress],
        usage: Keep[Ptr[RegionUsage]],
    ) -> None:
        """Fill in `usage` with what the regions have from `start` up to `end`."""
        for name in ("mapped", "data", "constant", "locked"):
            mov(getattr(usage, name), 0)
        region = keep(self.find_from(space, start))
        with while_((region != 0) & (region.node.key < end)):
            self._add_usage(region, start, end, usage)
            mov(region, self.next(region))

    @function
    def _add_usage(
        self, region: Ptr[Region], start: UserAddress, end: UserAddress, usage: Ptr[RegionUsage]
    ) -> None:
        """Add to `usage` what `region` has from `start` up to `end`."""
        with if_(start < region.node.key):
            mov(start, region.node.key)
        with if_(end > region.end):
            mov(end, region.end)
        sub(end, start)
        add(usage.mapped, end)
        with if_(region.flags & RegionFlags.LOCKED):
            add(usage.locked, end)
        with if_((region.flags & (RegionFlags.SHARED | RegionFlags.GROWS_DOWN)) == 0):
            with if_(region.rights & Rights.WRITE):
                add(usage.data, end)
            with else_():
                add(usage.constant, end)

    @function(context="thread", sleeps=True)
    def borrow(
        self, space: Ptr[AddressSpace], address: UserAddress, like: Keep[Ptr[Region]]
    ) -> Bool:
        """Make the caller's `like` as the region that `address` is in, with a reference to what
        backs it, until it is given back. Returns whether there is one."""
        region = keep(try_(self.find(space, address)))
        self._copy(like, region)
        mov(rax, region.node.key)
        mov(like.node.key, rax)
        self._tell_backing(like, "gain")
        ret(True)

    @function(context="thread", sleeps=True)
    def give_back(self, like: Ptr[Region]) -> None:
        """Drop the reference that `borrow` has gained. Context: without the lock."""
        like = keep(like)
        self._tell_backing(like, "drop")

    # Changing

    @function(context="thread", sleeps=True)
    def add(self, space: Keep[Ptr[AddressSpace]], like: Ptr[Region]) -> OrErrno[I32]:
        """Add a region as `like`, a record of the caller's, where none is. Returns 0 or -ENOMEM."""
        region = try_(self.allocate(space, like), Errno.ENOMEM)
        self.insert(space, region)
        ret(0)

    @function
    def extend(self, space: Keep[Ptr[AddressSpace]], like: Keep[Ptr[Region]]) -> Bool:
        """Add what is as `like`, where no region is, to the region that it continues, or that
        continues it. Returns whether there is one."""
        lower = scratch(self.last_before(space, like.node.key))
        mov(rax, like.node.key)
        with if_((lower != 0) & (lower.end == rax)), if_(self._goes_on(lower, like)):
            mov(rax, like.end)
            mov(lower.end, rax)
            ret(True)
        # Where a backed region starts must not change: who removes pages of the backing looks at it
        fail_if(like.backing != 0)
        upper = scratch(self.find(space, like.end))
        with if_(upper != 0), if_(self._goes_on(like, upper)):  # it starts there
            self._move_start(upper, like.node.key)
            ret(True)
        ret(False)

    @inline(changes=rax)
    def _move_start(self, region: Ptr[Region], start: Any) -> None:
        """Make `region` of anonymous memory begin at `start`. No other begins between: the tree
        stays in order."""
        mov(rax, start)
        sub(rax, region.node.key)
        add(region.offset, rax)
        add(region.node.key, rax)

    @function
    def shrink(
        self, space: Ptr[AddressSpace], start: Keep[UserAddress], end: Keep[UserAddress]
    ) -> Bool:
        """Take the addresses from `start` up to `end` off a region of anonymous memory that has
        more, if they are at an end of it. Returns whether they are."""
        region = scratch(try_(self.find(space, start)))
        # Who removes pages of a backing looks at its regions, and lets none be split meanwhile
        fail_if(region.backing != 0)
        with if_(region.node.key == start):
            fail_if(region.end <= end)
            self._move_start(region, end)
            ret(True)
        fail_if(region.end != end)
        mov(region.end, start)
        ret(True)

    @function(context="thread", sleeps=True)
    def allocate(
        self, space: Keep[Ptr[AddressSpace]], like: Keep[Ptr[Region]]
    ) -> OrNull[Owned[Ptr[Region]]]:
        """Return a region as `like`, which is not in `space` yet; null without memory, or if that
        has too many."""
        most = scratch(self.most)
        fail_if(space.region_count >= u32(most))
        release(most)
        region = keep(try_(self.regions.allocate()))
        self._copy(region, like)
        mov(rax, like.node.key)
        mov(region.node.key, rax)
        mov(region.space, space)
        self._tell_backing(region, "gain")
        lock.inc(self.count)
        ret(region)

    @function(context="thread", sleeps=True)
    def insert(self, space: Ptr[AddressSpace], region: Keep[Owned[Ptr[Region]]]) -> None:
        """Add `region` where none is."""
        disown(region, "the space's tree leads to it")
        inc(space.region_count)
        self.trees.insert(address_of(space.regions), address_of(region.node))
        self._tell_backing(region, "attach", address_of(region.mapped))

    @function(context="thread", sleeps=True)
    def free(self, region: Keep[Owned[Ptr[Region]]]) -> None:
        """Free the record of a region that is in no space."""
        self._tell_backing(region, "drop")
        lock.dec(self.count)
        self.regions.free(region)

    @inline
    def _copy(self, region: Any, like: Any) -> None:
        """Make `region` as `like`, but for where it starts."""
        for name in ("end", "rights", "flags", "backing", "offset"):
            value = scratch(getattr(like, name))
            mov(getattr(region, name), value)
            release(value)

    @inline(changes=CALLER_SAVED)
    def _tell_backing(self, region: Ptr[Region], name: str, *arguments: Any) -> None:
        """Call the operation `name` of what backs `region`, if anything does."""
        backing = scratch(region.backing)
        with if_(backing != 0):
            operations = scratch(backing.operations)
            getattr(operations, name)(backing, *arguments)

    @function(context="thread", sleeps=True)
    def remove(self, space: Ptr[AddressSpace], region: Keep[Owned[Ptr[Region]]]) -> None:
        """Remove `region` and free its record."""
        dec(space.region_count)
        self.trees.remove(address_of(space.regions), address_of(region.node))
        self._tell_backing(region, "detach", address_of(region.mapped))
        tail(self.free, region)

    @function(context="thread", sleeps=True)
    def _split(self, space: Keep[Ptr[AddressSpace]], address: Keep[UserAddress]) -> OrErrno[I32]:
        """Split the region that has `address` inside, if one does: the upper part is a region of
        its own. Returns 0 or -ENOMEM."""
        upper, region = local(Region), keep(self.find(space, address))
        with if_((region == 0) | (region.node.key == address)):
            ret(0)
        self._copy(upper, region)
        mov(upper.node.key, address)
        mov(rax, address)
        sub(rax, region.node.key)
        add(upper.offset, rax)
        try_(self.add(space, address_of(upper)))
        mov(region.end, address)
        ret(0)

    @function(context="thread", sleeps=True)
    def split_at_bounds(
        self, space: Keep[Ptr[AddressSpace]], start: Keep[UserAddress], end: Keep[UserAddress]
    ) -> OrErrno[I32]:
        """Split regions such that none reaches over `start` or `end`. Returns 0; or -ENOMEM, and
        nothing has changed."""
        try_(self._split(space, start))
        errdefer(self.merge, space, start)
        try_(self._split(space, end))
        ret(0)

    @function(context="thread", sleeps=True)
    def merge(self, space: Keep[Ptr[AddressSpace]], address: Keep[UserAddress]) -> None:
        """Make one region of two that meet at `address`, if they are alike, and the pages of one in
        its backing go on in those of the other."""
        upper = keep(self.find(space, address))
        with if_(upper == 0):
            ret()
        before = scratch(U64)
        lea(before, bare[address - 1])
        lower = scratch(self.find(space, before))
        with if_((lower != 0) & (lower != upper)), if_(self._goes_on(lower, upper)):
            mov(rcx, upper.end)
            # The key, where it starts, must stay: the tree is ordered by it.
            mov(lower.end, rcx)
            take_over(upper, "the space had it")
            self.remove(space, upper)

    @inline(changes=(rax, rcx))
    def _goes_on(self, lower: Ptr[Region], upper: Ptr[Region]) -> Condition:
        """Return the condition that one region could be instead of two that meet."""
        mov(eax, lower.rights)
        xor(eax, upper.rights)
        mov(ecx, lower.flags)
        xor(ecx, upper.flags)
        or_(eax, ecx)
        mov(rcx, lower.backing)
        sub(rcx, upper.backing)
        or_(rax, rcx)
        # Where the offset grows with the address, so does the place in the backing
        mov(rcx, lower.offset)
        sub(rcx, lower.node.key)
        sub(rcx, upper.offset)
        add(rcx, upper.node.key)
        or_(rax, rcx)
        return rax == 0

    @function(context="thread", sleeps=True)
    def remove_all(
        self, space: Keep[Ptr[AddressSpace]], start: Keep[UserAddress], end: Keep[UserAddress]
    ) -> None:
        """Remove the regions from `start` up to `end`, which reach over neither."""
        with loop():
            region = self.find_from(space, start)
            break_if(region == 0)
            break_if(region.node.key >= end)
            take_over(region, "the space had it")
            self.remove(space, region)

    @function(context="thread", sleeps=True)
    def set_rights(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        end: Keep[UserAddress],
        rights: Keep[U32],
    ) -> None:
        """Set the rights of all from `start` up to `end`, which is in regions that reach over
        neither, and merge regions that have the same now."""
        with while_(start < end):
            region = self.find(space, start)
            asserts(region != 0)  # all is in regions
            mov(region.rights, rights)
            address = scratch(start)
            mov(start, region.end)
            self.merge(space, address)
        tail(self.merge, space, start)

    @function(context="thread", sleeps=True)
    def change_flags(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        end: Keep[UserAddress],
        added: Keep[U32],
        removed: Keep[U32],
    ) -> None:
        """Add and remove flags of the regions from `start` up to `end`, which reach over neither,
        and merge those that are alike now."""
        not_(removed)
        with loop():
            region = scratch(self.find_from(space, start))
            break_if((region == 0) | (region.node.key >= end))
            mov(eax, region.flags)
            and_(eax, removed)
            or_(eax, added)
            mov(region.flags, eax)
            mov(start, region.end)
            self.merge(space, region.node.key)
        tail(self.merge, space, end)
