"""How much memory programs may ask for."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.errno import Errno
from kernel.mm.pages import Pages
from pykasm import *


class Overcommit(Subsystem):
    """Lets programs map more than there is, as most never touch all of it, but not at once more
    than there could ever be (Linux: vm.overcommit_memory=0, the heuristic)."""

    most_pages = bss(U64)

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    @function(init=True)
    def start(self) -> None:
        """Note how much memory there is."""
        mov(self.most_pages, self.pages.unused_count())

    @function
    def check(self, length: U64) -> OrErrno[I32]:
        """Return 0 if `length` bytes of memory may be mapped, else -ENOMEM."""
        add(length, PAGE - 1)
        shr(length, PageShift.PAGE)
        fail_if(length > self.most_pages, Errno.ENOMEM)
        ret(0)
