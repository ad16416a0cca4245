"""Changing page tables."""

from kernel.mm.addresses import direct
from kernel.mm.early import EarlyFrames
from kernel.mm.pagetable import (
    ADDRESS_MASK,
    ENTRIES,
    INDEX_BITS,
    NO_EXECUTE,
    PAGE,
    PageFlags,
    PageShift,
)
from pykasm import *


class Mapper(Subsystem):
    """Puts pages into the kernel's page tables and takes them out.

    It knows nothing of who uses which address. Context: one processor, interrupts off.
    """

    root = bss(U64)
    """The physical address of the top table."""
    allowed = data(U64, NO_EXECUTE - 1)
    """The bits of an entry that this processor knows: with NX, all."""
    mask = rodata(U64, ADDRESS_MASK)

    def __init__(self, frames: EarlyFrames) -> None:
        self.frames = frames

    @function(init=True)
    def start(self) -> None:
        """Make an empty top table."""
        mov(self.root, self.frames.allocate())

    @function(init=True)
    def use(self) -> None:
        """Let this processor go by these page tables."""
        mov(rax, self.root)
        mov(cr3, rax)

    @function
    def map(self, address: U64, target: U64, length: U64, flags: U64, largest: U32) -> None:
        """Map `length` bytes from `address` on to physical `target`, by pages of up to
        `largest` (a `PageShift`). All are multiples of the page size; nothing may be mapped there.
        """
        limit = local(U32)
        mov(limit, largest)
        address, target, length, flags = keep(address), keep(target), keep(length), keep(flags)
        and_(flags, self.allowed)
        with while_(length != 0):
            shift = keep(self.page_shift(address, target, length, limit))
            entry = self.entry(address, shift)
            mov(rcx, target)
            or_(rcx, flags)
            with if_(shift != PageShift.PAGE):
                or_(rcx, PageFlags.LARGE)
            mov(entry[0], rcx)
            mov(ecx, shift)
            release(shift)
            mov(eax, 1)
            shl(rax, cl)
            add(address, rax)
            add(target, rax)
            sub(length, rax)

    @function
    def page_shift(self, address: U64, target: U64, length: U64, largest: U32) -> U32:
        """The largest pages, up to `largest`, by which mapping `length` bytes can begin."""
        mov(ecx, largest)
        or_(address, target)
        with while_(ecx > PageShift.PAGE):
            mov(eax, 1)
            shl(rax, cl)
            dec(rax)
            break_if((length > rax) & ((address & rax) == 0))
            sub(ecx, INDEX_BITS)
        ret(ecx)

    @function
    def entry(self, address: U64, shift: U32) -> Ptr[U64]:
        """The entry for `address` in its table of the level `shift`, with all tables above it."""
        address, shift = keep(address), keep(shift)
        slot, level = keep(Ptr[U64]), keep(U32)
        table = u64(slot)
        mov(table, self.root)
        mov(level, PageShift.TOP)
        with loop():
            self._slot(table, address, level)
            break_if(level == shift)
            with if_(slot[0] == 0):
                frame = self.frames.allocate()
                or_(frame, PageFlags.PRESENT | PageFlags.WRITE)
                mov(slot[0], frame)
            mov(table, slot[0])
            and_(table, self.mask)
            sub(level, INDEX_BITS)
        ret(slot)

    def _slot(self, table: U64, address: U64, level: U32) -> None:
        """From a table's physical address to its entry for `address`. Changes rax and rcx."""
        direct(table)
        mov(rax, address)
        mov(ecx, level)
        shr(rax, cl)
        and_(eax, ENTRIES - 1)
        lea(table, bare[table + rax * sizeof(U64)])

    @function
    def unmap(self, start: U64, end: U64) -> None:
        """Take the pages of 4 KiB from `start` up to `end` out, on this processor."""
        start, end = keep(start), keep(end)
        with while_(start < end):
            entry = self.entry(start, PageShift.PAGE)
            mov(entry[0], 0)
            invlpg(bare[start])
            add(start, PAGE)
