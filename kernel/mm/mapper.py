"""Changing page tables."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from kernel.cpu.pagetable import (
    ADDRESS_MASK,
    ENTRIES,
    PAGE,
    PageFlags,
    PageShift,
)
from kernel.errno import Errno
from kernel.mm.early import EarlyFrames
from kernel.mm.frames import frame_of
from kernel.mm.pages import Pages
from kernel.paging.addresses import Area, direct
from kernel.paging.entryformat import EntryFormat
from kernel.paging.space import Space
from kernel.smp.tlb import Tlb
from pykasm import *


class PageLevel(IntEnum):
    """Levels of page tables, by what an entry there covers."""

    PAGE = 0
    LARGE = 1
    HUGE = 2
    TOP = 3


SHIFTS = {
    PageLevel.PAGE: PageShift.PAGE,
    PageLevel.LARGE: PageShift.LARGE,
    PageLevel.HUGE: PageShift.HUGE,
    PageLevel.TOP: PageShift.TOP,
}

TABLE = PageFlags.PRESENT | PageFlags.WRITE
"""Flags of an entry that leads to a table: what may be done is up to the lowest one."""


class TableWalk(Struct):
    """The entries for an address, by their levels, as far down as there are tables."""

    entries: Array[Ptr[U64]] = field(count=PageLevel.TOP + 2)
    """The last stands for what leads to the top table."""


class MappingRequest(Struct):
    """What is to be done with the addresses from `address` up to `end`; `address` moves on."""

    address: U64
    end: U64
    target: U64
    """The physical address to map to."""
    flags: U64
    """The new permissions; 0 for unmapping."""
    largest: U64
    """A `PageShift`."""
    empty: U64
    """Tables that became empty: the physical address of the first; `Frame.owner` has the next."""


class Mapper(Subsystem):
    """Maps, unmaps, protects and translates in the page tables of a space.

    Who uses which address is up to others; two calls for the same address at one time are a
    mistake, calls for different ones are not. Tables come from the page allocator, which gets them
    back when they are empty; those of the time before it stay for ever. `Frame.references` counts
    the entries of a table. Context: thread.
    """

    kernel = bss(Space)
    """The kernel's own space; its half is the same in every space."""
    counts_pages = bss(U32)
    """Whether tables come from `Pages`."""
    is_copied = bss(U32)
    """Whether other spaces have copies of what the kernel's top table has for its half."""
    kept = rodata(U64, ADDRESS_MASK | PageFlags.LARGE)
    """What stays of an entry whose permissions change."""
    uncounted = rodata(U64, 0)
    """Leads to the top table, whose entries nobody counts."""
    mask = rodata(U64, ADDRESS_MASK)

    def __init__(self, early: EarlyFrames, entries: EntryFormat, pages: Pages, tlb: Tlb) -> None:
        self.early = early
        self.entries = entries
        self.pages = pages
        self.tlb = tlb

    @function(init=True)
    def start(self) -> None:
        """Make an empty top table for the kernel."""
        mov(self.kernel.root, self.early.allocate())

    @function(init=True)
    def use(self) -> None:
        """Let this processor go by the kernel's page tables."""
        mov(rax, self.kernel.root)
        mov(cr3, rax)

    @function(init=True)
    def use_pages(self) -> None:
        """Take tables from the page allocator from now on."""
        mov(self.counts_pages, 1)

    # What others ask for

    @function
    def map(
        self, space: Ptr[Space], address: U64, target: U64, length: U64, flags: U64, largest: U32
    ) -> I32:
        """Map `length` bytes from `address` on to physical `target`, by pages of up to `largest`
        (a `PageShift`). All are multiples of the page size.

        0; or -ENOMEM, or -EEXIST if something is mapped there, and nothing has changed. -ENOMEM
        too, once there are other spaces, for an address of the kernel's that they would not see.
        """
        change, first, space, result = local(MappingRequest), keep(address), keep(space), keep(I32)
        mov(change.address, first)
        add(length, first)
        mov(change.end, length)
        mov(change.target, target)
        and_(flags, self.entries.allowed)
        mov(change.flags, flags)
        mov(u32(rax), largest)
        mov(change.largest, rax)
        mov(change.empty, 0)
        with space.lock.held():
            self._fill(space, change, result)
        with if_(space.freeing_tables != 0):
            mov(rdx, change.end)
            sub(rdx, first)
            shr(rdx, PageShift.PAGE)
            self.tlb.invalidate(space, first, rdx)  # or the old table is asked for the new pages
        with if_(result != 0):
            mov(rdx, change.address)
            sub(rdx, first)
            ignore(self.unmap(space, first, rdx))
            self.tlb.invalidate(space, first, 1)  # a processor may know the tables that led nowhere
            self.free_chain(change.empty)
        ret(result)

    @function
    def unmap(self, space: Ptr[Space], address: U64, length: U64) -> I32:
        """Unmap `length` bytes from `address` on, of which not all need be mapped; all processors
        have forgotten them then. 0; or -ENOMEM if a larger page could not be split."""
        tail(self.apply, space, address, length, 0)

    @function
    def protect(self, space: Ptr[Space], address: U64, length: U64, flags: U64) -> I32:
        """Let what is mapped of `length` bytes from `address` on have other permissions. 0; or
        -ENOMEM if a larger page could not be split, with some of them changed."""
        and_(flags, self.entries.allowed)
        tail(self.apply, space, address, length, flags)

    @function
    def translate(self, space: Ptr[Space], address: U64) -> tuple[U64, U64]:
        """The physical address for `address`, and the entry that maps it, 0 if none does."""
        space, address, path = keep(space), keep(address), local(TableWalk)
        physical, entry = keep(U64), keep(U64)
        with space.lock.held():
            lea(rdx, path)
            level = scratch(self.walk(space, address, rdx))
            mov(rax, path.entries[level])
            mov(entry, u64[rax])
            self._size(level)
        xor(u32(physical), u32(physical))
        with if_(entry & PageFlags.PRESENT):
            dec(rax)
            mov(physical, entry)
            and_(physical, self.mask)
            and_(address, rax)
            or_(physical, address)
        with else_():
            xor(u32(entry), u32(entry))
        ret(physical, entry)

    @function(init=True)
    def reserve(self, start: U64, end: U64, level: U64) -> None:
        """Make the tables of the kernel's space in which the entries of `level` are, for all
        addresses from `start` up to `end`: they are the same in all spaces, and never go."""
        start, end, room = keep(start), keep(end), local(MappingRequest)
        level = keep(level)
        mov(room.flags, 0)
        with while_(start < end):
            mov(room.address, start)
            path = local(TableWalk)
            lea(rdx, path)
            reached = self.walk(address_of(self.kernel), start, rdx)
            lea(rdi, room)
            lea(rsi, path)
            ignore(self.make_way(rdi, rsi, reached, level))
            lea(rcx, bare[level + 1])
            self._size(rcx)
            add(start, rax)

    @function(init=True)
    def keep_top(self) -> None:
        """Let what the kernel's top table has for its half be what all spaces have from now on."""
        mov(self.is_copied, 1)

    # Within a table

    def _size(self, level: U64) -> None:
        """The bytes that an entry of `level` covers in rax, log2 of them in ecx."""
        lea(rcx, bare[level + level * 8 + PageShift.PAGE])  # 12 + 9 * level
        mov(eax, 1)
        shl(rax, cl)

    @function
    def walk(self, space: Ptr[Space], address: U64, path: Ptr[TableWalk]) -> U64:
        """Note the entries for `address` in `path`; the lowest level of them, the only one whose
        entry may lead to no table. Holds the space's lock."""
        ret(self._walk(space, address, at(path)))

    def _walk(self, space: Ptr[Space], address: U64, path: TableWalk) -> Any:
        """The same in place, with the level in rcx. Changes rax."""
        table, base = scratch(space.root), scratch(U64)
        mov(base, Area.DIRECT_MAP)
        lea(rax, self.uncounted)
        mov(path.entries[PageLevel.TOP + 1], rax)
        with loop():
            for level, shift in reversed(SHIFTS.items()):
                mov(rax, address)
                shr(rax, shift)
                and_(eax, ENTRIES - 1)
                add(table, base)
                lea(table, bare[table + rax * sizeof(U64)])
                mov(path.entries[level], cast(table, Ptr[U64]))
                if level != PageLevel.PAGE:
                    mov(table, u64[table])
                    with if_(self._leads_to_none(table, level)):
                        mov(ecx, level)
                        break_()
                    and_(table, self.mask)
            mov(ecx, PageLevel.PAGE)
            break_()
        release(table, base)
        return rcx

    def _leads_to_none(self, entry: U64, level: PageLevel) -> Any:
        """The condition that `entry`, of this level, leads to no table. Changes rax."""
        if level == PageLevel.TOP:  # there are no pages as large as that
            return (entry & PageFlags.PRESENT) == 0
        lea(eax, bare[entry - int(PageFlags.PRESENT)])  # sets that bit, the lowest, if it is clear
        return eax & (PageFlags.PRESENT | PageFlags.LARGE)

    @function
    def make_way(
        self, change: Ptr[MappingRequest], path: Ptr[TableWalk], reached: U64, level: U64
    ) -> I32:
        """Make the tables that lack between the level `reached`, where `walk` ended, and `level`.
        0, -ENOMEM or -EEXIST."""
        change, path, level = keep(change), keep(path), keep(level)
        reached, slot = keep(reached), keep(Ptr[U64])
        with if_((reached == PageLevel.TOP) & (i64(change.address) < 0) & (self.is_copied != 0)):
            ret(-Errno.ENOMEM)
        with while_(reached > level):
            mov(slot, path.entries[reached])
            with if_(slot[0] & PageFlags.PRESENT):
                ret(-Errno.EEXIST)
            table = self.new_table()
            with if_(table == 0):
                self.drop_tables(change, path, reached)
                ret(-Errno.ENOMEM)
            mov(rcx, change.flags)
            and_(ecx, PageFlags.USER)
            or_(rcx, table)
            mov(slot[0], rcx)
            self._count(path, reached, 1)
            dec(reached)
            mov(slot, slot[0])
            and_(u64(slot), self.mask)
            direct(u64(slot))
            mov(rax, change.address)
            self._index(reached)
            lea(slot, slot[rax])
            mov(path.entries[reached], slot)
        ret(0)

    def _index(self, level: U64) -> None:
        """From an address in rax to the number of its entry at `level`. Changes rcx."""
        lea(rcx, bare[level + level * 8 + PageShift.PAGE])
        shr(rax, cl)
        and_(eax, ENTRIES - 1)

    @function
    def new_table(self) -> U64:
        """An entry that leads to a new, empty table; 0 if there is no memory."""
        with if_(self.counts_pages == 0):
            table = self.early.allocate()
            or_(table, TABLE)
            ret(table)
        table = self.pages.zeroed()
        with if_(table == 0):
            ret(0)
        mov(rcx, table)
        mov(frame_of(rcx).references, 0)
        or_(table, TABLE | PageFlags.COUNTED)
        ret(table)

    def _count(self, path: Any, level: U64, more: object) -> None:
        """Note that the table on `level` of `path` has `more` entries; ZF is set if it has none
        now, or if nobody counts them. Changes rax."""
        self._above(path, level)
        mov(rax, u64[rax])
        with if_(rax & PageFlags.COUNTED):
            and_(rax, self.mask)
            add(frame_of(rax).references, more)

    def _above(self, path: Any, level: U64) -> None:
        """The entry of `path` that leads to the table on `level`, in rax."""
        lea(rax, path.entries[1])
        mov(rax, u64[rax + level * sizeof(Ptr[U64])])

    @function
    def drop_tables(self, change: Ptr[MappingRequest], path: Ptr[TableWalk], level: U64) -> None:
        """Take the table on `level` of `path` out if it is empty and was counted, and so on
        upwards. Holds the space's lock."""
        with loop():
            self._above(path, level)
            above = scratch(cast(rax, Ptr[U64]))
            mov(rax, above[0])
            break_if((rax & PageFlags.COUNTED) == 0)
            and_(rax, self.mask)
            mov(rcx, rax)
            frame = frame_of(rcx)
            break_if(frame.references != 0)
            mov(above[0], 0)
            release(above)
            next = scratch(change.empty)
            mov(frame.owner, next)
            release(next)
            mov(change.empty, rax)
            inc(level)
            self._count(path, level, -1)

    @function
    def free_chain(self, first: U64) -> None:
        """Give a chain of pages, by `Frame.owner`, back to the page allocator."""
        table = keep(first)
        with while_(table != 0):
            mov(rdi, table)
            mov(rax, table)
            mov(table, frame_of(rax).owner)
            self.pages.free_page(rdi)

    # Mapping

    def _fill(self, space: Ptr[Space], change: MappingRequest, result: I32) -> None:
        """Map what `change` says, as far as `change.address` tells then. `result` is 0, -ENOMEM or
        -EEXIST. Holds the space's lock."""
        path, level = local(TableWalk), keep(U64)
        xor(result, result)
        with loop():
            mov(rax, change.address)
            break_if(rax >= change.end)
            xor(u32(level), u32(level))
            with if_(change.largest != PageShift.PAGE):
                lea(rdi, change)
                mov(level, self.level(rdi))
            reached = self._walk(space, change.address, path)
            with if_(reached != level):
                lea(rdi, change)
                lea(rsi, path)
                mov(result, self.make_way(rdi, rsi, reached, level))
                break_if(result != 0)
            self._fill_table(change, path, level, result)
            break_if(result != 0)
        release(level)

    @function
    def level(self, change: Ptr[MappingRequest]) -> U64:
        """The level of the largest pages by which mapping can go on."""
        mov(rax, change.address)
        mov(rcx, change.end)
        sub(rcx, rax)
        or_(rax, change.target)
        for level, shift in ((PageLevel.HUGE, PageShift.HUGE), (PageLevel.LARGE, PageShift.LARGE)):
            size = 1 << shift
            with if_((change.largest >= shift) & (rcx >= size) & ((rax & (size - 1)) == 0)):
                ret(level)
        ret(PageLevel.PAGE)

    def _fill_table(self, change: MappingRequest, path: TableWalk, level: U64, result: I32) -> None:
        """Map by entries of one table for as long as it goes on. `result` is 0, or -EEXIST then."""
        slot, size = scratch(path.entries[level]), scratch(U64)
        entry, rest = scratch(change.target), scratch(change.end)
        or_(entry, change.flags)
        with if_(level != PageLevel.PAGE):
            or_(entry, PageFlags.LARGE)
        sub(rest, change.address)
        self._size(level)
        mov(size, rax)
        with loop():
            with if_(slot[0] & PageFlags.PRESENT):
                mov(result, -Errno.EEXIST)
                break_()
            mov(slot[0], entry)
            add(u64(slot), sizeof(U64))
            add(entry, size)
            sub(rest, size)
            break_if((rest < size) | ((slot & (PAGE - 1)) == 0))
        release(slot, entry, size)
        self._advance(change, path, level, rest)
        release(rest)

    def _advance(self, change: MappingRequest, path: TableWalk, level: U64, rest: U64) -> None:
        """Note that all but the last `rest` bytes are mapped; cl is log2 of the bytes of a page.
        Changes rax and rdx."""
        mov(rdx, change.end)
        sub(rdx, rest)
        mov(rax, rdx)
        sub(rdx, change.address)
        mov(change.address, rax)
        add(change.target, rdx)
        shr(rdx, cl)
        self._count(path, level, edx)

    # Unmapping and protecting

    @function
    def apply(self, space: Ptr[Space], address: U64, length: U64, flags: U64) -> I32:
        """Give the addresses new permissions, or unmap them if `flags` is 0."""
        change, result = local(MappingRequest), local(I32)
        first, pages, space = keep(address), keep(length), keep(space)
        mov(change.address, first)
        lea(rax, bare[first + pages])
        mov(change.end, rax)
        mov(change.flags, flags)
        mov(change.empty, 0)
        mov(result, 0)
        shr(pages, PageShift.PAGE)
        with space.lock.held():
            self._apply_locked(space, change, result)
            with if_(change.empty != 0):
                lock.inc(space.freeing_tables)
        self.tlb.invalidate(space, first, pages)
        with if_(change.empty != 0):
            lock.dec(space.freeing_tables)
            self.free_chain(change.empty)
        ret(result)

    def _apply_locked(self, space: Ptr[Space], change: MappingRequest, result: I32) -> None:
        """Do what `change` says with what is mapped; `result` becomes -ENOMEM if that fails. Holds
        the space's lock."""
        path, level, slot = local(TableWalk), keep(U64), keep(Ptr[U64])
        with loop():
            mov(rax, change.address)
            break_if(rax >= change.end)
            mov(level, self._walk(space, change.address, path))
            mov(slot, path.entries[level])
            with if_((slot[0] & PageFlags.PRESENT) == 0):
                self.skip(change, level)
                break_if(CF)  # there are no addresses behind it
                continue_()
            with if_(level != PageLevel.PAGE):
                lea(rdi, change)
                outcome = self.split_unless_whole(rdi, slot, level)
                with if_(outcome != 0):
                    continue_if(outcome > 0)
                    mov(result, outcome)
                    break_()
            self._size(level)
            add(change.address, rax)
            with if_(change.flags != 0):
                mov(rax, self.kept)
                and_(rax, slot[0])
                or_(rax, change.flags)
                mov(slot[0], rax)
            with else_():
                mov(slot[0], 0)
                self._count(path, level, -1)
                with if_(ZF):
                    lea(rdi, change)
                    lea(rsi, path)
                    self.drop_tables(rdi, rsi, level)
        release(level, slot)

    @function
    def split_unless_whole(self, change: Ptr[MappingRequest], slot: Ptr[U64], level: U64) -> I32:
        """0 if the page that `slot` maps is to be changed as a whole; 1 if it was split, since it
        is not; -ENOMEM if there is no memory for that."""
        slot, level = keep(slot), keep(level)
        whole = self.is_whole(change, level)
        with if_(whole != 0):
            ret(0)
        done = self.split(slot, level)
        with if_(done == 0):
            ret(-Errno.ENOMEM)
        ret(1)

    def skip(self, change: MappingRequest, level: U64) -> None:
        """Go on behind the entry of `level`; CF if it is the last of all. Changes rax and rcx."""
        self._size(level)
        mov(rcx, rax)
        neg(rcx)
        and_(rcx, change.address)
        add(rcx, rax)
        mov(change.address, rcx)

    @function
    def is_whole(self, change: Ptr[MappingRequest], level: U64) -> U32:
        """Whether the page of `level` at `change.address` is to be changed as a whole."""
        self._size(level)
        mov(rdx, change.address)
        mov(rcx, change.end)
        sub(rcx, rdx)
        lea(rsi, bare[rax - 1])
        with if_((rcx >= rax) & ((rsi & rdx) == 0)):
            ret(1)
        ret(0)

    @function
    def split(self, slot: Ptr[U64], level: U64) -> U32:
        """Let `slot`, which maps a page of `level`, lead to a table that maps the same by smaller
        ones; 0 if there is no memory."""
        slot, level, entry, place = keep(slot), keep(level), keep(U64), keep(U64)
        table = keep(self.new_table())
        with if_(table == 0):
            ret(0)
        mov(entry, slot[0])
        dec(level)
        with if_(level == PageLevel.PAGE):
            and_(entry, ~int(PageFlags.LARGE))
        self._size(level)
        mov(place, table)
        and_(place, self.mask)
        with if_(table & PageFlags.COUNTED):
            mov(rcx, place)
            mov(frame_of(rcx).references, ENTRIES)
        direct(place)
        with for_(scratch(U64), 0, ENTRIES) as index:
            mov(u64[place + index * sizeof(U64)], entry)
            add(entry, rax)
        mov(rcx, slot[0])
        and_(ecx, PageFlags.USER)
        or_(table, rcx)
        mov(slot[0], table)
        ret(1)
