"""Memory for stacks in whole blocks of pages, until there are run-time mappings with guards."""

from __future__ import annotations

from kernel.mm.addresses import Area, direct
from kernel.mm.pages import Pages
from kernel.mm.pagetable import PAGE
from kernel.mm.stack import STACK_SIZE
from pykasm import *

ORDER = (STACK_SIZE // PAGE - 1).bit_length()


class StackBlocks(Subsystem):
    """As many pages as a stack has."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    @function
    def allocate(self, pages: U64) -> U64:
        """The address of a stack of so many pages, or 0."""
        asserts(pages == STACK_SIZE // PAGE)
        block = self.pages.allocate(ORDER)
        with if_(block != 0):
            direct(block)
        ret(block)

    @function
    def free(self, address: U64) -> None:
        """Take a stack back."""
        mov(rax, Area.DIRECT_MAP)
        sub(address, rax)
        tail(self.pages.free, address, ORDER)
