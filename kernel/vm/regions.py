"""The regions of address spaces."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.mm.slabs import SlabCache, Slabs
from kernel.structures.tree import Tree, TreeNode, Trees
from kernel.vm.addressspace import AddressSpace
from kernel.vm.region import Region
from pykasm import *


class Regions(Subsystem):
    """Finds, adds, splits, merges and removes regions.

    Context: thread, with the space's `regions_lock` held; for writing by what changes them.
    """

    def __init__(self, trees: Trees, slabs: Slabs) -> None:
        self.trees = trees
        self.regions = SlabCache(slabs, "region", Region)

    # Finding

    @function
    def find(self, space: Ptr[AddressSpace], address: Keep[U64]) -> Ptr[Region]:
        """The region that `address` is in, or null."""
        node = self.trees.at_most(self._tree(space), address)
        region = cast(node, Ptr[Region])
        with if_(region != 0), if_(region.end <= address):
            ret(0)
        ret(region)

    @function
    def find_from(self, space: Keep[Ptr[AddressSpace]], address: Keep[U64]) -> Ptr[Region]:
        """The first region that ends after `address`, or null."""
        region = self.find(space, address)
        with if_(region != 0):
            ret(region)
        node = self.trees.at_least(self._tree(space), address)
        ret(cast(node, Ptr[Region]))

    @function
    def next(self, region: Ptr[Region]) -> Ptr[Region]:
        """The region after `region`, or null."""
        node = self.trees.next(cast(region, Ptr[TreeNode]))
        ret(cast(node, Ptr[Region]))

    def _tree(self, space: Ptr[AddressSpace]) -> Ptr[Tree]:
        """Compute the address of the tree of `space`, in rdi."""
        lea(rdi, space.regions)
        return cast(rdi, Ptr[Tree])

    @function
    def is_covered(self, space: Keep[Ptr[AddressSpace]], start: Keep[U64], end: Keep[U64]) -> U32:
        """1 if all addresses from `start` up to `end` are in regions, else 0."""
        with while_(start < end):
            region = self.find(space, start)
            with if_(region == 0):
                ret(0)
            mov(start, region.end)
        ret(1)

    # Changing

    @function
    def add(
        self, space: Keep[Ptr[AddressSpace]], start: Keep[U64], end: Keep[U64], rights: Keep[U32]
    ) -> I32:
        """Add a region from `start` up to `end`, where none is. Returns 0 or -ENOMEM."""
        region = scratch(self.regions.allocate())
        with if_(region == 0):
            ret(-Errno.ENOMEM)
        mov(region.node.key, start)
        mov(region.end, end)
        mov(region.rights, rights)
        self.trees.insert(self._tree(space), cast(region, Ptr[TreeNode]))
        ret(0)

    @function
    def remove(self, space: Ptr[AddressSpace], region: Keep[Ptr[Region]]) -> None:
        """Remove `region` and free its record."""
        self.trees.remove(self._tree(space), cast(region, Ptr[TreeNode]))
        self.regions.free(region)

    @function
    def _split(self, space: Keep[Ptr[AddressSpace]], address: Keep[U64]) -> I32:
        """Split the region that has `address` inside, if one does: the upper part is a region of
        its own. Returns 0 or -ENOMEM."""
        region = keep(Ptr[Region])
        mov(region, self.find(space, address))
        with if_(region == 0):
            ret(0)
        with if_(region.node.key == address):
            ret(0)
        result = self.add(space, address, region.end, region.rights)
        with if_(result == 0):
            mov(region.end, address)
        ret(result)

    @function
    def split_at_bounds(
        self, space: Keep[Ptr[AddressSpace]], start: Keep[U64], end: Keep[U64]
    ) -> I32:
        """Split regions such that none reaches over `start` or `end`. Returns 0; or -ENOMEM, and
        nothing has changed."""
        result = keep(I32)
        mov(result, self._split(space, start))
        with if_(result == 0):
            mov(result, self._split(space, end))
            with if_(result != 0):
                self.merge(space, start)
        ret(result)

    @function
    def merge(self, space: Keep[Ptr[AddressSpace]], address: Keep[U64]) -> None:
        """Make one region of two that meet at `address`, if they have the same rights."""
        upper = keep(Ptr[Region])
        mov(upper, self.find(space, address))
        with if_(upper == 0):
            ret()
        lea(rsi, bare[address - 1])
        lower = self.find(space, rsi)
        with if_((lower != 0) & (lower != upper)):
            rights = scratch(lower.rights)
            with if_(rights == upper.rights):
                mov(rcx, upper.end)
                mov(
                    lower.end, rcx
                )  # the key, where it starts, must stay: the tree is ordered by it
                self.remove(space, upper)

    @function
    def remove_all(self, space: Keep[Ptr[AddressSpace]], start: Keep[U64], end: Keep[U64]) -> None:
        """Remove the regions from `start` up to `end`, which reach over neither."""
        with loop():
            region = self.find_from(space, start)
            break_if(region == 0)
            break_if(region.node.key >= end)
            self.remove(space, region)

    @function
    def set_rights(
        self, space: Keep[Ptr[AddressSpace]], start: Keep[U64], end: Keep[U64], rights: Keep[U32]
    ) -> None:
        """Set the rights of all from `start` up to `end`, which is in regions that reach over
        neither, and merge regions that have the same now."""
        with while_(start < end):
            region = self.find(space, start)
            mov(region.rights, rights)
            address = scratch(start)
            mov(start, region.end)
            self.merge(space, address)
        tail(self.merge, space, start)
