"""The page tables that stay: every part of memory with the least permission that it needs."""

from kernel.boot.memorykind import MemoryKind
from kernel.boot.record import BootRecord, MemoryRegion
from kernel.cpu.pagetable import NO_EXECUTE, PAGE, PageShift
from kernel.cpu.stacks import Stacks
from kernel.mm.directmap import DirectMap
from kernel.mm.frames import SIZE_SHIFT
from kernel.mm.freeranges import FreeRanges
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.mapper import Mapper
from kernel.mm.pages import Pages
from kernel.mm.pagetables import PageTables
from kernel.paging.addresses import RUNTIME_END, Area, direct
from kernel.paging.entryformat import EntryFormat
from kernel.paging.level import PageLevel
from kernel.paging.permissions import DEVICE, EXECUTE, READ, WRITE
from pykasm import *
from pykasm.link.layout import Layout, OutputSection

PERMISSIONS = {"r--": READ, "rw-": WRITE, "r-x": EXECUTE}
"""The flags for what the linker's layout says of a section."""

VIDEO_MEMORY = (0xA0000, 0xC0000)
"""Where VGA has its memory (IBM VGA Technical Reference, 1987)."""

INIT = ".init."
"""What the names of sections begin with that only starting up needs."""


class Paging(Subsystem):
    """Makes the kernel's address space (see `Area`).

    The image is mapped section by section, with the permissions that the linker's `layout` gives
    it, and without the guard pages of its `stacks`. The direct map has all memory that belongs to
    nobody or to ACPI; what it has of the image is as write-protected as the image, and nothing in
    it can be executed. Page 0 and all of the lower half stay unmapped.
    """

    def __init__(
        self,
        layout: Layout,
        stacks: Stacks,
        record: BootRecord,
        entries: EntryFormat,
        free_ranges: FreeRanges,
        kernel: KernelSpace,
        tables: PageTables,
        mapper: Mapper,
        pages: Pages,
        direct_map: DirectMap,
    ) -> None:
        self.sections = [section for section in layout.sections if not section.physical]
        self.stacks = stacks
        self.record = record
        self.entries = entries
        self.free_ranges = free_ranges
        self.kernel = kernel
        self.tables = tables
        self.mapper = mapper
        self.pages = pages
        self.direct_map = direct_map

    @function(init=True)
    def start(self) -> None:
        """Make the tables, use them from now on, and start the page allocator."""
        self.entries.start()
        self.record.limit_memory(self.entries.end)
        self.kernel.start()
        self.map_image()
        self.map_memory()
        self.reserve_tables()
        self.kernel.load()
        self.pages.start()
        self.tables.use_pages()
        start, end = VIDEO_MEMORY
        ignore(self.direct_map.map(start, end - start, DEVICE))

    @function(init=True)
    def reserve_tables(self) -> None:
        """Make the tables of the areas that change while the kernel runs, as far down as they have
        to be the same in all address spaces, and as the frame table's pages need them."""
        mov(rdi, Area.RUNTIME)
        mov(rsi, RUNTIME_END)
        self.kernel.preallocate(rdi, rsi, PageLevel.HUGE)
        end = self.free_ranges.memory_end()
        shr(end, PageShift.PAGE - SIZE_SHIFT)
        mov(rdi, Area.FRAME_TABLE)
        add(end, rdi)
        self.kernel.preallocate(rdi, end, PageLevel.LARGE)

    @function(init=True)
    def map_image(self) -> None:
        """Map the sections of the image, but for the guard pages in them."""
        for section in self.sections:
            start, end, load = (self.bound(section, name) for name in ("start", "end", "load"))
            self.map_section(start, load, end, PERMISSIONS[section.permissions])
        for stack in self.stacks:
            lea(rsi, stack.guard)
            ignore(self.mapper.unmap(address_of(self.kernel.space), rsi, PAGE))

    def bound(self, section: OutputSection, name: str) -> object:
        """An address of `section` that the linker knows (see `OutputSection`)."""
        return address_of(symbol(f"{section.symbol}_{name}"))

    @function
    def free_init(self) -> None:
        """Give back what only starting up needed: the parts of the image that are marked so, and
        what runs before the image is mapped. Context: the first thread, when all processors
        have started; interrupts on."""
        for section in self.sections:
            if section.name.startswith(INIT):
                self.drop(*(self.bound(section, name) for name in ("start", "end", "load")))
        mov(rdi, address_of(symbol("image_load_start")))
        mov(rsi, self.bound(self.sections[0], "load"))
        self.pages.adopt(rdi, rsi)

    @function
    def drop(self, start: Keep[U64], end: U64, load: Keep[U64]) -> None:
        """Free the memory of the image from `start` up to `end`, which is at physical `load`."""
        length = keep(end)
        sub(length, start)
        self._round_up(length)
        ignore(self.mapper.unmap(address_of(self.kernel.space), start, length))
        mov(rsi, load)
        direct(rsi)
        mov(rcx, WRITE)
        ignore(self.mapper.protect(address_of(self.kernel.space), rsi, length, rcx))
        lea(rsi, bare[load + length])
        self.pages.adopt(load, rsi)

    @function(init=True)
    def map_section(self, start: U64, load: Keep[U64], end: U64, flags: Keep[U64]) -> None:
        """Map the image from `start` up to `end`, whose physical address is `load`, there and in
        the direct map."""
        length = keep(end)
        sub(length, start)
        self._round_up(length)
        self._map(start, load, length, flags, PageShift.PAGE)
        mov(rdi, load)
        direct(rdi)
        mov(rax, NO_EXECUTE)
        or_(flags, rax)
        self._map(rdi, load, length, flags, PageShift.PAGE)

    def _map(
        self, address: object, target: object, length: object, flags: object, largest: object
    ) -> None:
        """Map what nothing else is mapped over, while tables come from `EarlyFrames`."""
        kernel = address_of(self.kernel.space)
        ignore(self.mapper.map(kernel, address, target, length, flags, largest))

    @function(init=True)
    def map_memory(self) -> None:
        """Fill the direct map by the memory map, whose regions are in order and may overlap."""
        region, number, done = keep(Ptr[MemoryRegion]), keep(U32), keep(U64)
        mov(region, self.record.regions)
        xor(done, done)
        with for_(number, 0, self.record.region_count):
            with if_(
                (region.kind == MemoryKind.AVAILABLE)
                | (region.kind == MemoryKind.ACPI_RECLAIMABLE)
                | (region.kind == MemoryKind.ACPI_NVS)
            ):
                mov(done, self.map_region(region, done))
            add(region, sizeof(MemoryRegion))

    @function(init=True)
    def map_region(self, region: Ptr[MemoryRegion], done: U64) -> U64:
        """Map the pages of `region` from `done` on, but for the image; where they end."""
        start, end = keep(region.address), keep(region.length)
        add(end, start)
        self._round_up(end)
        and_(start, -PAGE)
        with if_(start < done):
            mov(start, done)
        with if_(start >= end):
            ret(done)
        mov(rsi, self.bound(self.sections[0], "load"))
        with if_(end < rsi):
            mov(rsi, end)
        self.map_directly(start, rsi)
        mov(rdi, address_of(symbol("image_load_end")))
        self._round_up(rdi)
        with if_(start > rdi):
            mov(rdi, start)
        self.map_directly(rdi, end)
        ret(end)

    def _round_up(self, value: U64) -> None:
        """Make `value` a multiple of the page size."""
        add(value, PAGE - 1)
        and_(value, -PAGE)

    @function(init=True)
    def map_directly(self, start: U64, end: U64) -> None:
        """Map physical memory from `start` up to `end`, where anything lies between them."""
        with if_(start < end):
            mov(rdx, end)
            sub(rdx, start)
            mov(rsi, start)
            direct(rdi)
            self._map(rdi, rsi, rdx, WRITE, self.entries.largest)
