"""Physical memory before there is an allocator."""

from typing import Any

from kernel.boot.memorykind import MemoryKind
from kernel.boot.record import BootRecord, Module, Region
from kernel.boot.tables import REACH
from kernel.mm.addresses import direct
from kernel.mm.pagetable import PAGE, PageShift
from pykasm import *

LOWEST = 1 << 20
"""Where to begin: the first MiB is for starting other processors, whose first code is 16-bit."""

LIMIT = REACH << PageShift.HUGE
"""Where to end: the first page tables reach no further."""


class EarlyFrames(Subsystem):
    """Hands out pages of the memory map from the bottom up, around what lies in it already.

    What it gave is never taken back: all memory below `next` counts as used. Context: the first
    processor, while starting.
    """

    next = data(U64, LOWEST)
    limit = rodata(U64, LIMIT)

    def __init__(self, record: BootRecord, panic: Any) -> None:
        self.record = record
        self.panic = panic

    @function
    def allocate(self) -> U64:
        """The physical address of a page, filled with zeros. Panics if there is none."""
        frame = keep(U64)
        mov(frame, self.next)
        with loop():
            place = self.past_obstacles(frame)
            break_if(place == frame)
            mov(frame, place)
        with if_(frame >= self.limit):
            self.panic.stop(text("no memory is left for page tables"))
        lea(rax, bare[frame + PAGE])
        mov(self.next, rax)
        self._clear(frame)
        ret(frame)

    def _clear(self, frame: U64) -> None:
        """Fill the page at physical `frame` with zeros."""
        mov(rdi, frame)
        direct(rdi)
        xor(eax, eax)
        mov(ecx, PAGE // sizeof(U64))
        rep.stosq()

    @function
    def past_obstacles(self, frame: U64) -> U64:
        """`frame` if that page is free; if not, a page above it from which to look on."""
        image = (address_of(symbol(f"image_load_{bound}")) for bound in ("start", "end"))
        frame = keep(self.behind(frame, *image))
        frame = keep(self.past_modules(frame))
        frame = keep(self.past_regions(frame))
        tail(self.into_memory, frame)

    @function
    def past_modules(self, frame: U64) -> U64:
        """`frame`, or a page behind the modules that it touches."""
        frame, module, number = keep(frame), keep(Ptr[Module]), keep(U32)
        lea(module, self.record.modules)
        with for_(number, 0, self.record.module_count):
            mov(rax, module.address)
            add(rax, module.size)
            mov(frame, self.behind(frame, module.address, rax))
            add(module, sizeof(Module))
        ret(frame)

    @function
    def past_regions(self, frame: U64) -> U64:
        """`frame`, or a page behind the regions that it touches and that are not available."""
        frame, region, number = keep(frame), keep(Ptr[Region]), keep(U32)
        lea(region, self.record.regions)
        with for_(number, 0, self.record.region_count):
            with if_(region.kind != MemoryKind.AVAILABLE):
                mov(rax, region.address)
                add(rax, region.length)
                mov(frame, self.behind(frame, region.address, rax))
            add(region, sizeof(Region))
        ret(frame)

    @function
    def behind(self, frame: U64, start: U64, end: U64) -> U64:
        """`frame` if that page does not touch the bytes from `start` up to `end`; if it does, the
        first page that begins behind them."""
        lea(rax, bare[frame + PAGE])
        with if_((frame < end) & (start < rax)):
            lea(frame, bare[end + (PAGE - 1)])
            and_(frame, -PAGE)
        ret(frame)

    @function
    def into_memory(self, frame: U64) -> U64:
        """The lowest page from `frame` on that lies in an available region; `limit` if none."""
        region, number = scratch(Ptr[Region]), scratch(U32)
        lea(region, self.record.regions)
        with for_(number, 0, self.record.region_count):
            mov(rax, region.address)
            mov(rdx, rax)
            add(rdx, region.length)
            add(rax, PAGE - 1)
            and_(rax, -PAGE)
            with if_(rax < frame):
                mov(rax, frame)
            lea(rcx, bare[rax + PAGE])
            with if_((region.kind == MemoryKind.AVAILABLE) & (rcx <= rdx)):
                ret(rax)
            add(region, sizeof(Region))
        ret(self.limit)
