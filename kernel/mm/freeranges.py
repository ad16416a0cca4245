"""The physical memory that nothing uses when the kernel starts."""

from kernel.boot.memorykind import MemoryKind
from kernel.boot.memorymap import MemoryRegion
from kernel.boot.record import BootModule, BootRecord
from kernel.cpu.pagetable import PAGE
from kernel.structures.alignment import round_down, round_up
from pykasm import *


class FreeRange(Struct):
    """Whole pages from physical `start` up to `end`."""

    start: U64
    end: U64


class FreeRanges(Subsystem):
    """Computes from the boot record what is free, so that nothing need be stored; Linux's memblock.

    Free are pages that lie in a region of available memory and touch neither the image, nor a
    module, nor the record. Context: any.
    """

    def __init__(self, record: BootRecord) -> None:
        self.record = record

    @function
    def find(self, start: U64) -> tuple[U64, U64]:
        """Start and end of the first range of free pages from physical `start`, a page's address,
        on; the end is 0 if there is none."""
        found, before = local(FreeRange), keep(U64)
        range = keep(address_of(found))
        mov(range.start, start)
        # Each obstacle may move the start into another: until none does
        with loop():
            mov(before, range.start)
            self._find_available(range)
            break_if(range.end == 0)
            self._exclude_image(range)
            self._exclude_record(range)
            self._exclude_modules(range)
            break_if(range.start == before)
        ret(range.start, range.end)

    @function
    def _find_available(self, range: Keep[Ptr[FreeRange]]) -> None:
        """Set `range` to the lowest one from its start on in a region of available memory, whatever
        else is there; its end to 0 if there is none."""
        region, last = self.record.first_from(range.start)
        region, regions_end = scratch(region), scratch(last)
        mov(range.end, 0)
        with while_(region < regions_end):
            first, end = self._bounds(region)
            with if_(first < range.start):
                mov(first, range.start)
            with if_((region.kind == MemoryKind.AVAILABLE) & (first < end)):
                mov(range.start, first)
                mov(range.end, end)
                ret()
            add(region, sizeof(MemoryRegion))

    @inline(changes=(rax, rdx))
    def _bounds(self, region: Ptr[MemoryRegion]) -> tuple[U64, U64]:
        """Return where the first whole page of `region` starts, and where its last ends."""
        mov(rax, region.address)
        mov(rdx, rax)
        add(rdx, region.length)
        round_down(rdx, PAGE)
        round_up(rax, PAGE)
        return rax, rdx

    @function
    def _exclude_image(self, range: Ptr[FreeRange]) -> None:
        """Exclude the kernel's image from `range`."""
        start, end = (address_of(symbol(f"image_load_{bound}")) for bound in ("start", "end"))
        tail(self._exclude, range, start, end)

    @function
    def _exclude_record(self, range: Ptr[FreeRange]) -> None:
        """Exclude the memory of the boot record from `range`."""
        start, end = scratch(self.record.placement.start), scratch(self.record.placement.size)
        add(end, start)
        tail(self._exclude, range, start, end)

    @function
    def _exclude_modules(self, range: Keep[Ptr[FreeRange]]) -> None:
        """Exclude all modules from `range`."""
        module, number = keep(Ptr[BootModule]), keep(U32)
        mov(module, self.record.modules)
        with for_(number, 0, self.record.module_count):
            end = scratch(module.address)
            add(end, module.size)
            self._exclude(range, module.address, end)
            add(module, sizeof(BootModule))

    @function
    def _exclude(self, range: Ptr[FreeRange], start: U64, end: U64) -> None:
        """Cut `range` off before the bytes from `start` up to `end`; if they touch its first page,
        move its start after them. Bytes before its start have no effect."""
        with if_((start >= end) | (end <= range.start)):
            ret()
        round_down(start, PAGE)
        with if_(start > range.start):
            with if_(start < range.end):
                mov(range.end, start)
            ret()
        round_up(end, PAGE)
        mov(range.start, end)

    @function
    def memory_end(self) -> U64:
        """Return the physical address at which the last region of memory ends, whoever uses it."""
        region, number, end = scratch(Ptr[MemoryRegion]), scratch(U32), scratch(U64)
        mov(region, self.record.regions)
        xor(u32(end), u32(end))
        with for_(number, 0, self.record.region_count):
            first, region_end = self._bounds(region)
            ignore(first)
            with (
                if_(
                    (region.kind == MemoryKind.AVAILABLE)
                    | (region.kind == MemoryKind.ACPI_RECLAIMABLE)
                ),
                if_(region_end > end),
            ):
                mov(end, region_end)
            add(region, sizeof(MemoryRegion))
        ret(end)
