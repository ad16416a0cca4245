"""The regions of address spaces."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.mm.caches import SlabCache, Slabs
from kernel.structures.tree import Tree, TreeNode, Trees
from kernel.vm.addressspace import AddressSpace
from kernel.vm.region import Region
from pykasm import *


class Regions(Subsystem):
    """Finds regions, and changes them as a whole.

    Context: thread, with the space's `changes` held; to write by what adds, cuts or removes.
    """

    def __init__(self, trees: Trees, slabs: Slabs) -> None:
        self.trees = trees
        self.records = SlabCache(slabs, "region", Region)

    # Finding

    @function
    def at(self, space: Ptr[AddressSpace], address: U64) -> Ptr[Region]:
        """The region that `address` is in, or null."""
        address = keep(address)
        node = self.trees.at_most(self._tree(space), address)
        region = cast(node, Ptr[Region])
        with if_(region != 0), if_(region.end <= address):
            ret(0)
        ret(region)

    @function
    def after(self, space: Ptr[AddressSpace], address: U64) -> Ptr[Region]:
        """The first region that has addresses from `address` on, or null."""
        space, address = keep(space), keep(address)
        region = self.at(space, address)
        with if_(region != 0):
            ret(region)
        node = self.trees.at_least(self._tree(space), address)
        ret(cast(node, Ptr[Region]))

    @function
    def next(self, region: Ptr[Region]) -> Ptr[Region]:
        """The region behind `region`, or null."""
        node = self.trees.next(cast(region, Ptr[TreeNode]))
        ret(cast(node, Ptr[Region]))

    def _tree(self, space: Ptr[AddressSpace]) -> Ptr[Tree]:
        """The tree of `space`, in rdi."""
        lea(rdi, space.regions)
        return cast(rdi, Ptr[Tree])

    @function
    def is_covered(self, space: Ptr[AddressSpace], start: U64, end: U64) -> U32:
        """Whether all addresses from `start` up to `end` are in regions."""
        space, start, end = keep(space), keep(start), keep(end)
        with while_(start < end):
            region = self.at(space, start)
            with if_(region == 0):
                ret(0)
            mov(start, region.end)
        ret(1)

    # Changing

    @function
    def add(self, space: Ptr[AddressSpace], start: U64, end: U64, rights: U32) -> I32:
        """Let there be a region from `start` up to `end`, where none is. 0 or -ENOMEM."""
        space, start, end, rights = keep(space), keep(start), keep(end), keep(rights)
        region = scratch(self.records.allocate())
        with if_(region == 0):
            ret(-Errno.ENOMEM)
        mov(region.place.key, start)
        mov(region.end, end)
        mov(region.rights, rights)
        self.trees.insert(self._tree(space), cast(region, Ptr[TreeNode]))
        ret(0)

    @function
    def remove(self, space: Ptr[AddressSpace], region: Ptr[Region]) -> None:
        """Let `region` be no more."""
        region = keep(region)
        self.trees.remove(self._tree(space), cast(region, Ptr[TreeNode]))
        self.records.free(region)

    @function
    def cut(self, space: Ptr[AddressSpace], address: U64) -> I32:
        """Let no region go over `address`: make two of one that does. 0 or -ENOMEM."""
        space, address, region = keep(space), keep(address), keep(Ptr[Region])
        mov(region, self.at(space, address))
        with if_(region == 0):
            ret(0)
        with if_(region.place.key == address):
            ret(0)
        result = self.add(space, address, region.end, region.rights)
        with if_(result == 0):
            mov(region.end, address)
        ret(result)

    @function
    def cut_out(self, space: Ptr[AddressSpace], start: U64, end: U64) -> I32:
        """Let no region go over `start` or `end`. 0; or -ENOMEM, and nothing has changed."""
        space, start, end, result = keep(space), keep(start), keep(end), keep(I32)
        mov(result, self.cut(space, start))
        with if_(result == 0):
            mov(result, self.cut(space, end))
            with if_(result != 0):
                self.join(space, start)
        ret(result)

    @function
    def join(self, space: Ptr[AddressSpace], address: U64) -> None:
        """Make one region of two that meet at `address`, if they are alike."""
        space, address, upper = keep(space), keep(address), keep(Ptr[Region])
        mov(upper, self.at(space, address))
        with if_(upper == 0):
            ret()
        lea(rsi, bare[address - 1])
        lower = self.at(space, rsi)
        with if_((lower != 0) & (lower != upper)):
            rights = scratch(lower.rights)
            with if_(rights == upper.rights):
                mov(rcx, upper.end)
                mov(lower.end, rcx)
                self.remove(space, upper)

    @function
    def remove_all(self, space: Ptr[AddressSpace], start: U64, end: U64) -> None:
        """Remove the regions from `start` up to `end`, which go over neither."""
        space, start, end = keep(space), keep(start), keep(end)
        with loop():
            region = self.after(space, start)
            break_if(region == 0)
            break_if(region.place.key >= end)
            self.remove(space, region)

    @function
    def set_rights(self, space: Ptr[AddressSpace], start: U64, end: U64, rights: U32) -> None:
        """Let all from `start` up to `end`, which are in regions that go over neither, have these
        rights; regions that are alike now become one."""
        space, start, end, rights = keep(space), keep(start), keep(end), keep(rights)
        with while_(start < end):
            region = self.at(space, start)
            mov(region.rights, rights)
            address = scratch(start)
            mov(start, region.end)
            self.join(space, address)
        tail(self.join, space, start)
