"""A machine whose physical memory is described by the record of the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from kernel.boot.record import BootRecord
from kernel.cpu.features import Features
from kernel.cpu.pagetable import PageShift
from kernel.cpu.percpu import PerCpu
from kernel.debug.panic import Panic
from kernel.mm.buddy import Buddy
from kernel.mm.early import EarlyFrames
from kernel.mm.entrychanger import EntryChanger
from kernel.mm.entryfiller import EntryFiller
from kernel.mm.faultinjection import FaultInjection
from kernel.mm.frames import SIZE_SHIFT, FrameState
from kernel.mm.frametable import FrameTable
from kernel.mm.freeranges import FreeRanges
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.mapper import Mapper
from kernel.mm.pagecaches import PageCaches
from kernel.mm.pages import Pages
from kernel.mm.pagesplitter import PageSplitter
from kernel.mm.pagetables import PageTables
from kernel.mm.remaining import RemainingMemory
from kernel.mm.sectioncounter import SectionCounter
from kernel.mm.sections import Sections
from kernel.mm.tablewalker import TableWalker
from kernel.mm.zone import SECTION, TABLE_SIZE
from kernel.mm.zones import Zones
from kernel.paging.addresses import Area
from kernel.paging.entryformat import EntryFormat
from kernel.paging.space import Space
from kernel.paging.walk import PageWalk
from pykasm import *
from pykasm.hostrun import Host
from tests.host.record_support import boot_record, keep_lists

GARBAGE = bytes([FrameState.FREE])
"""What new memory is full of: records that were never written look like free blocks of order 1."""

IMAGE = (1 << 20, 3 << 20)
"""Where the kernel is in the machine's memory."""


class NoPanic(Subsystem):
    """What is told that no memory is left."""

    @function
    def stop(self, message: Ptr[U8]) -> NoReturn:
        """Answered by the tests."""
        with loop():
            hlt()


class PageSource(Subsystem):
    """Stands for what gives pages: `EarlyFrames` or `Pages`."""

    @function
    def allocate(self) -> U64:
        """Answered by the tests."""
        ret(0)

    @function
    def allocate_page(self) -> U64:
        """Answered by the tests."""
        ret(0)

    @function
    def allocate_zeroed(self) -> U64:
        """Answered by the tests."""
        ret(0)

    @function
    def free_page(self, physical: U64) -> None:
        """Answered by the tests."""


class TlbStub(Subsystem):
    """Stands for what lets processors forget addresses."""

    @function
    def invalidate(self, space: Ptr[Space], address: U64, pages: U64) -> None:
        """Answered by the tests."""


MAPPING: Contents = (
    Features,
    EntryFormat,
    TableWalker,
    PageTables,
    PageSplitter,
    EntryFiller,
    EntryChanger,
    Mapper,
    KernelSpace,
)
"""What changes page tables."""


PHYSICAL_MEMORY: Contents = (
    Features,
    EntryFormat,
    PageWalk,
    PerCpu,
    FreeRanges,
    EarlyFrames,
    RemainingMemory,
    SectionCounter,
    FrameTable,
    Buddy,
    Sections,
    Zones,
    PageCaches,
    FaultInjection,
    Pages,
)
"""What allocates pages."""


class MemoryMachine:
    """A host that has a frame table for each section as soon as the kernel maps it.

    `regions` are `(start, end, kind)` in bytes, `modules` are `(start, end)`.
    """

    def __init__(self, traced: bool = False) -> None:
        self.information = boot_record()
        parts = Parts(PHYSICAL_MEMORY, instead={BootRecord: self.information, Panic: NoPanic()})
        self.walk, self.frame_table = parts[PageWalk], parts[FrameTable]
        self.zones, self.caches = parts[Zones], parts[PageCaches]
        self.pages, self.per_cpu = parts[Pages], parts[PerCpu]
        self.host = Host(self.pages, limit=50_000_000, traced=traced)
        self.host.define("image_load_start", IMAGE[0])
        self.host.define("image_load_end", IMAGE[1])
        self.tables: dict[int, int] = {}
        keep_lists(self.host, self.information)
        self.host.checkpoint()

    def start(self, regions: Sequence[Any], modules: Sequence[Any] = ()) -> None:
        """Begin with this memory."""
        host = self.host
        host.reset()
        self.tables = {}
        host.stub(self.frame_table.map, self._map_table)
        host.stub(self.walk.is_mapped, self._is_mapped)
        host[self.per_cpu.block] = int(host.address(symbol("first_percpu_start")))
        for start, end, kind in regions:
            host.call(self.information.add_region, start, end - start, kind)
        for start, end in modules:
            host.call(self.information.add_module, start, end, "", 1)
        host.call(self.pages.start)

    def _map_table(self, section: int, table: int) -> None:
        assert section % SECTION == 0
        assert table % TABLE_SIZE == 0
        assert section not in self.tables
        self.tables[section] = table
        place = frame_address(section)
        self.host.map(place, TABLE_SIZE)
        self.host.write(place, GARBAGE * TABLE_SIZE)

    def _is_mapped(self, address: int) -> int:
        return any(0 <= address - frame_address(one) < TABLE_SIZE for one in self.tables)


def frame_address(physical: int) -> int:
    """Where the record of a page is."""
    return int(Area.FRAME_TABLE) + (physical >> PageShift.PAGE - SIZE_SHIFT)
