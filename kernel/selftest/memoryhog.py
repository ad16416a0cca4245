"""Memory that tests take so that others have none."""

from __future__ import annotations

from kernel.mm.frames import frame_of
from kernel.mm.pages import Pages
from kernel.mm.zone import MAX_ORDER
from pykasm import *

SPARED = 1000
"""One page in so many is left free where memory is to be scarce."""


class MemoryHog(Subsystem):
    """Takes memory by the largest blocks there are, and gives it back. Context: one at a time."""

    held = bss(Owned[U64])
    """A chain of blocks, by `Frame.owner`."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    @function
    def leave(self, pages: Keep[U64]) -> None:
        """Take memory until no more than this many pages are free."""
        order = keep(U32)
        mov(order, MAX_ORDER)
        with loop():
            self._take_blocks(order, pages)
            break_if(order == 0)
            dec(order)

    @function
    def _take_blocks(self, order: Keep[U32], pages: Keep[U64]) -> None:
        """Take all blocks of `order` that leave so many pages free."""
        with loop():
            surplus = scratch(self.pages.free_count())
            sub(surplus, pages)
            break_if(CF)
            mov(ecx, order)
            shr(surplus, cl)
            break_if(ZF)
            release(surplus)
            block = self.pages.allocate(order)
            break_if(block == 0)
            mov(rcx, block)
            frame, before = frame_of(rcx), scratch(self.held)
            mov(frame.owner, before)
            release(before)
            mov(self.held, block)

    @function
    def make_scarce(self) -> U32:
        """Leave one page in `SPARED`. 1, as from what prepares a benchmark."""
        mov(rax, self.pages.free_count())
        xor(edx, edx)
        mov(ecx, SPARED)
        div(rcx)
        self.leave(rax)
        ret(1)

    @function
    def let_go(self) -> None:
        """Give everything back."""
        block = keep(self.held)
        mov(self.held, 0)
        with while_(block != 0):
            mov(rdi, block)
            mov(rax, block)
            frame = frame_of(rax)
            mov(block, frame.owner)
            movzx(esi, frame.order)
            self.pages.free(rdi, esi)
