"""What is mapped, as ranges of addresses with the same permissions."""

from __future__ import annotations

from kernel.cpu.pagetable import NO_EXECUTE, PageFlags
from kernel.mm.tablewalker import TableWalk, TableWalker
from kernel.paging.addresses import LOWER_HALF_END, Area
from kernel.paging.level import entry_size
from kernel.paging.space import Space
from pykasm import *

PERMISSIONS = (
    PageFlags.PRESENT
    | PageFlags.WRITE
    | PageFlags.USER
    | PageFlags.CACHE_DISABLE
    | PageFlags.WRITE_THROUGH
    | NO_EXECUTE
)
"""The bits of an entry in which ranges differ."""


class Mapping(Struct):
    """Addresses from `start` up to `end` that are mapped with the same `flags`; `end` is 0 if they
    reach to the end of all addresses."""

    start: U64
    end: U64
    flags: U64


class Mappings(Subsystem):
    """Lists what page tables map. Context: thread."""

    mask = rodata(U64, PERMISSIONS)

    def __init__(self, walker: TableWalker) -> None:
        self.walker = walker

    @function
    def find(self, space: Keep[Ptr[Space]], start: U64, found: Keep[Ptr[Mapping]]) -> Bool:
        """Set `found` to the first mapping of `space` from the page at `start` on. Returns whether
        there is one."""
        place, size = keep(start), keep(U64)
        with loop():
            entry, covered = self._entry(space, place)
            mov(size, covered)  # where a table lacks, all that it would cover is skipped
            and_(entry, self.mask)
            break_if(entry != 0)
            mov(place, self._next_address(place, size))
            with if_(place == 0):
                ret(False)
        mov(found.start, place)
        mov(found.flags, entry)
        with loop():
            mov(place, self._next_address(place, size))
            break_if(place == 0)
            entry, covered = self._entry(space, place)
            mov(size, covered)
            and_(entry, self.mask)
            break_if(entry != found.flags)
        mov(found.end, place)
        ret(True)

    @function
    def _entry(self, space: Keep[Ptr[Space]], address: Keep[U64]) -> tuple[U64, U64]:
        """Return the entry for `address`, 0 if that maps nothing, and the bytes that it covers."""
        walk, entry, size = local(TableWalk), keep(U64), keep(U64)
        with space.lock.held():
            level = scratch(self.walker.walk(space, address, address_of(walk)))
            slot = scratch(walk.entries[level])
            mov(entry, slot[0])
            mov(size, entry_size(level))
        with if_((entry & PageFlags.PRESENT) == 0):
            xor(u32(entry), u32(entry))
        ret(entry, size)

    @function
    def _next_address(self, address: U64, size: U64) -> U64:
        """Return the first address after the entry of `size` bytes that `address` is in; 0 after
        the last one. The upper half follows the lower one: addresses between are not canonical."""
        mov(rax, size)
        neg(rax)  # -size is the mask that rounds down
        and_(rax, address)
        add(rax, size)
        mov(rcx, LOWER_HALF_END)
        with if_(rax == rcx):
            mov(rax, Area.DIRECT_MAP)
        ret(rax)
