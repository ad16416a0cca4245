"""The page tables that stay: every part of memory with the least permission that it needs."""

from collections.abc import Iterable

from kernel.boot.memorykind import MemoryKind
from kernel.boot.record import BootRecord, Region
from kernel.cpu.control import Efer, Msr
from kernel.cpu.features import Extended, Features
from kernel.mm.addresses import Area, direct
from kernel.mm.mapper import Mapper
from kernel.mm.pagetable import (
    NO_EXECUTE,
    PAGE,
    PageFlags,
    PageShift,
)
from kernel.mm.stack import GuardedStack
from kernel.mm.walk import PageWalk
from pykasm import *
from pykasm.link.layout import Layout, OutputSection

READ = PageFlags.PRESENT | PageFlags.GLOBAL | NO_EXECUTE
WRITE = READ | PageFlags.WRITE
EXECUTE = PageFlags.PRESENT | PageFlags.GLOBAL
DEVICE = WRITE | PageFlags.CACHE_DISABLE | PageFlags.WRITE_THROUGH
"""Device registers: neither cached nor reordered (AMD64 APM vol. 2, 7.8.1)."""

PERMISSIONS = {"r--": READ, "rw-": WRITE, "r-x": EXECUTE}
"""The flags for what the linker's layout says of a section."""

VIDEO_MEMORY = (0xA0000, 0xC0000)
"""Where VGA has its memory (IBM VGA Technical Reference, 1987)."""

INIT = ".init."
"""What the names of sections begin with that only starting up needs."""

DIRECT_MAP_SIZE = Area.RUNTIME - Area.DIRECT_MAP


class Paging(Subsystem):
    """Makes the kernel's address space (see `Area`).

    The image is mapped section by section, with the permissions that the linker's `layout` gives
    it, and without the guard pages of its `stacks`. The direct map has all memory that belongs to
    nobody or to ACPI; what it has of the image is as write-protected as the image, and nothing in
    it can be executed. Page 0 and all of the lower half stay unmapped.
    """

    largest = data(U32, PageShift.LARGE)
    """The largest pages that this processor has."""

    def __init__(
        self,
        layout: Layout,
        stacks: Iterable[GuardedStack],
        record: BootRecord,
        features: Features,
        mapper: Mapper,
        walk: PageWalk,
    ) -> None:
        self.sections = [section for section in layout.sections if not section.physical]
        self.stacks = stacks
        self.record = record
        self.features = features
        self.mapper = mapper
        self.walk = walk

    @function(init=True)
    def switch_over(self) -> None:
        """Make the tables and use them from now on."""
        self._use_features()
        self.mapper.start()
        self.map_image()
        self.map_memory()
        self.mapper.use()
        start, end = VIDEO_MEMORY
        ignore(self.include(start, end - start, DEVICE))

    def _use_features(self) -> None:
        """Find out about large pages, and switch NX on where the processor has it."""
        with if_(self.features.extended & Extended.PAGE_1GB):
            mov(self.largest, PageShift.HUGE)
        with if_(self.features.extended & Extended.NX):
            mov(self.mapper.allowed, -1)
            mov(ecx, Msr.EFER)
            rdmsr()
            or_(eax, Efer.NXE)
            wrmsr()

    @function(init=True)
    def map_image(self) -> None:
        """Map the sections of the image, but for the guard pages in them."""
        for section in self.sections:
            start, end, load = (self._bound(section, name) for name in ("start", "end", "load"))
            self.map_section(start, load, end, PERMISSIONS[section.permissions])
        for stack in self.stacks:
            lea(rdi, stack.guard)
            lea(rsi, stack.room)
            self.mapper.unmap(rdi, rsi)

    def _bound(self, section: OutputSection, name: str) -> object:
        """An address of `section` that the linker knows (see `OutputSection`)."""
        return address_of(symbol(f"{section.symbol}_{name}"))

    @function
    def drop_init(self) -> None:
        """Take what only starting up needed out of the image. Context: after that, one processor.

        Its memory stays where it is until there is an allocator to give it to.
        """
        for section in self.sections:
            if section.name.startswith(INIT):
                self.mapper.unmap(self._bound(section, "start"), self._bound(section, "end"))

    @function(init=True)
    def map_section(self, start: U64, load: U64, end: U64, flags: U64) -> None:
        """Map the image from `start` up to `end`, whose physical address is `load`, there and in
        the direct map."""
        load, length, flags = keep(load), keep(end), keep(flags)
        sub(length, start)
        add(length, PAGE - 1)
        and_(length, -PAGE)
        self.mapper.map(start, load, length, flags, PageShift.PAGE)
        mov(rdi, load)
        direct(rdi)
        mov(rax, NO_EXECUTE)
        or_(flags, rax)
        self.mapper.map(rdi, load, length, flags, PageShift.PAGE)

    @function(init=True)
    def map_memory(self) -> None:
        """Fill the direct map by the memory map, whose regions are in order and may overlap."""
        region, number, done = keep(Ptr[Region]), keep(U32), keep(U64)
        lea(region, self.record.regions)
        xor(done, done)
        with for_(number, 0, self.record.region_count):
            with if_(
                (region.kind == MemoryKind.AVAILABLE)
                | (region.kind == MemoryKind.ACPI_RECLAIMABLE)
                | (region.kind == MemoryKind.ACPI_NVS)
            ):
                mov(done, self.map_region(region, done))
            add(region, sizeof(Region))

    @function(init=True)
    def map_region(self, region: Ptr[Region], done: U64) -> U64:
        """Map the pages of `region` from `done` on, but for the image; where they end."""
        start, end = keep(region.address), keep(region.length)
        self._clip(start, end)
        with if_(start < done):
            mov(start, done)
        with if_(start >= end):
            ret(done)
        mov(rsi, self._bound(self.sections[0], "load"))
        with if_(end < rsi):
            mov(rsi, end)
        self.map_directly(start, rsi)
        mov(rdi, address_of(symbol("image_load_end")))
        self._round_up(rdi)
        with if_(start > rdi):
            mov(rdi, start)
        self.map_directly(rdi, end)
        ret(end)

    def _clip(self, start: U64, end: U64) -> None:
        """From a region's address and length in `start` and `end` to its first page and the end of
        its last, no further than the direct map goes. Changes rax."""
        mov(rax, DIRECT_MAP_SIZE)
        for value in (start, end):
            with if_(value > rax):
                mov(value, rax)
        add(end, start)
        self._round_up(end)
        and_(start, -PAGE)
        with if_(end > rax):
            mov(end, rax)

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
            self.mapper.map(rdi, rsi, rdx, WRITE, self.largest)

    @function
    def expose(self, start: U64, length: U64) -> U64:
        """Let `length` bytes of physical memory from `start` be read; where they are mapped.

        They may lie outside of the memory that the direct map has, such as tables of the firmware.
        """
        tail(self.include, start, length, READ)

    @function
    def include(self, start: U64, length: U64, flags: U64) -> U64:
        """Let the direct map have physical memory, where it lacks some; where `start` is mapped."""
        start, page, end, flags = keep(start), keep(start), keep(length), keep(flags)
        add(end, start)
        and_(page, -PAGE)
        with while_(page < end):
            mov(rdi, page)
            direct(rdi)
            found = self.walk.find(rdi)
            with if_(found == 0):
                mov(rdi, page)
                direct(rdi)
                self.mapper.map(rdi, page, PAGE, flags, PageShift.PAGE)
            add(page, PAGE)
        direct(start)
        ret(start)
