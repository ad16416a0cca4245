"""Physical memory before there is an allocator."""

from kernel.boot.tables import MAPPED_END
from kernel.cpu.pagetable import PAGE
from kernel.debug.panic import Panic
from kernel.mm.freeranges import FreeRanges
from kernel.paging.addresses import PhysicalAddress, clear_page
from pykasm import *

LOWEST = 1 << 20
"""Where to begin: the first MiB is for starting other processors, whose first code is 16-bit."""


class EarlyFrames(Subsystem):
    """Allocates pages of the memory map from the bottom up, around what lies in it already.

    They are never freed: all memory below `next` counts as used. Context: the first processor,
    while starting, before `Pages`.
    """

    next = data(U64, LOWEST)
    """The physical address of the next page."""
    end = data(U64, LOWEST)
    """Where the range of free pages ends that begins with `next`."""
    limit = rodata(U64, MAPPED_END)
    """Where the memory ends that the first page tables map."""

    def __init__(self, free_ranges: FreeRanges, panic: Panic) -> None:
        self.free_ranges = free_ranges
        self.panic = panic

    @function
    def allocate(self) -> PhysicalAddress:
        """Allocate a page, filled with zeros. Returns its physical address; panics if there is
        none."""
        frame = keep(self.next)
        with if_(frame == self.end):  # only then is the list of regions gone through
            start, end = self.free_ranges.find(frame)
            with if_((end == 0) | (start >= self.limit)):
                self.panic.stop(text("no memory is left for page tables"))
            mov(frame, start)
            mov(self.end, end)
        lea(rax, bare[frame + PAGE])
        mov(self.next, rax)
        clear_page(frame)
        ret(frame)
