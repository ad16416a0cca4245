"""The page tables that stay: every part of memory with the least permission that it needs."""

from kernel.boot.memorykind import MemoryKind
from kernel.boot.memorymap import MemoryRegion
from kernel.boot.record import BootRecord
from kernel.console.framebuffer import Framebuffer
from kernel.console.screen import TextScreen
from kernel.cpu.pagetable import NO_EXECUTE, PAGE, PageShift
from kernel.cpu.stacks import Stacks
from kernel.mm.directmap import DirectMap
from kernel.mm.frames import SIZE_SHIFT
from kernel.mm.freeranges import FreeRanges
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.mapper import Mapper
from kernel.mm.pages import Pages
from kernel.mm.pagetables import PageTables
from kernel.mm.zones import Zones
from kernel.paging.addresses import RUNTIME_END, Area, direct
from kernel.paging.entryformat import EntryFormat
from kernel.paging.level import PageLevel
from kernel.paging.permissions import EXECUTE, READ, WRITE
from kernel.structures.alignment import round_down, round_up
from pykasm import *
from pykasm.link.layout import Layout, OutputSection

PERMISSIONS = {"r--": READ, "rw-": WRITE, "r-x": EXECUTE}
"""The flags for what the linker's layout says of a section."""

VIDEO_MEMORY = (0xA0000, 0xC0000)
"""Where VGA has its memory (IBM VGA Technical Reference, 1987)."""

INIT = ".init."
"""Names of sections that are needed only while starting begin with this."""


