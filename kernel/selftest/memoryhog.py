"""Memory that tests allocate so that none is left."""

from __future__ import annotations

from kernel.mm.frames import frame_of
from kernel.mm.pages import Pages
from kernel.mm.zone import MAX_ORDER
from pykasm import *

SPARED = 1000
"""One page in so many is left free where memory is to be scarce."""


class MemoryHog(Subsystem):
    """Allocate nearly all memory by the largest blocks there are, and free it again. Context: one
    test at a time."""

    held = bss(Owned[U64])
    """A chain of blocks, by `Frame.owner`."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    @function
    def leave(self, pages: Keep[U64]) -> None:
        """Allocate memory until no more than `pages` pages are free."""
        order = keep(U32)
        mov(order, MAX_ORDER)
        with loop():
            self._take_blocks(order, pages)
            break_if(order == 0)
            dec(order)

    @function
    def _take_blocks(self, order: Keep[U32], pages: Keep[U64]) -> None:
        """Allocate all blocks of `order` that leave at least `pages` pages free."""
        with loop():
            surplus = scratch(self.pages.free_count())
            sub(surplus, pages)
            break_if(CF)
            mov(ecx, order)
            shr(surplus, cl)
            break_if(ZF)  # less than a block
            release(surplus)
            block = self.pages.allocate(order)
            break_if(block == 0)
            mov(rcx, block)
            frame, before = frame_of(rcx), scratch(self.held)
            mov(frame.owner, before)
            release(before)
            mov(self.held, block)

    @function
    def make_scarce(self) -> Bool:
        """Take all pages but one in `SPARED`, to prepare a benchmark. Return true."""
        mov(rax, self.pages.free_count())
        xor(edx, edx)
        mov(ecx, SPARED)
        div(rcx)
        self.leave(rax)
        ret(True)

    @function
    def free_all(self) -> None:
        """Free everything."""
        block = keep(self.held)
        mov(self.held, 0)
        with while_(block != 0):
            first, page, order = scratch(block), scratch(block), scratch(U32)
            frame = frame_of(page)
            mov(block, frame.owner)
            movzx(order, frame.order)
            self.pages.free(first, order)
