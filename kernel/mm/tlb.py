"""What processors remember of page tables."""

from kernel.cpu.control import Cr4
from kernel.mm.pagetable import PAGE
from pykasm import *

SINGLY = 32
"""Pages up to which they are forgotten one by one; above that, forgetting all costs less."""


class Tlb(Subsystem):
    """Makes processors forget what they know of addresses whose entries have changed.

    Context: thread, with no lock held that another processor waits for with interrupts off.
    """

    @function
    def invalidate(self, address: U64, pages: U64) -> None:
        """Forget `pages` pages of 4 KiB from `address` on, and the tables that led to them."""
        with if_(pages > SINGLY):
            tail(self.forget_all)
        with while_(pages != 0):
            invlpg(bare[address])
            add(address, PAGE)
            dec(pages)

    @function
    def forget_all(self) -> None:
        """Forget everything, global pages too: by switching them off for a moment (AMD64 APM
        vol. 2, 5.5.2)."""
        mov(rax, cr4)
        mov(rcx, rax)
        and_(rcx, ~int(Cr4.PGE))
        mov(cr4, rcx)
        mov(cr4, rax)
