"""The page tables that stay: every part of memory with the least permission that it needs."""

from collections.abc import Iterable

from kernel.boot.memorykind import MemoryKind
from kernel.boot.record import BootRecord, Region
from kernel.cpu.control import Efer, Msr
from kernel.cpu.features import Extended, Features
from kernel.mm.addresses import Area, direct
from kernel.mm.early import EarlyFrames
from kernel.mm.pagetable import (
    ADDRESS_MASK,
    ENTRIES,
    INDEX_BITS,
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

    root = bss(U64)
    """The physical address of the top table."""
    largest = data(U32, PageShift.LARGE)
    """The largest pages that this processor has."""
    allowed = data(U64, NO_EXECUTE - 1)
    """The bits of an entry that this processor knows."""
    mask = rodata(U64, ADDRESS_MASK)

    def __init__(
        self,
        layout: Layout,
        stacks: Iterable[GuardedStack],
        record: BootRecord,
        features: Features,
        frames: EarlyFrames,
        walk: PageWalk,
    ) -> None:
        self.sections = [section for section in layout.sections if not section.physical]
        self.stacks = stacks
        self.record = record
        self.features = features
        self.frames = frames
        self.walk = walk

    @function(init=True)
    def switch_over(self) -> None:
        """Make the tables and use them from now on."""
        self._use_features()
        mov(self.root, self.frames.allocate())
        for section in self.sections:
            self._map_section(section)
        self.map_memory()
        start, end = VIDEO_MEMORY
        self.map(Area.DIRECT_MAP + start, start, end - start, DEVICE, PageShift.LARGE)
        for stack in self.stacks:
            lea(rdi, stack.guard)
            lea(rsi, stack.room)
            self.unmap(rdi, rsi)
        mov(rax, self.root)
        mov(cr3, rax)

    def _use_features(self) -> None:
        """Find out about large pages, and switch NX on where the processor has it."""
        with if_(self.features.extended & Extended.PAGE_1GB):
            mov(self.largest, PageShift.HUGE)
        with if_(self.features.extended & Extended.NX):
            mov(self.allowed, -1)
            mov(ecx, Msr.EFER)
            rdmsr()
            or_(eax, Efer.NXE)
            wrmsr()

    def _map_section(self, section: OutputSection) -> None:
        """Map a section of the image where it is linked, and its memory in the direct map."""
        start, end, load = (
            address_of(symbol(f"{section.symbol}_{bound}")) for bound in ("start", "end", "load")
        )
        flags = PERMISSIONS[section.permissions]
        self.map_section(start, load, end, flags)

    @function
    def drop_init(self) -> None:
        """Take what only starting up needed out of the image. Context: after that, one processor.

        Its memory stays where it is until there is an allocator to give it to.
        """
        for section in self.sections:
            if section.name.startswith(INIT):
                bounds = (f"{section.symbol}_{bound}" for bound in ("start", "end"))
                self.unmap(*(address_of(symbol(bound)) for bound in bounds))

    @function
    def unmap(self, start: U64, end: U64) -> None:
        """Take the pages of 4 KiB from `start` up to `end` out, on this processor."""
        start, end = keep(start), keep(end)
        with while_(start < end):
            entry = self.entry(start, PageShift.PAGE)
            mov(entry[0], 0)
            invlpg(bare[start])
            add(start, PAGE)

    @function(init=True)
    def map_section(self, start: U64, load: U64, end: U64, flags: U64) -> None:
        """Map the image from `start` up to `end`, whose physical address is `load`."""
        load, length, flags = keep(load), keep(end), keep(flags)
        sub(length, start)
        add(length, PAGE - 1)
        and_(length, -PAGE)
        self.map(start, load, length, flags, PageShift.PAGE)
        mov(rdi, load)
        direct(rdi)
        mov(rax, NO_EXECUTE)
        or_(flags, rax)
        self.map(rdi, load, length, flags, PageShift.PAGE)

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
        mov(rsi, address_of(symbol(f"{self.sections[0].symbol}_load")))
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
            self.map(rdi, rsi, rdx, WRITE, self.largest)

    @function
    def map(self, address: U64, target: U64, length: U64, flags: U64, largest: U32) -> None:
        """Map `length` bytes from `address` on to physical `target`, by pages of up to
        `largest` (a `PageShift`). All are multiples of the page size; nothing may be mapped there.
        """
        limit = local(U32)
        mov(limit, largest)
        address, target, length, flags = keep(address), keep(target), keep(length), keep(flags)
        and_(flags, self.allowed)
        with while_(length != 0):
            shift = keep(self.page_shift(address, target, length, limit))
            entry = self.entry(address, shift)
            mov(rcx, target)
            or_(rcx, flags)
            with if_(shift != PageShift.PAGE):
                or_(rcx, PageFlags.LARGE)
            mov(entry[0], rcx)
            mov(ecx, shift)
            release(shift)
            mov(eax, 1)
            shl(rax, cl)
            add(address, rax)
            add(target, rax)
            sub(length, rax)

    @function
    def page_shift(self, address: U64, target: U64, length: U64, largest: U32) -> U32:
        """The largest pages, up to `largest`, by which mapping `length` bytes can begin."""
        mov(ecx, largest)
        or_(address, target)
        with while_(ecx > PageShift.PAGE):
            mov(eax, 1)
            shl(rax, cl)
            dec(rax)
            break_if((length > rax) & ((address & rax) == 0))
            sub(ecx, INDEX_BITS)
        ret(ecx)

    @function
    def entry(self, address: U64, shift: U32) -> Ptr[U64]:
        """The entry for `address` in its table of the level `shift`, with all tables above it."""
        address, shift = keep(address), keep(shift)
        slot, level = keep(Ptr[U64]), keep(U32)
        table = u64(slot)
        mov(table, self.root)
        mov(level, PageShift.TOP)
        with loop():
            self._slot(table, address, level)
            break_if(level == shift)
            with if_(slot[0] == 0):
                frame = self.frames.allocate()
                or_(frame, PageFlags.PRESENT | PageFlags.WRITE)
                mov(slot[0], frame)
            mov(table, slot[0])
            and_(table, self.mask)
            sub(level, INDEX_BITS)
        ret(slot)

    def _slot(self, table: U64, address: U64, level: U32) -> None:
        """From a table's physical address to its entry for `address`. Changes rax and rcx."""
        direct(table)
        mov(rax, address)
        mov(ecx, level)
        shr(rax, cl)
        and_(eax, ENTRIES - 1)
        lea(table, bare[table + rax * sizeof(U64)])

    @function
    def expose(self, start: U64, length: U64) -> U64:
        """Let `length` bytes of physical memory from `start` be read: where they are mapped.

        They may lie outside of the memory that the direct map has, such as tables of the firmware.
        """
        start, page, end = keep(start), keep(start), keep(length)
        add(end, start)
        and_(page, -PAGE)
        with while_(page < end):
            mov(rdi, page)
            direct(rdi)
            found = self.walk.find(rdi)
            with if_(found == 0):
                mov(rdi, page)
                direct(rdi)
                self.map(rdi, page, PAGE, READ, PageShift.PAGE)
            add(page, PAGE)
        direct(start)
        ret(start)
