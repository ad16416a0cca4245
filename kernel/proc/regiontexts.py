"""Texts about what of a region is in memory."""

from __future__ import annotations

from kernel.cpu.pagetable import PageShift
from kernel.fs.textwriter import TextWriter
from kernel.sync.rwlock import ReadWriteLocks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.region import Region, RegionFlags
from kernel.vm.regions import Regions
from kernel.vm.regionview import RegionView
from kernel.vm.rights import Rights
from kernel.vm.userranges import UserRanges
from pykasm import *

KIB_SHIFT = 10
"""log2 of the bytes of a KiB."""

PAGE_KIB_SHIFT = PageShift.PAGE - KIB_SHIFT
"""log2 of the KiB of a page."""

PAGE_KIB = 1 << PAGE_KIB_SHIFT

SHARERS_SHIFT = 1
"""Pages that others have count half: how many have them is not told."""


class RegionSizes(Struct):
    """Pages in memory, in the words of proc(5), smaps; and the bounds of all."""

    start: U64
    end: U64
    resident: U64
    shared: U64
    dirty: U64
    large: U64
    anonymous: U64
    locked: U64
    code: U64
    """What is mapped of programs and libraries, in memory or not."""


SUMMED = ("resident", "shared", "dirty", "large")
"""What `RegionView` has of these."""

FLAGS = {
    Rights.READ: "rd ",
    Rights.WRITE: "wr ",
    Rights.EXECUTE: "ex ",
}
"""What rights are called in smaps."""


class RegionTexts(Subsystem):
    """Writes the sizes of regions. Context: thread."""

    def __init__(
        self, writer: TextWriter, regions: Regions, ranges: UserRanges, locks: ReadWriteLocks
    ) -> None:
        self.writer = writer
        self.regions = regions
        self.ranges = ranges
        self.locks = locks

    @function(context="thread", sleeps=True)
    def show(self, space: Keep[Ptr[AddressSpace]], region: Keep[Ptr[Region]]) -> None:
        """Write what of `region` is in memory. Here `regions_lock` is held for reading."""
        sizes = local(RegionSizes)
        zero(sizes)
        self._add(space, region, address_of(sizes))
        mov(rax, region.end)
        sub(rax, region.node.key)
        shr(rax, KIB_SHIFT)
        self.writer.print(f"{'Size:':<16}%11u kB\n", rax)
        for title in ("KernelPageSize", "MMUPageSize"):
            self.writer.print(f"{title + ':':<16}{PAGE_KIB:11} kB\n")
        self._show_sizes(address_of(sizes))
        self.writer.print("VmFlags: ")
        for right, name in FLAGS.items():
            with if_(region.rights & right):
                self.writer.print(name)
        with if_(region.flags & RegionFlags.SHARED):
            self.writer.print("sh ")
        self.writer.print("mr mw me ")
        with if_(region.flags & RegionFlags.GROWS_DOWN):
            self.writer.print("gd ")
        with if_(region.flags & RegionFlags.LOCKED):
            self.writer.print("lo ")
        self.writer.print("\n")

    @function(context="thread", sleeps=True)
    def show_sum(self, space: Keep[Ptr[AddressSpace]]) -> None:
        """Write what is in memory of all regions of `space`."""
        sizes = local(RegionSizes)
        self.measure(space, address_of(sizes))
        self.writer.print("%08x-%08x ---p 00000000 00:00 0 [rollup]\n", sizes.start, sizes.end)
        self._show_sizes(address_of(sizes))

    @function(context="thread", sleeps=True)
    def measure(self, space: Keep[Ptr[AddressSpace]], sizes: Keep[Ptr[RegionSizes]]) -> None:
        """Fill in `sizes` for all regions of `space`."""
        zero(sizes)
        with self.locks.read_held(space.regions_lock):
            region = keep(self.regions.find_from(space, 0))
            with if_(region != 0):
                mov(rax, region.node.key)
                mov(sizes.start, rax)
            with while_(region != 0):
                self._add(space, region, sizes)
                mov(rax, region.end)
                mov(sizes.end, rax)
                mov(region, self.regions.next(region))
            release(region)

    @function
    def _add(
        self, space: Ptr[AddressSpace], region: Keep[Ptr[Region]], sizes: Keep[Ptr[RegionSizes]]
    ) -> None:
        """Add the sizes of `region`, which `space` has."""
        seen = local(RegionView)
        mov(rax, region.node.key)
        mov(seen.start, rax)
        mov(rax, region.end)
        mov(seen.end, rax)
        mov(seen.is_backed, 0)
        with if_(region.backing != 0):
            inc(seen.is_backed)
        self.ranges.count(space, address_of(seen))
        for name in SUMMED:
            mov(rax, getattr(seen, name))
            add(getattr(sizes, name), rax)
        mov(rax, seen.resident)
        with if_(region.backing == 0):
            add(sizes.anonymous, rax)
        with if_(region.flags & RegionFlags.LOCKED):
            add(sizes.locked, rax)
        with if_((region.backing != 0) & (region.rights & Rights.EXECUTE != 0)):
            mov(rax, seen.end)
            sub(rax, seen.start)
            shr(rax, PageShift.PAGE)
            add(sizes.code, rax)

    @function
    def _show_sizes(self, sizes: Keep[Ptr[RegionSizes]]) -> None:
        """Write `sizes`. What is shared is taken to be unchanged, as far as not all is dirty."""
        alone, clean, shared_dirty = keep(U64), keep(U64), keep(U64)
        shown = keep(U64)
        mov(alone, sizes.resident)
        sub(alone, sizes.shared)
        xor(u32(shared_dirty), u32(shared_dirty))
        mov(clean, alone)
        sub(clean, sizes.dirty)
        with if_(CF):
            xor(u32(clean), u32(clean))
            mov(shared_dirty, sizes.dirty)
            sub(shared_dirty, alone)
        self._show_size("Rss", sizes.resident)
        mov(shown, sizes.shared)
        shr(shown, SHARERS_SHIFT)
        add(shown, alone)
        self._show_size("Pss", shown)
        mov(shown, sizes.shared)
        sub(shown, shared_dirty)
        self._show_size("Shared_Clean", shown)
        self._show_size("Shared_Dirty", shared_dirty)
        self._show_size("Private_Clean", clean)
        sub(alone, clean)
        self._show_size("Private_Dirty", alone)
        self._show_size("Referenced", sizes.resident)
        self._show_size("Anonymous", sizes.anonymous)
        self._show_size("AnonHugePages", sizes.large)
        for title in ("Swap", "SwapPss"):
            self.writer.print(f"{title + ':':<16}{0:11} kB\n")
        self._show_size("Locked", sizes.locked)

    @inline(changes=CALLER_SAVED)
    def _show_size(self, title: str, pages: U64) -> None:
        """Write a number of pages in KiB."""
        mov(rax, pages)
        shl(rax, PAGE_KIB_SHIFT)
        self.writer.print(f"{title + ':':<16}%11u kB\n", rax)
