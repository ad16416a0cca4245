"""What an address leads to, by the page tables in use."""

from kernel.cpu.pagetable import ADDRESS_MASK, ENTRIES, INDEX_BITS, PageFlags, PageShift
from kernel.paging.addresses import direct
from pykasm import *

SIGN_BITS = 16
"""The upper bits of an address, which must repeat the one below them (AMD64 APM vol. 2, 1.1.3)."""


class PageWalk(Subsystem):
    """Looks addresses up as the processor does, and changes nothing. Context: any, panics too."""

    mask = rodata(U64, ADDRESS_MASK)

    @function
    def is_mapped(self, address: U64) -> Bool:
        """Return whether the kernel can read the byte at `address`, and not only a program."""
        entry = self.find(address)
        and_(entry, PageFlags.PRESENT | PageFlags.USER)
        ret(entry == PageFlags.PRESENT)

    @function
    def find(self, address: U64) -> U64:
        """Return the entry that maps `address` to a page of any size; 0 if there is none.

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
            self._entry(rax, address, ecx)
            with if_((rax & PageFlags.PRESENT) == 0):
                ret(0)
            # On the lowest level, bit 7 is no LARGE but PAT (AMD64 APM vol. 2, 5.4.1)
            break_if(ecx == PageShift.PAGE)
            break_if(rax & PageFlags.LARGE)
            sub(ecx, INDEX_BITS)
        ret(rax)

    @function
    def slot(self, address: U64, shift: U32) -> Ptr[U64]:
        """Return the place of the entry for `address` in its table of the level `shift` (a
        `PageShift`). All tables above it must be there."""
        mov(ecx, PageShift.TOP)
        mov(rax, cr3)
        with loop():
            self._slot(rax, address, ecx)
            break_if(ecx == shift)
            mov(rax, u64[rax])
            sub(ecx, INDEX_BITS)
        ret(rax)

    @inline(changes=("table", rdx))
    def _entry(self, table: U64, address: U64, shift: U32) -> None:
        """Turn the entry that leads to a table, or CR3, in the register `table`, into the entry for
        `address` in that. `shift`, ecx, is the table's level, a `PageShift`."""
        self._slot(table, address, shift)
        mov(table, u64[table])

    @inline(changes=("table", rdx))
    def _slot(self, table: U64, address: U64, shift: U32) -> None:
        """Turn the entry that leads to a table, or CR3, in the register `table`, into the place of
        the entry for `address` in that. `shift`, ecx, is the table's level, a `PageShift`."""
        and_(table, self.mask)
        direct(table)
        mov(rdx, address)
        shr(rdx, u8(shift))
        and_(edx, ENTRIES - 1)
        lea(table, bare[table + rdx * sizeof(U64)])
