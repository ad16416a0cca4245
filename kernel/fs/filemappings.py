"""The regions of programs that show files."""

from __future__ import annotations

from kernel.cpu.pagetable import PageShift
from kernel.fs.filepages import FilePages
from kernel.structures.list import ListHead
from kernel.sync.mutex import Mutexes
from kernel.vm.region import Region, RegionFlags
from kernel.vm.userranges import UserRanges
from pykasm import *


class FileMappings(Subsystem):
    """Knows who maps a file, and takes away there what is removed from the file. Context:
    thread."""

    def __init__(self, mutexes: Mutexes, ranges: UserRanges) -> None:
        self.mutexes = mutexes
        self.ranges = ranges

    @function(context="thread", sleeps=True)
    def attach(self, pages: Keep[Ptr[FilePages]], mapped: Keep[Ptr[ListHead]]) -> None:
        """Note that the region with the link `mapped` maps the file of `pages`.

        It comes after all others, as those do that fork copies: what is still mapped in them when a
        removal gets there is removed from the copies, too.
        """
        with self.mutexes.held(pages.mappers_lock):
            pages.mappers.append(mapped)

    @function(context="thread", sleeps=True)
    def detach(self, pages: Keep[Ptr[FilePages]], mapped: Keep[Ptr[ListHead]]) -> None:
        """Note that it maps the file no longer."""
        with self.mutexes.held(pages.mappers_lock):
            mapped.unlink()

    @function(context="thread", sleeps=True)
    def are_writable(self, pages: Keep[Ptr[FilePages]]) -> Bool:
        """Return whether a region writes, or may get the right to write, to the file of `pages`."""
        found = keep(Bool)
        xor(u32(found), u32(found))
        with (
            self.mutexes.held(pages.mappers_lock),
            pages.mappers.each(Region, "mapped") as region,
        ):
            mov(eax, region.flags)
            and_(eax, RegionFlags.SHARED | RegionFlags.READ_ONLY)
            with if_(eax == RegionFlags.SHARED):
                mov(u32(found), 1)
        ret(found)

    @function(context="thread", sleeps=True)
    def unmap(self, pages: Keep[Ptr[FilePages]], number: Keep[U64]) -> None:
        """Unmap the pages from `number` on, which were removed from `pages`, wherever they are."""
        lock.inc(pages.removals)  # who gets a page from now on gets none of those
        with (
            self.mutexes.held(pages.mappers_lock),
            pages.mappers.each(Region, "mapped") as region,
        ):
            self._unmap(region, number)

    @function(context="thread", sleeps=True)
    def _unmap(self, region: Ptr[Region], number: U64) -> None:
        """Unmap the pages from `number` on in `region`, whose space is there as long as it is
        listed."""
        start, end = scratch(number), scratch(region.end)
        shl(start, PageShift.PAGE)
        sub(start, region.offset)
        with if_(CF):
            xor(u32(start), u32(start))
        add(start, region.node.key)
        with if_(start < end):
            tail(self.ranges.clear, region.space, start, end)
