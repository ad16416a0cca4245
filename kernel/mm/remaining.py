"""The free memory that was left when the page allocator started."""

from kernel.mm.early import EarlyFrames
from kernel.mm.freeranges import FreeRanges
from pykasm import *


class RemainingMemory(Subsystem):
    """Finds free ranges of memory, without what `EarlyFrames` has allocated. Context: any."""

    first = bss(U64)
    """Where the memory begins that `EarlyFrames` left."""

    def __init__(self, free_ranges: FreeRanges, early: EarlyFrames) -> None:
        self.free_ranges = free_ranges
        self.early = early

    @function(init=True)
    def start(self) -> None:
        """Note what is left. `EarlyFrames` must allocate nothing from now on."""
        mov(rax, self.early.next)
        mov(self.first, rax)

    @function
    def _find(self, start: U64) -> tuple[U64, U64]:
        """Start and end of the first free range from physical `start` on; the end is 0 if there is
        none."""
        with if_(start < self.first):
            mov(start, self.first)
        tail(self.free_ranges.find, start)

    @function
    def find(self, start: U64, limit: Keep[U64]) -> tuple[U64, U64]:
        """Start and end of the first free range from physical `start` on, cut off at `limit`; the
        end is 0 if there is none before that."""
        start, end = self._find(start)
        with if_((end == 0) | (start >= limit)):
            ret(0, 0)
        with if_(end > limit):
            mov(end, limit)
        ret(start, end)
