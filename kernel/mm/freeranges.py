"""The physical memory that nothing uses when the kernel starts."""

from kernel.boot.memorykind import MemoryKind
from kernel.boot.record import BootModule, BootRecord, MemoryRegion
from kernel.cpu.pagetable import PAGE
from pykasm import *


class FreeRange(Struct):
    """Whole pages from physical `start` up to `end`."""

    start: U64
    end: U64


class FreeRanges(Subsystem):
    """Computes from the record of the start what is free, so that nothing need be stored.

    Free are pages that lie in a region of available memory and touch neither a region of another
    kind, nor the image, nor a module, nor the record. Context: any.
    """

    def __init__(self, record: BootRecord) -> None:
        self.record = record

    @function
    def find(self, start: U64) -> tuple[U64, U64]:
        """Where the first free page from `start` on is, and where the free pages that follow it
        end: the bounds of a stretch. The end is 0 if there is none. `start` is a page's address.
        """
        free_range, place, before = local(FreeRange), keep(Ptr[FreeRange]), keep(U64)
        lea(place, free_range)
        mov(place.start, start)
        with loop():
            mov(before, place.start)
            self.into_memory(place)
            break_if(place.end == 0)
            self.avoid_image(place)
            self.avoid_record(place)
            self.avoid_modules(place)
            self.avoid_regions(place)
            break_if(place.start == before)
        ret(place.start, place.end)

    @function
    def into_memory(self, free_range: Ptr[FreeRange]) -> None:
        """Let `free_range` be the lowest one from its start on in available regions, whatever else
        is there; its end is 0 if there is none."""
        region, number, start = scratch(Ptr[MemoryRegion]), scratch(U32), scratch(free_range.start)
        mov(region, self.record.regions)
        mov(free_range.end, 0)
        with for_(number, 0, self.record.region_count):
            self._bounds(region)
            with if_((region.kind == MemoryKind.AVAILABLE) & (rax < rdx) & (rdx > start)):
                with if_(free_range.end == 0):
                    with if_(start < rax):
                        mov(start, rax)
                    mov(free_range.start, start)
                with if_((rax <= free_range.end) | (free_range.end == 0)):
                    mov(free_range.end, rdx)
                    mov(start, rdx)  # the next one goes on from here, or is of no interest
            add(region, sizeof(MemoryRegion))

    def _bounds(self, region: Ptr[MemoryRegion]) -> None:
        """The first whole page of `region` in rax, and the end of its last in rdx."""
        mov(rax, region.address)
        mov(rdx, rax)
        add(rdx, region.length)
        and_(rdx, -PAGE)
        add(rax, PAGE - 1)
        and_(rax, -PAGE)

    @function
    def avoid_image(self, free_range: Ptr[FreeRange]) -> None:
        """Cut `free_range` off where the image begins, or let it start behind it."""
        start, end = (address_of(symbol(f"image_load_{bound}")) for bound in ("start", "end"))
        tail(self.avoid, free_range, start, end)

    @function
    def avoid_record(self, free_range: Ptr[FreeRange]) -> None:
        """The same for the room in which the record is."""
        mov(rsi, self.record.placement.start)
        mov(rdx, rsi)
        add(rdx, self.record.placement.size)
        tail(self.avoid, free_range, rsi, rdx)

    @function
    def avoid_modules(self, free_range: Keep[Ptr[FreeRange]]) -> None:
        """The same for all modules."""
        module, number = keep(Ptr[BootModule]), keep(U32)
        mov(module, self.record.modules)
        with for_(number, 0, self.record.module_count):
            mov(rax, module.address)
            add(rax, module.size)
            self.avoid(free_range, module.address, rax)
            add(module, sizeof(BootModule))

    @function
    def avoid_regions(self, free_range: Keep[Ptr[FreeRange]]) -> None:
        """The same for all regions that are not available."""
        region, number = keep(Ptr[MemoryRegion]), keep(U32)
        mov(region, self.record.regions)
        with for_(number, 0, self.record.region_count):
            with if_(region.kind != MemoryKind.AVAILABLE):
                mov(rax, region.address)
                add(rax, region.length)
                with if_(rax == 0):  # it goes on to the end of all addresses
                    mov(rax, -PAGE)
                self.avoid(free_range, region.address, rax)
            add(region, sizeof(MemoryRegion))

    @function
    def avoid(self, free_range: Ptr[FreeRange], start: U64, end: U64) -> None:
        """Cut `free_range` off before the bytes from `start` up to `end`; if they touch its first
        page, let it start behind them. What is before its start does not matter."""
        with if_((start >= end) | (end <= free_range.start)):
            ret()
        and_(start, -PAGE)
        with if_(start > free_range.start):
            with if_(start < free_range.end):
                mov(free_range.end, start)
            ret()
        add(end, PAGE - 1)
        and_(end, -PAGE)
        mov(free_range.start, end)

    @function
    def memory_end(self) -> U64:
        """Where the last region ends that is memory, whoever uses it."""
        region, number, end = scratch(Ptr[MemoryRegion]), scratch(U32), scratch(U64)
        mov(region, self.record.regions)
        xor(u32(end), u32(end))
        with for_(number, 0, self.record.region_count):
            self._bounds(region)
            with (
                if_(
                    (region.kind == MemoryKind.AVAILABLE)
                    | (region.kind == MemoryKind.ACPI_RECLAIMABLE)
                ),
                if_(rdx > end),
            ):
                mov(end, rdx)
            add(region, sizeof(MemoryRegion))
        ret(end)
