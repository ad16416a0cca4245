"""A machine whose physical memory is described by the record of the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernel.boot.information import BootInformation
from kernel.contents import CONTENTS
from kernel.cpu.pagetable import PAGE, PageShift
from kernel.cpu.percpu import PerCpu
from kernel.debug.panic import Panic
from kernel.mm.frames import SIZE_SHIFT, FrameState
from kernel.mm.frametable import FrameTable
from kernel.mm.pagemagazines import PageMagazines
from kernel.mm.pages import Pages
from kernel.mm.zone import RECORD_BYTES, RECORD_PAGES, SECTION, TABLE_REACH_SHIFT
from kernel.mm.zones import Zones
from kernel.paging.addresses import Area
from kernel.paging.walk import PageWalk
from pykasm import *
from pykasm.hostrun import Host, stand_ins
from tests.host.record_support import Range, describe_memory, keep_lists

GARBAGE = bytes([FrameState.FREE])
"""What new memory is full of: records that were never written look like free blocks of order 1."""

IMAGE = (1 << 20, 3 << 20)
"""Where the kernel is in the machine's memory."""


class MemoryMachine:
    """A host that has a frame table for each section as soon as the kernel maps it.

    `regions` are `(start, end, kind)` in bytes, `modules` are `(start, end)`.
    """

    def __init__(self, traced: bool = False) -> None:
        parts = Parts(CONTENTS, instead=stand_ins(Panic))
        self.information = parts[BootInformation]
        self.walk, self.frame_table = parts[PageWalk], parts[FrameTable]
        self.zones, self.caches = parts[Zones], parts[PageMagazines]
        self.per_cpu, self.pages = parts[PerCpu], parts[Pages]
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
        host.stub(self.frame_table.page_count, self._page_count)
        host.stub(self.walk.is_mapped, self._is_mapped)
        host[self.per_cpu.block] = int(host.address(symbol("first_percpu_start")))
        ranges = (Range(start, end - start, kind) for start, end, kind in regions)
        describe_memory(host, self.information, ranges)
        for start, end in modules:
            host.call(self.information.add_module, start, end, "", 1)
        host.call(self.pages.start)

    def _map_table(self, section: int, table: int) -> None:
        assert section % SECTION == 0
        assert table % PAGE == 0
        assert section not in self.tables
        self.tables[section] = table
        place = frame_address(section)
        self.host.map(place, RECORD_BYTES)
        self.host.write(place, GARBAGE * RECORD_BYTES)

    def _page_count(self, section: int) -> int:
        mapped = {one >> TABLE_REACH_SHIFT for one in self.tables}
        return RECORD_PAGES + (section >> TABLE_REACH_SHIFT not in mapped)

    def _is_mapped(self, address: int) -> int:
        return any(0 <= address - frame_address(one) < RECORD_BYTES for one in self.tables)


def frame_address(physical: int) -> int:
    """Where the record of a page is."""
    return int(Area.FRAME_TABLE) + (physical >> PageShift.PAGE - SIZE_SHIFT)