class Paging(Subsystem):
    """Makes the kernel's address space (see `Area`), as Linux's paging_init does.

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
        zones: Zones,
        pages: Pages,
        direct_map: DirectMap,
        framebuffer: Framebuffer,
        screen: TextScreen,
    ) -> None:
        self.sections = [section for section in layout.sections if not section.physical]
        self.stacks = stacks
        self.record = record
        self.entries = entries
        self.free_ranges = free_ranges
        self.kernel = kernel
        self.tables = tables
        self.mapper = mapper
        self.zones = zones
        self.pages = pages
        self.direct_map = direct_map
        self.framebuffer = framebuffer
        self.screen = screen

    @function(init=True)
    def start(self) -> None:
        """Make the tables, switch to them, and start the page allocator."""
        self.entries.start()
        self.record.limit_memory(self.entries.end)
        self.kernel.start()
        self._map_image()
        self.map_memory()
        self._preallocate()
        self._map_framebuffer()
        self.kernel.load()
        # Only now is the frame table's memory mapped that the page allocator needs
        self.pages.start()
        self.tables.use_pages()  # from here on `EarlyFrames` gives nothing
        start, end = VIDEO_MEMORY
        ignore(self.direct_map.claim_registers(start, end - start))
        tail(self._open_framebuffer)

    @function(init=True)
    def _map_framebuffer(self) -> None:
        """Map the framebuffer, which may show the screen already. If that fails it shows no more:
        nothing was mapped there before either, or the loader is wrong."""
        address = self.framebuffer.mode.address
        with if_(address == 0):
            ret()
        with if_(self.direct_map.map_framebuffer(address, self.framebuffer.size()) != 0):
            mov(address, 0)
            tail(self.screen.close)

    @function(init=True)
    def _open_framebuffer(self) -> None:
        """Show the screen on a framebuffer that the kernel has no way to before its own tables."""
        with if_((self.framebuffer.mode.address != 0) & ~self.screen.has_framebuffer()):
            tail(self.screen.open_framebuffer)

    @function(init=True)
    def _preallocate(self) -> None:
        """Make the tables of the areas that change while the kernel runs, as far down as they have
        to be the same in all address spaces, and as the frame table's pages need them."""
        self.kernel.preallocate(Area.RUNTIME, RUNTIME_END, PageLevel.HUGE)
        end = self.free_ranges.memory_end()
        shr(end, PageShift.PAGE - SIZE_SHIFT)
        start = scratch(U64)
        mov(start, Area.FRAME_TABLE)
        add(end, start)
        self.kernel.preallocate(start, end, PageLevel.LARGE)

    # The image

    @function(init=True)
    def _map_image(self) -> None:
        """Map the sections of the image, but for the guard pages in them."""
        for section in self.sections:
            start, end, load = (self.bound(section, name) for name in ("start", "end", "load"))
            self._map_section(start, load, end, PERMISSIONS[section.permissions])
        for stack in self.stacks:
            # Only at its own address: the direct map has no stack below that could run over it
            kernel, guard = address_of(self.kernel.space), address_of(stack.guard)
            ignore(self.mapper.unmap(kernel, guard, PAGE), "all its pages are small")

    def bound(self, section: OutputSection, name: str) -> object:
        """Return an address of `section` that the linker defines (see `OutputSection`)."""
        return address_of(symbol(f"{section.symbol}_{name}"))

    @function(init=True)
    def _map_section(self, start: U64, load: Keep[U64], end: U64, flags: Keep[U64]) -> None:
        """Map the image from `start` up to `end`, whose physical address is `load`, there and in
        the direct map."""
        length = keep(end)
        sub(length, start)
        round_up(length, PAGE)
        self._map(start, load, length, flags, PageShift.PAGE)
        # With the same right to write, and by pages of 4 KiB: W^X has to hold there, too
        alias = scratch(load)
        direct(alias)
        mov(rax, NO_EXECUTE)
        or_(flags, rax)
        self._map(alias, load, length, flags, PageShift.PAGE)

    @inline(changes=("address", "target", "length", "flags", *CALLER_SAVED))
    def _map(
        self, address: object, target: U64, length: U64, flags: U64 | int, largest: U32 | int
    ) -> None:
        """Map what nothing is mapped at yet. It can't fail while tables come from `EarlyFrames`,
        which panics without memory."""
        kernel = address_of(self.kernel.space)
        mapped = self.mapper.map(kernel, address, target, length, flags, largest)
        ignore(mapped, "there is memory for the tables")

    @function
    def free_init(self) -> None:
        """Free what only starting needed: the parts of the image that are marked so, and what runs
        before the image is mapped. Linux calls it free_initmem. Context: the first thread, when all
        processors have started; interrupts on."""
        for section in self.sections:
            if section.name.startswith(INIT):
                bounds = (self.bound(section, name) for name in ("start", "end", "load"))
                self._free_image_part(*bounds)
        start = address_of(symbol("image_load_start"))
        self.zones.free_reserved(start, self.bound(self.sections[0], "load"))

    @function
    def _free_image_part(self, start: Keep[U64], end: U64, load: Keep[U64]) -> None:
        """Free the memory of the image from `start` up to `end`, which is at physical `load`."""
        length = keep(end)
        sub(length, start)
        round_up(length, PAGE)
        kernel = address_of(self.kernel.space)
        ignore(self.mapper.unmap(kernel, start, length), "all its pages are small")
        alias = scratch(load)
        direct(alias)
        ignore(
            self.mapper.protect(kernel, alias, length, WRITE),
            "all its pages are small",
        )
        load_end = scratch(U64)
        lea(load_end, bare[load + length])
        self.zones.free_reserved(load, load_end)

    # The direct map

    @function(init=True)
    def map_memory(self) -> None:
        """Fill the direct map by the memory map, whose regions are in order and may share pages."""
        region, number, done = keep(Ptr[MemoryRegion]), keep(U32), keep(U64)
        mov(region, self.record.regions)
        xor(done, done)
        with for_(number, 0, self.record.region_count):
            with if_(
                (region.kind == MemoryKind.AVAILABLE)
                | (region.kind == MemoryKind.ACPI_RECLAIMABLE)
                | (region.kind == MemoryKind.ACPI_NVS)
            ):
                mov(done, self._map_region(region, done))
            add(region, sizeof(MemoryRegion))

    @function(init=True)
    def _map_region(self, region: Ptr[MemoryRegion], done: U64) -> U64:
        """Map the pages of `region` from physical `done` on, but for those of the image. Returns
        where they end."""
        start, end = keep(region.address), keep(region.length)
        add(end, start)
        round_up(end, PAGE)
        round_down(start, PAGE)
        with if_(start < done):
            mov(start, done)
        with if_(start >= end):
            ret(done)
        # Sections of the image have permissions of their own there, by `_map_section`
        before = scratch(U64)
        mov(before, self.bound(self.sections[0], "load"))
        with if_(end < before):
            mov(before, end)
        self._map_direct(start, before)
        after = scratch(U64)
        mov(after, address_of(symbol("image_load_end")))
        round_up(after, PAGE)
        with if_(start > after):
            mov(after, start)
        self._map_direct(after, end)
        ret(end)

    @function(init=True)
    def _map_direct(self, start: U64, end: U64) -> None:
        """Map physical memory from `start` up to `end`, if there is anything between them."""
        with if_(start < end):
            length, address = scratch(end), scratch(start)
            sub(length, start)
            direct(address)
            self._map(address, start, length, WRITE, self.entries.largest)
