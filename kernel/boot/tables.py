"""The page tables that the kernel starts on, and its first descriptor table."""

from kernel.cpu.pagetable import ENTRIES, PAGE, PageFlags, PageShift, PageTable
from kernel.cpu.segments import KERNEL_SEGMENTS, TablePointer
from kernel.paging.addresses import Area
from pykasm import *

REACH = 4
"""GiB of physical memory that the tables map: all that 32-bit loaders can have written to."""

READABLE = REACH << PageShift.HUGE
"""Where the physical memory ends that is mapped while the kernel starts."""

TABLE_FLAGS = PageFlags.PRESENT | PageFlags.WRITE
PAGE_FLAGS = TABLE_FLAGS | PageFlags.LARGE


def index(address: int, shift: PageShift) -> int:
    """The number of the entry for `address` in its table of the level `shift`."""
    return address >> shift & (ENTRIES - 1)


class BootTables(Subsystem):
    """Tables made while building, so that 32-bit code only has to load them.

    The first 4 GiB of physical memory appear three times: where they are, since paging is switched
    on there; in the direct map; and, the first two of them, as the kernel image. All is writable
    and executable: `Paging` makes the tables that stay.
    """

    def __init__(self) -> None:
        pages = range(0, REACH << PageShift.HUGE, 1 << PageShift.LARGE)
        flags = int(PAGE_FLAGS)
        self.directories = boot(U64 * len(pages), [page | flags for page in pages], align=PAGE)
        directory = [address_of(self.directories) + (n * PAGE | TABLE_FLAGS) for n in range(REACH)]
        image = index(Area.IMAGE, PageShift.HUGE)
        last = ENTRIES - image
        self.low = boot(PageTable, directory, align=PAGE)
        self.high = boot(PageTable, [None] * image + directory[:last], align=PAGE)
        self.root = boot(PageTable, self._root_entries(), align=PAGE)
        segments = U64 * len(KERNEL_SEGMENTS)
        self.segments = boot(segments, KERNEL_SEGMENTS)
        pointer = TablePointer(limit=sizeof(segments) - 1, base=address_of(self.segments))
        self.segments_pointer = boot(TablePointer, pointer)

    def _root_entries(self) -> list[object]:
        low, high = (address_of(table) + TABLE_FLAGS for table in (self.low, self.high))
        entries: list[object] = [None] * ENTRIES
        entries[0] = entries[index(Area.DIRECT_MAP, PageShift.TOP)] = low
        entries[index(Area.IMAGE, PageShift.TOP)] = high
        return entries
