"""The search for memory where the record of the start can be kept."""

from kernel.boot.tables import READABLE
from kernel.cpu.pagetable import PAGE
from kernel.paging.addresses import Area
from pykasm import *


class RecordPlacement(Subsystem):
    """Finds whole pages of available memory behind the image that nothing uses.

    While nothing is recorded yet, the loader's lists are looked through as often as it takes: at
    each look all available regions are given to `offer` and all that is in use to `avoid`, in any
    order, and `settle` ends it. A place that can't be is left upwards, so that there is an end.
    Context: the first processor, while starting; what was found may be read in any context.
    """

    start = bss(U64)
    """Physical address of the place that was found, or is being looked at."""
    size = bss(U64)
    """Bytes; 0 if there is no such place."""
    fits = bss(U32)
    """Whether the place lies in an available region."""
    moved = bss(U32)
    """Whether the place changed during this look."""
    next = bss(U64)
    """Where the next available region begins."""
    limit = rodata(U64, READABLE)

    @function(init=True)
    def begin(self) -> None:
        """Begin the search with the page behind the image."""
        mov(rax, address_of(symbol("image_load_end")))
        self._round_up(rax)
        mov(self.start, rax)
        mov(self.size, PAGE)
        self._forget()

    def _forget(self) -> None:
        """Begin a look. Changes rax."""
        mov(self.fits, 0)
        mov(self.moved, 0)
        mov(rax, self.limit)
        mov(self.next, rax)

    def _round_up(self, value: U64) -> None:
        """Make `value` a multiple of the page size."""
        add(value, PAGE - 1)
        and_(value, -PAGE)

    @function(init=True)
    def offer(self, start: U64, end: U64) -> None:
        """There is available memory from physical `start` up to `end`."""
        with if_(end > self.limit):
            mov(end, self.limit)
        with if_(start >= end):
            ret()
        self._round_up(start)
        with if_(start > self.start):
            with if_(start < self.next):
                mov(self.next, start)
            ret()
        mov(rax, self.start)
        add(rax, self.size)
        with if_(rax <= end):
            mov(self.fits, 1)

    @function(init=True)
    def avoid(self, start: U64, end: U64) -> None:
        """The bytes from physical `start` up to `end` are in use."""
        mov(rax, self.start)
        with if_((start >= end) | (end <= rax)):
            ret()
        add(rax, self.size)
        with if_(start >= rax):
            ret()
        with if_(end > self.limit):
            mov(end, self.limit)
        self._round_up(end)
        mov(self.start, end)
        mov(self.moved, 1)

    @function(init=True)
    def avoid_mapped(self, place: U64, size: U64) -> None:
        """The same for `size` bytes at `place` in the direct map."""
        mov(rax, Area.DIRECT_MAP)
        sub(place, rax)
        add(size, place)
        tail(self.avoid, place, size)

    @function(init=True)
    def settle(self, wanted: U64) -> U32:
        """End a look, which showed that `wanted` bytes are needed: 1 if another one is, or 0 if
        the place is found, or if there is none."""
        moved, fits, next_start = scratch(self.moved), scratch(self.fits), scratch(self.next)
        self._forget()
        self._round_up(wanted)
        with if_(wanted > self.size):
            mov(self.size, wanted)
            ret(1)
        mov(rax, self.start)
        with if_(rax < self.limit):
            with if_(moved != 0):
                ret(1)
            with if_(fits != 0):
                ret(0)
            mov(self.start, next_start)
            with if_(next_start < self.limit):
                ret(1)
        mov(self.size, 0)
        ret(0)
