"""Walking page tables, and noting the way."""

from __future__ import annotations

from kernel.cpu.pagetable import ENTRIES, PageFlags
from kernel.paging.addresses import Area
from kernel.paging.entryformat import EntryFormat
from kernel.paging.level import SHIFTS, PageLevel, entry_size
from kernel.paging.space import Space
from pykasm import *


class TableWalk(Struct):
    """The entries for an address, by their levels, as far down as there are tables."""

    entries: Array[Ptr[U64]] = field(count=PageLevel.TOP + 2)
    """The last stands for what leads to the top table."""


class TableWalker(Subsystem):
    """Finds the entries of an address on all levels, for those who change them.

    An address has 9 bits for each of four levels, and 12 for the byte within a page (AMD64 APM
    vol. 2, 5.3):

        63     48 47    39 38    30 29    21 20    12 11      0
        copies of   TOP      HUGE    LARGE     PAGE    offset
        bit 47
    """

    uncounted = rodata(U64, 0)
    """Leads to the top table, whose entries nobody counts."""

    def __init__(self, entries: EntryFormat) -> None:
        self.entries = entries

    @function
    def walk(self, space: Ptr[Space], address: U64, walk: Ptr[TableWalk]) -> U64:
        """Note the entries for `address` in `walk`.

        Returns the lowest level of them, the only one whose entry may lead to no table. Context:
        under the lock of `space`, or where nobody else changes its tables.
        """
        ret(self.walk_inline(space, address, at(walk)))

    @inline(changes=(rax, rcx))
    def walk_inline(self, space: Ptr[Space], address: U64, walk: TableWalk) -> U64:
        """Do what `walk` does, in place."""
        # Unrolled, with the shifts as constants: this is most of what mapping a page costs
        table, base = scratch(space.root), scratch(U64)
        mov(base, Area.DIRECT_MAP)
        lea(rax, self.uncounted)
        mov(walk.entries[PageLevel.TOP + 1], rax)
        with loop():
            for level, shift in reversed(SHIFTS.items()):
                mov(rax, address)
                shr(rax, shift)
                and_(eax, ENTRIES - 1)
                add(table, base)
                lea(table, bare[table + rax * sizeof(U64)])
                mov(walk.entries[level], cast(table, Ptr[U64]))
                if level != PageLevel.PAGE:
                    mov(table, u64[table])
                    with if_(self._leads_to_none(table, level)):
                        mov(ecx, level)
                        break_()
                    and_(table, self.entries.address_mask)
            mov(ecx, PageLevel.PAGE)
            break_()
        release(table, base)
        return rcx

    @inline(changes=rax)
    def _leads_to_none(self, entry: U64, level: PageLevel) -> Condition:
        """Return whether `entry`, of this level, leads to no table."""
        if level == PageLevel.TOP:  # there are no pages as large as that
            return (entry & PageFlags.PRESENT) == 0
        # One test for both bits: subtracting the lowest, PRESENT, sets it if it is clear
        lea(eax, bare[entry - int(PageFlags.PRESENT)])
        return eax & (PageFlags.PRESENT | PageFlags.LARGE)

    @function
    def translate(self, space: Keep[Ptr[Space]], address: Keep[U64]) -> tuple[U64, U64]:
        """Return the physical address that `address` is mapped to, and the entry that maps it; 0
        and 0 if none does. Context: thread."""
        walk = local(TableWalk)
        physical, entry = keep(U64), keep(U64)
        with space.lock.held():
            level = scratch(self.walk(space, address, address_of(walk)))
            slot = scratch(walk.entries[level])
            mov(entry, slot[0])
            size = entry_size(level)
        xor(u32(physical), u32(physical))
        with if_(entry & PageFlags.PRESENT):
            dec(size)  # the mask of the offset within the page
            mov(physical, entry)
            and_(physical, self.entries.address_mask)
            and_(address, size)
            or_(physical, address)
        with else_():
            xor(u32(entry), u32(entry))
        ret(physical, entry)
