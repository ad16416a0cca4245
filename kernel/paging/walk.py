"""What an address leads to, by the page tables in use."""

from kernel.cpu.pagetable import ADDRESS_MASK, ENTRIES, INDEX_BITS, PageFlags, PageShift
from kernel.paging.addresses import direct
from pykasm import *

SIGN_BITS = 16
"""The upper bits of an address, which must repeat the one below them (AMD64 APM vol. 2, 1.1.3)."""


class PageWalk(Subsystem):
    """Looks addresses up, and changes nothing. May be called in any context, in panics too."""

    mask = rodata(U64, ADDRESS_MASK)

    @function
    def is_mapped(self, address: U64) -> U32:
        """Whether the kernel can read the byte at `address`: 1 or 0."""
        entry = self.find(address)
        with if_(entry == 0):
            ret(0)
        ret(1)

    @function
    def find(self, address: U64) -> U64:
        """The entry that maps `address` to a page of any size; 0 if there is none.

        An address that no table can map, since it is not canonical, has none.
        """
        mov(rax, address)
        shl(rax, SIGN_BITS)
        sar(rax, SIGN_BITS)
        with if_(rax != address):
            ret(0)
        mov(ecx, PageShift.TOP)
        mov(rax, cr3)
        with loop():
            self._entry(rax, address)
            with if_((rax & PageFlags.PRESENT) == 0):
                ret(0)
            break_if(ecx == PageShift.PAGE)
            break_if(rax & PageFlags.LARGE)
            sub(ecx, INDEX_BITS)
        ret(rax)

    @function
    def slot(self, address: U64, shift: U32) -> Ptr[U64]:
        """The entry for `address` in its table of the level `shift` (a `PageShift`); all tables
        above it are there."""
        mov(ecx, PageShift.TOP)
        mov(rax, cr3)
        with loop():
            self._slot(rax, address)
            break_if(ecx == shift)
            mov(rax, u64[rax])
            sub(ecx, INDEX_BITS)
        ret(cast(rax, Ptr[U64]))

    def _entry(self, table: U64, address: U64) -> None:
        """Put the entry for `address` of the level ecx into `table`, which holds the table's own
        entry. Changes rdx."""
        self._slot(table, address)
        mov(table, u64[table])

    def _slot(self, table: U64, address: U64) -> None:
        """As `_entry`, but let `table` point to the entry."""
        and_(table, self.mask)
        direct(table)
        mov(rdx, address)
        shr(rdx, cl)
        and_(edx, ENTRIES - 1)
        lea(table, bare[table + rdx * sizeof(U64)])
