"""What is mapped, as ranges of addresses with the same permissions."""

from __future__ import annotations

from kernel.cpu.pagetable import NO_EXECUTE, PageFlags, PageShift
from kernel.mm.tablewalker import TableWalk, TableWalker
from kernel.paging.addresses import LOWER_HALF_END, Area
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
    """Addresses from `start` up to `end` that are mapped alike; `end` is 0 for the last of all."""

    start: U64
    end: U64
    flags: U64


class Mappings(Subsystem):
    """Walks page tables from address to address. Context: thread."""

    mask = rodata(U64, PERMISSIONS)

    def __init__(self, walker: TableWalker) -> None:
        self.walker = walker

    @function
    def find(self, space: Keep[Ptr[Space]], start: U64, found: Keep[Ptr[Mapping]]) -> U32:
        """Let `found` be the first mapping of `space` from the page at `start` on; 0 if there is
        none."""
        place, size = keep(start), keep(U64)
        with loop():
            entry, covered = self.entry(space, place)
            mov(size, covered)
            and_(entry, self.mask)
            break_if(entry != 0)
            mov(place, self.behind(place, size))
            with if_(place == 0):
                ret(0)
        mov(found.start, place)
        mov(found.flags, entry)
        with loop():
            mov(place, self.behind(place, size))
            break_if(place == 0)
            entry, covered = self.entry(space, place)
            mov(size, covered)
            and_(entry, self.mask)
            break_if(entry != found.flags)
        mov(found.end, place)
        ret(1)

    @function
    def entry(self, space: Keep[Ptr[Space]], address: Keep[U64]) -> tuple[U64, U64]:
        """The entry for `address`, 0 if that maps nothing, and the bytes that it covers."""
        path = local(TableWalk)
        entry, size = keep(U64), keep(U64)
        with space.lock.held():
            lea(rdx, path)
            level = scratch(self.walker.walk(space, address, rdx))
            slot = scratch(path.entries[level])
            mov(entry, slot[0])
            lea(rcx, bare[level + level * 8 + PageShift.PAGE])
            mov(u32(size), 1)
            shl(size, cl)
        with if_((entry & PageFlags.PRESENT) == 0):
            xor(u32(entry), u32(entry))
        ret(entry, size)

    @function
    def behind(self, address: U64, size: U64) -> U64:
        """The first address behind the entry of `size` bytes that `address` is in; 0 behind the
        last."""
        mov(rax, size)
        neg(rax)
        and_(rax, address)
        add(rax, size)
        mov(rcx, LOWER_HALF_END)
        with if_(rax == rcx):
            mov(rax, Area.DIRECT_MAP)
        ret(rax)
