"""A load of memory of all kinds and sizes, allocated by one thread and freed by another."""

from __future__ import annotations

from enum import IntEnum

from kernel.console.console import Console
from kernel.cpu.pagetable import PAGE, PageShift
from kernel.mm.heap import Heap
from kernel.mm.pages import Pages
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.paging.addresses import Area, direct
from kernel.selftest.load import Load
from kernel.selftest.random import Random
from kernel.selftest.threadpool import ThreadPool
from pykasm import *

SLOTS = 64
LARGEST_ORDER = 3
"""Of blocks of pages, and of memory at addresses of its own."""
SIZE_BITS = 15
"""Objects of the heap have fewer than 2^SIZE_BITS bytes; each power of two is as likely."""


class BlockKind(IntEnum):
    """The allocators of memory."""

    HEAP = 0
    PAGES = 1
    RUNTIME = 2


KINDS = (BlockKind.HEAP,) * 6 + (BlockKind.PAGES, BlockKind.RUNTIME)
"""Each with its probability."""


class Block(Struct):
    """The head of a block of memory; `seed` fills all that follows."""

    seed: U64
    size: U64
    """Bytes, with these."""
    kind: U64


class MemoryLoad(Load):
    """Each step frees the block that is in a slot, or puts a new one there. Every byte of a block
    is checked before it is freed."""

    name = "memory"
    slots = bss(Owned[Ptr[Block]] * SLOTS)
    kinds = rodata(U8 * len(KINDS), list(KINDS))

    def __init__(
        self,
        console: Console,
        pool: ThreadPool,
        heap: Heap,
        pages: Pages,
        runtime: RuntimeMappings,
    ) -> None:
        super().__init__(console, pool)
        self.heap = heap
        self.pages = pages
        self.runtime = runtime

    @function(sleeps=True)
    def prepare(self) -> Bool:
        """Reset the count of violations. Return true."""
        mov(self.violations, 0)
        ret(True)

    @function(sleeps=True)
    def step(self, random: Keep[Ptr[Random]]) -> None:
        """Empty a slot, or fill it."""
        slot, block = keep(U64), keep(Ptr[Block])
        mov(slot, random.next())
        and_(slot, SLOTS - 1)
        xor(u32(block), u32(block))
        xchg(self.slots[slot], block)
        with if_(block == 0):
            mov(block, self._make(random))
            xchg(self.slots[slot], block)  # another thread may have filled it meanwhile
        with if_(block != 0):
            tail(self._drop, block)

    @function(sleeps=True)
    def finish(self) -> Bool:
        """Empty all slots."""
        slot, block = keep(U64), keep(Ptr[Block])
        with for_(slot, 0, SLOTS):
            xor(u32(block), u32(block))
            xchg(self.slots[slot], block)
            with if_(block != 0):
                self._drop(block)
        tail(self.judge)

    @function
    def _make(self, random: Keep[Ptr[Random]]) -> Owned[Ptr[Block]]:
        """Allocate and fill a block of random kind and size; return null if there is no memory."""
        kind, size, block = keep(U64), keep(U64), keep(Ptr[Block])
        number = random.next()
        and_(number, len(KINDS) - 1)
        movzx(kind, self.kinds[number])
        mov(size, self._size_of(kind, random))
        mov(block, self._allocate(kind, size))
        with if_(block != 0):
            mov(block.seed, random.next())
            mov(block.size, size)
            mov(block.kind, kind)
            self._fill(block)
        ret(block)

    @function
    def _size_of(self, kind: U64, random: Ptr[Random]) -> U64:
        """Return a random size in bytes of this `kind`."""
        kind, random, size = scratch(kind), scratch(random), scratch(U64)
        bytes = random.next()
        with if_(kind == BlockKind.HEAP):
            mov(size, bytes)
            bits = random.next()
            mov(rcx, bits)
            and_(ecx, SIZE_BITS)
            mov(eax, 1)
            shl(eax, cl)
            dec(eax)
            and_(rax, size)
            add(rax, sizeof(Block))
        with else_():
            mov(rcx, bytes)
            and_(ecx, LARGEST_ORDER)
            mov(eax, PAGE)
            shl(eax, cl)
        ret(rax)

    @function
    def _allocate(self, kind: U64, size: Keep[U64]) -> Owned[Ptr[Block]]:
        """Allocate `size` bytes of this `kind`. Return null if there is no memory."""
        with switch(kind):
            with case(BlockKind.HEAP):
                ret(cast(self.heap.allocate(size), Ptr[Block]))
            with case(BlockKind.PAGES):
                block = keep(self.pages.allocate(self._order(size)))
                with if_(block != 0):
                    direct(block)
                ret(cast(block, Ptr[Block]))
        shr(size, PageShift.PAGE)
        ret(cast(self.runtime.allocate(size), Ptr[Block]))

    @inline(changes=CALLER_SAVED)
    def _order(self, size: U64) -> U32:
        """log2 of the pages in `size` bytes."""
        xor(eax, eax)  # `bsr` may leave it as it was
        bsr(rax, size)
        sub(eax, PageShift.PAGE)
        return u32(eax)

    @function
    def _drop(self, block: Keep[Owned[Ptr[Block]]]) -> None:
        """Look at every byte, and give the memory back."""
        self._verify(block)
        mov(rax, block.kind)
        with switch(rax):
            with case(BlockKind.HEAP):
                self.heap.free(u64(block))
            with case(BlockKind.PAGES):
                order = keep(self._order(block.size))
                mov(rax, Area.DIRECT_MAP)
                sub(u64(block), rax)
                self.pages.free(u64(block), order)
            with case(BlockKind.RUNTIME):
                self.runtime.free(u64(block))
            with default():
                disown(block, "nobody knows any more what it is")
                lock.inc(self.violations)

    @inline(changes=("block", rax, rcx, rdx))
    def _begin_body(self, block: Ptr[Block]) -> None:
        """Load what a string instruction needs for all after the head: the address in rdi, words in
        rcx, further bytes in rdx, the seed in rax."""
        mov(rax, block.seed)
        mov(rdx, block.size)
        sub(rdx, sizeof(Block))
        mov(rcx, rdx)
        shr(rcx, 3)
        and_(edx, sizeof(U64) - 1)
        lea(rdi, bare[u64(block) + sizeof(Block)])

    @function
    def _fill(self, block: Ptr[Block]) -> None:
        """Write every byte."""
        self._begin_body(block)
        rep.stosq()
        mov(ecx, edx)
        rep.stosb()

    @function
    def _verify(self, block: Ptr[Block]) -> None:
        """Count a violation if some byte is not as it was written."""
        self._begin_body(block)
        cmp(eax, eax)  # sets ZF, which `scas` leaves if rcx is 0
        repe.scasq()
        with if_(ZF):
            mov(ecx, edx)
            cmp(eax, eax)
            repe.scasb()
        with if_(~ZF):
            lock.inc(self.violations)
