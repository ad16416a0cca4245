"""The page tables and the descriptor table that the kernel boots with."""

from kernel.cpu.pagetable import ENTRIES, PAGE, PageFlags, PageShift, PageTable
from kernel.cpu.segments import KERNEL_SEGMENTS, TablePointer
from kernel.paging.addresses import Area
from pykasm import *

MAPPED_GIB = 4
"""GiB of physical memory that the tables map: all that a 32-bit loader can have written to."""

MAPPED_END = MAPPED_GIB << PageShift.HUGE
"""The end of the physical memory that is mapped at boot."""

TABLE_FLAGS = PageFlags.PRESENT | PageFlags.WRITE
PAGE_FLAGS = TABLE_FLAGS | PageFlags.LARGE


def entry_index(address: int, shift: PageShift) -> int:
    """Return the index of the entry for `address` in a table whose entries span 2**`shift`."""
    return address >> shift & (ENTRIES - 1)


class BootTables(Subsystem):
    """The boot page tables, made at build time, so that 32-bit code only has to load them.

    The first 4 GiB of physical memory are mapped three times: at their physical addresses, where
    paging is enabled; in the direct map; and, the first two of them, as the kernel image. All of it
    is writable and executable: `Paging` replaces these tables.
    """

    def __init__(self) -> None:
        pages = range(0, MAPPED_GIB << PageShift.HUGE, 1 << PageShift.LARGE)
        flags = int(PAGE_FLAGS)
        self.directories = boot(U64 * len(pages), [page | flags for page in pages], align=PAGE)
        directory = [
            address_of(self.directories) + (n * PAGE | TABLE_FLAGS) for n in range(MAPPED_GIB)
        ]
        image = entry_index(Area.IMAGE, PageShift.HUGE)
        last = ENTRIES - image
        self.low = boot(PageTable, directory, align=PAGE)
        self.high = boot(PageTable, [None] * image + directory[:last], align=PAGE)
        self.root = boot(PageTable, self._root_entries(), align=PAGE)
        segments = U64 * len(KERNEL_SEGMENTS)
        self.segments = boot(segments, KERNEL_SEGMENTS)
        pointer = TablePointer(limit=sizeof(segments) - 1, base=address_of(self.segments))
        self.segments_pointer = boot(TablePointer, pointer)

    def _root_entries(self) -> list[object]:
        """Return the top-level table: `low` for physical addresses and the direct map, `high` for
        the image."""
        low, high = (address_of(table) + TABLE_FLAGS for table in (self.low, self.high))
        entries: list[object] = [None] * ENTRIES
        entries[0] = entries[entry_index(Area.DIRECT_MAP, PageShift.TOP)] = low
        entries[entry_index(Area.IMAGE, PageShift.TOP)] = high
        return entries
