"""Find memory for the lists of the boot record, before there is an allocator."""

from kernel.boot.tables import MAPPED_END
from kernel.cpu.pagetable import PAGE
from kernel.paging.addresses import Area
from kernel.structures.alignment import round_up
from pykasm import *


class RecordPlacement(Subsystem):
    """Find whole pages of available memory after the image that nothing uses.

    No memory can be recorded yet, so a candidate range is checked against the loader's lists in
    as many passes as it takes. In each pass every available region is given to `add_available`
    and every range in use to `reserve`, in any order, which takes few passes in that of addresses;
    `end_pass` ends it. A candidate that does not fit only ever moves up, so the search ends.
    Context: the first processor, while starting; the result may be read in any context.
    """

    start = bss(U64)
    """Physical address of the range that was found, or of the candidate."""
    size = bss(U64)
    """Its size in bytes; 0 if no range was found."""
    fits = bss(U32)
    """Whether the candidate lies in an available region: 1 or 0."""
    moved = bss(U32)
    """Whether the candidate moved during this pass: 1 or 0."""
    next_available = bss(U64)
    """The lowest start of available memory above the candidate in which that has room."""
    available_start = bss(U64)
    available_end = bss(U64)
    """The available memory that was added last, with what is adjacent to it."""
    limit = rodata(U64, MAPPED_END)
    """The end of the physical memory that may be used, which is mapped at boot."""

    @function(init=True)
    def begin(self) -> None:
        """Begin the search with the page after the image."""
        mov(rax, address_of(symbol("image_load_end")))
        round_up(rax, PAGE)
        mov(self.start, rax)
        mov(self.size, PAGE)
        self._begin_pass()

    @inline(changes=rax)
    def _begin_pass(self) -> None:
        """Begin a pass over the lists."""
        mov(self.fits, 0)
        mov(self.moved, 0)
        mov(rax, self.limit)
        mov(self.next_available, rax)
        mov(self.available_end, 0)

    @function(init=True)
    def add_available(self, start: U64, end: U64) -> None:
        """Take the available memory from physical `start` up to `end` into account."""
        with if_(end > self.limit):
            mov(end, self.limit)
        with if_(start >= end):
            ret()
        self._join(start, end)
        round_up(start, PAGE)
        mov(rax, self.start)
        with if_(rax < start):  # where to go if the candidate fits nowhere
            mov(rax, start)
        add(rax, self.size)
        with if_(rax > end):
            ret()
        with if_(start <= self.start):
            mov(self.fits, 1)
        with elif_(start < self.next_available):
            mov(self.next_available, start)

    @inline(changes=("start", "end", rax))
    def _join(self, start: U64, end: U64) -> None:
        """Join the memory from `start` to `end` with what was added before, if they are adjacent in
        this order."""
        mov(rax, self.available_start)
        with if_((start >= rax) & (start <= self.available_end)):
            mov(start, rax)
            with if_(end < self.available_end):
                mov(end, self.available_end)
        mov(self.available_start, start)
        mov(self.available_end, end)

    @function(init=True)
    def reserve(self, start: U64, end: U64) -> None:
        """Move the candidate above the memory in use from physical `start` up to `end`, if it
        overlaps that."""
        mov(rax, self.start)
        with if_((start >= end) | (end <= rax)):
            ret()
        add(rax, self.size)
        with if_(start >= rax):
            ret()
        with if_(end > self.limit):
            mov(end, self.limit)
        round_up(end, PAGE)
        mov(self.start, end)
        mov(self.moved, 1)

    @function(init=True)
    def reserve_mapped(self, place: U64, size: U64) -> None:
        """Reserve `size` bytes at the address `place` in the direct map."""
        mov(rax, Area.DIRECT_MAP)
        sub(place, rax)
        add(size, place)
        tail(self.reserve, place, size)

    @function(init=True)
    def end_pass(self, wanted: U64) -> Bool:
        """End a pass, in which `wanted` bytes turned out to be needed.

        Return whether another pass is needed. If not, a range is found, or there is none (`size` is
        0).
        """
        moved, fits = scratch(self.moved), scratch(self.fits)
        next_start = scratch(self.next_available)
        self._begin_pass()
        round_up(wanted, PAGE)
        with if_(wanted > self.size):
            mov(self.size, wanted)  # this pass checked too small a range
            ret(True)
        mov(rax, self.start)
        with if_(rax < self.limit):
            with if_(moved != 0):  # what was seen before the move has to be seen again
                ret(True)
            with if_(fits != 0):
                ret(False)
            mov(self.start, next_start)
            with if_(next_start < self.limit):
                ret(True)
        mov(self.size, 0)
        ret(False)
