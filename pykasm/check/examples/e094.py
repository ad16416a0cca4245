"""E094: an address is followed that only others go by."""

from pykasm import *

DIRECT_MAP = 0xFFFF_8000_0000_0000


class PhysicalAddress(U64, remote=True):
    """An address that devices go by."""


class Broken(Subsystem):
    """Clears what lies at that number for the kernel."""

    page = bss(PhysicalAddress)

    @function(exported=True)
    def run(self) -> None:
        """Clear the page."""
        mov(rdi, self.page)
        xor(eax, eax)
        mov(ecx, 512)
        rep.stosq()


class Mended(Broken):
    """Finds the page where the kernel has all memory."""

    @function(exported=True)
    def run(self) -> None:
        """Clear the page."""
        mov(rdi, self.page)
        mov(rax, DIRECT_MAP)
        add(rdi, rax)
        xor(eax, eax)
        mov(ecx, 512)
        rep.stosq()
