"""Tests and benchmarks of physical memory and of mappings."""

from kernel.console.console import Console
from kernel.cpu.control import Msr
from kernel.cpu.features import Basic, Features
from kernel.cpu.pagetable import ADDRESS_MASK, NO_EXECUTE, PAGE, PageFlags, PageShift
from kernel.cpu.protection import PAT_SHIFT, WRITE_COMBINING
from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.mapper import Mapper
from kernel.mm.mappings import Mapping, Mappings
from kernel.mm.pages import Pages
from kernel.mm.paging import INIT, PERMISSIONS, Paging
from kernel.mm.reclaim import Reclaim
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.mm.slabs import Slabs
from kernel.mm.tablewalker import TableWalker
from kernel.mm.zone import ORDERS
from kernel.paging.addresses import direct
from kernel.paging.entryformat import EntryFormat
from kernel.paging.permissions import DEVICE, WRITE
from kernel.selftest.case import (
    MEASURED,
    Benchmark,
    BenchmarkSuite,
    Outcome,
    Test,
    TestSuite,
    check,
    measure,
)
from kernel.selftest.memoryhog import MemoryHog
from pykasm import *

PAGES_MAPPED = 5
"""Pages that the tests of run-time mappings ask for."""

NOTED = 0x60
"""Accessed and dirty: what the processor notes in an entry (AMD64 APM vol. 2, 5.4.2)."""

REGISTERS = 0xFEE0_0000
"""Where a device may be; nothing touches it."""


class MemoryTests(TestSuite, BenchmarkSuite, LeakChecks):
    """What `Pages`, `Mapper` and `RuntimeMappings` do on a real machine. Context: one at a time."""

    flags = rodata(U64, ~(ADDRESS_MASK | int(PageFlags.LARGE) | NOTED) % (1 << 64))
    """The bits of an entry that say what is allowed."""
    place = bss(Owned[U64])
    """Where a benchmark maps a page, and that page."""
    page = bss(Owned[U64])

    def __init__(
        self,
        console: Console,
        features: Features,
        pages: Pages,
        reclaim: Reclaim,
        entries: EntryFormat,
        kernel: KernelSpace,
        mapper: Mapper,
        walker: TableWalker,
        mappings: Mappings,
        runtime: RuntimeMappings,
        slabs: Slabs,
        paging: Paging,
        hog: MemoryHog,
    ) -> None:
        self.console = console
        self.features = features
        self.pages = pages
        self.reclaim = reclaim
        self.entries = entries
        self.kernel = kernel
        self.mapper = mapper
        self.walker = walker
        self.mappings = mappings
        self.runtime = runtime
        self.paging = paging
        self.hog = hog
        self.tests = self._tests()
        self.benchmarks = self._benchmarks()
        self.leak_checks = [
            leak_check("free pages", pages.free_count),
            leak_check("objects", slabs.used_count),
            leak_check("mappings", runtime.arena.used_count),
        ]

    def _tests(self) -> list[Test]:
        return [
            check("pages.blocks", self._blocks),
            check("pages.exhaustion", self._exhaustion),
            check("pages.low", self._low),
            check("mapping.guards", self._guards),
            check("mapping.permissions", self.permissions),
            check("mapping.sections", self.sections),
            check("mapping.devices", self._devices),
            check("mapping.framebuffers", self._framebuffers),
        ]

    def _benchmarks(self) -> list[Benchmark]:
        return [
            measure("pages.allocate_free", self._allocate_and_free),
            measure(
                "pages.allocate_free_scarce",
                self._allocate_and_free,
                1000,
                self.hog.make_scarce,
                self.hog.free_all,
            ),
            measure("pages.block", self._allocate_and_free_block),
            measure(
                "mapping.map_unmap",
                self._map_and_unmap,
                1000,
                self._begin_mapping,
                self._end_mapping,
            ),
            measure(
                "mapping.map_unmap_scarce",
                self._map_and_unmap,
                1000,
                self._begin_scarce_mapping,
                self._end_mapping,
            ),
        ]

    # Pages

    @function
    def _framebuffers(self) -> U32:
        """The flags that framebuffers are mapped with stand for stores that are combined."""
        with if_((self.features.basic & Basic.PAT) == 0):
            ret(1)
        mov(ecx, Msr.PAT)
        rdmsr()
        shr(eax, PAT_SHIFT)
        with if_(al != WRITE_COMBINING):
            ret(0)
        ret(1)

    @function
    def _blocks(self) -> U32:
        """Blocks of all sizes are aligned, hold what is written to them, and come back."""
        order, block, good = keep(U32), keep(U64), keep(U32)
        mov(good, 1)
        with for_(order, 0, ORDERS):
            mov(block, self.pages.allocate(order))
            mov(ecx, order)
            mov(eax, PAGE)
            shl(rax, cl)
            dec(rax)  # the bits that an aligned block has clear
            with if_((block == 0) | (block & rax)):
                xor(good, good)
                self.console.print("order %u: block at 0x%x ", order, block)
            with if_(block != 0):
                self.pages.free(block, order)
        ret(good)

    @function(sleeps=True)
    def _exhaustion(self) -> U32:
        """All memory can be allocated; asking for more gives nothing and breaks nothing."""
        good = keep(U32)
        self.reclaim.run()  # what is cached could not be allocated
        mov(good, 1)
        self.hog.leave(0)
        left = keep(self.pages.free_count())
        page = self.pages.allocate_page()
        with if_((page != 0) | (left != 0)):
            xor(good, good)
            page = keep(page)
            self.console.print("%u pages could not be taken, page at 0x%x ", left, page)
            with if_(page != 0):
                self.pages.free_page(page)
        self.hog.free_all()
        ret(good)

    @function
    def _low(self) -> U32:
        """Devices get memory that 32 bits can reach."""
        block = keep(self.pages.allocate_low(1))
        with if_(block == 0):
            ret(0)
        self.pages.free(block, 1)
        shr(block, 32)
        with if_(block != 0):
            ret(0)
        ret(1)

    # Mappings

    @function
    def _guards(self) -> U32:
        """Memory at an address of its own can be written to its ends, and nothing is beyond."""
        place, good = keep(self.runtime.allocate(PAGES_MAPPED)), keep(U32)
        with if_(place == 0):
            ret(0)
        mov(rdi, place)
        mov(ecx, PAGES_MAPPED * PAGE // sizeof(U64))
        mov(rax, place)
        rep.stosq()
        mov(good, 1)
        for distance, mapped in ((-1, False), (0, True), (PAGES_MAPPED * PAGE, False)):
            address = scratch(U64)
            lea(address, bare[place + distance])
            physical, entry = self.walker.translate(address_of(self.kernel.space), address)
            ignore(physical)
            wrong = entry == 0 if mapped else entry != 0
            with if_(wrong):
                xor(good, good)
                self.console.print("entry %016x at distance %d ", entry, distance)
        with if_(u64[place + (PAGES_MAPPED * PAGE - sizeof(U64))] != place):
            xor(good, good)
        self.runtime.free(place)
        ret(good)

    @function
    def permissions(self) -> U32:
        """Nothing that is mapped can be both written and executed."""
        with if_(i64(self.entries.allowed) != -1):
            self.console.print("needs a processor with NX: ")
            ret(Outcome.SKIPPED)
        room, found, place, good = local(Mapping), keep(Ptr[Mapping]), keep(U64), keep(U32)
        lea(found, room)
        xor(place, place)
        mov(good, 1)
        with loop():
            break_if(~self.mappings.find(address_of(self.kernel.space), place, found))
            mov(rax, NO_EXECUTE)
            with if_((found.flags & PageFlags.WRITE) & ((found.flags & rax) == 0)):
                xor(good, good)
                self.console.print("%016x-%016x ", found.start, found.end)
            mov(place, found.end)
            break_if(place == 0)
        ret(good)

    @function
    def sections(self) -> U32:
        """Every page of the image allows what its section is for, and no more, and the direct map
        does not allow more to be written; only guard pages are missing."""
        good = keep(U32)
        mov(good, 1)
        for section in self.paging.sections:
            if not section.name.startswith(INIT):
                start, end, load = (
                    self.paging.bound(section, name) for name in ("start", "end", "load")
                )
                flags = PERMISSIONS[section.permissions]
                and_(good, self._is_section(start, end, load, flags))
        ret(good)

    @function
    def _is_section(self, start: U64, end: Keep[U64], load: Keep[U64], flags: Keep[U64]) -> Bool:
        """Return whether the image from `start` up to `end`, which is at physical `load`, is mapped
        with these flags, where it is mapped."""
        page = keep(start)
        and_(flags, self.entries.allowed)
        with while_(page < end):
            entry = keep(self._entry_of(page))
            with if_((entry != 0) & (entry != flags)):  # 0: a guard page
                self.console.print("%016x has the flags %016x: ", page, entry)
                ret(False)
            release(entry)
            mov(rdi, load)
            direct(rdi)
            alias = self._entry_of(rdi)
            mov(rcx, NO_EXECUTE)  # the direct map never allows execution
            or_(rcx, flags)
            and_(rcx, self.entries.allowed)
            with if_(alias != rcx):
                self.console.print("memory at %016x has the flags %016x: ", load, alias)
                ret(False)
            add(page, PAGE)
            add(load, PAGE)
        ret(True)

    @function
    def _entry_of(self, page: U64) -> U64:
        """Return the flags of the entry that maps `page`, but for what the processor notes in
        it."""
        physical, entry = self.walker.translate(address_of(self.kernel.space), page)
        ignore(physical)
        and_(entry, self.flags)
        ret(entry)

    @function(sleeps=True)
    def _devices(self) -> U32:
        """Registers are not cached."""
        place = keep(self.runtime.map_device(REGISTERS, PAGE))
        with if_(place == 0):
            ret(0)
        mov(rcx, DEVICE)
        and_(rcx, self.entries.allowed)
        expected = keep(rcx)
        good = keep(U32)
        xor(good, good)
        with if_(self._entry_of(place) == expected):
            inc(good)
        self.runtime.unmap_device(place)
        ret(good)

    # Benchmarks

    @function
    def _allocate_and_free(self, count: U32) -> None:
        """Allocate a page and free it."""
        left = keep(count)
        with while_(left != 0):
            self.pages.free_page(self.pages.allocate_page())
            dec(left)

    @function
    def _allocate_and_free_block(self, count: U32) -> None:
        """Allocate a block of two pages, for which there is no cache, and free it."""
        left = keep(count)
        with while_(left != 0):
            self.pages.free(self.pages.allocate(1), 1)
            dec(left)

    @function
    def _begin_mapping(self) -> Bool:
        """Allocate a page, and addresses whose page table stays in use. Return whether that
        worked."""
        mov(self.page, self.pages.allocate_page())
        mov(self.place, self.runtime.allocate(1))
        with if_((self.page == 0) | (self.place == 0)):
            ret(False)
        ret(True)

    @function
    def _begin_scarce_mapping(self) -> Bool:
        """Prepare `_map_and_unmap` with little memory left."""
        ignore(self.hog.make_scarce())
        tail(self._begin_mapping)

    @function
    def _map_and_unmap(self, count: U32) -> None:
        """Map a page, next to another one, and unmap it."""
        left, place = keep(count), keep(self.place)
        add(place, PAGE)  # the guard page
        with while_(left != 0):
            mov(r8, WRITE)
            kernel = address_of(self.kernel.space)
            mapped = self.mapper.map(kernel, place, self.page, PAGE, r8, PageShift.PAGE)
            ignore(mapped, MEASURED)
            ignore(self.mapper.unmap(kernel, place, PAGE), MEASURED)
            dec(left)

    @function(context="thread")
    def _end_mapping(self) -> None:
        """Free both, and what was allocated to make memory scarce."""
        self.hog.free_all()
        with if_(self.page != 0):
            self.pages.free_page(self.page)
        with if_(self.place != 0):
            tail(self.runtime.free, self.place)
