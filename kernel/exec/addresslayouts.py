"""Where in its memory a program has what."""

from __future__ import annotations

from kernel.boot.record import BootRecord
from kernel.cpu.pagetable import PageShift
from kernel.fs.chacha import KEY_WORDS
from kernel.fs.randomness import Randomness
from kernel.paging.addresses import USER_END, UserAddress
from kernel.process.personalitycalls import NO_RANDOMIZE
from kernel.process.task import Task
from kernel.sched.scheduler import Scheduler
from kernel.vm.addressspace import AddressSpace
from pykasm import *

STACK_BITS = 22
MAPPING_BITS = 28
HEAP_BITS = 13
"""How many bits of the page numbers of stack, mappings and heap are random (Linux:
STACK_RND_MASK, mmap_rnd_bits, and 32 MiB in arch_randomize_brk of arch/x86)."""

STACK_LIMIT = 8 << 20
"""Bytes that a stack may have: RLIMIT_STACK as Linux has it at first."""

STACK_RESERVE = 128 << 20
"""Bytes below a stack's end that mappings leave to it, as it may be given a higher limit (Linux has
at least as many: MIN_GAP in arch/x86/mm/mmap.c)."""

PROGRAM_BASE = 0x5555_5555_4000
"""From where on programs begin that may lie anywhere: two thirds up (Linux: ELF_ET_DYN_BASE)."""


class AddressLayouts(Subsystem):
    """Puts the parts of each program elsewhere, so that nobody who attacks it knows where they are;
    with `norandmaps` on the kernel's command line always at the same places. Context: thread."""

    is_fixed = bss(U32)

    def __init__(self, record: BootRecord, randomness: Randomness, scheduler: Scheduler) -> None:
        self.record = record
        self.scheduler = scheduler
        self.randomness = randomness

    @function(init=True)
    def start(self) -> None:
        """Look at the command line."""
        fixed = self.record.has_option(text("norandmaps"))
        mov(self.is_fixed, fixed)

    @function
    def _is_fixed(self) -> Bool:
        """Return whether all lies at the same places, because the kernel was told so, or the
        program that runs another one."""
        thread = scratch(self.scheduler.current)
        with if_(self.is_fixed != 0):
            ret(True)
        task = scratch(cast(thread.user, Ptr[Task]))
        with if_(task == 0):
            ret(False)
        ret((task.personality & NO_RANDOMIZE) != 0)

    @function
    def _distance(self, bits: Keep[U32]) -> U64:
        """Return a random number of pages, of so many bits, in bytes; 0 if nothing is random."""
        block = local(U8 * (sizeof(U32) * KEY_WORDS))
        with if_(self._is_fixed()):
            ret(0)
        self.randomness.next_block(address_of(block))
        mov(eax, u32(block[0]))
        mov(ecx, 32)
        sub(ecx, bits)
        shr(eax, cl)
        shl(rax, PageShift.PAGE)
        ret(rax)

    @function
    def place_stack(self, space: Keep[Ptr[AddressSpace]]) -> None:
        """Set where the stack of `space` ends and may grow to, and below which mappings lie."""
        distance, top = self._distance(STACK_BITS), keep(UserAddress)
        mov(top, USER_END)
        sub(top, distance)
        mov(space.stack_top, top)
        mov(space.stack_limit, STACK_LIMIT)
        mov(top, USER_END - STACK_RESERVE)
        with if_(~self._is_fixed()):  # below the lowest place for a stack
            mov(rax, 1 << STACK_BITS + PageShift.PAGE)
            sub(top, rax)
        sub(top, self._distance(MAPPING_BITS))
        mov(space.mapping_top, top)

    @function
    def place_heap(self, space: Keep[Ptr[AddressSpace]], end: Keep[UserAddress]) -> None:
        """Begin the heap of `space` behind `end`, where its program ends, a page's end."""
        add(end, self._distance(HEAP_BITS))
        mov(space.heap_start, end)
        mov(space.heap_end, end)

    @function
    def program_base(self) -> U64:
        """Return where a program begins that may lie anywhere."""
        distance = scratch(self._distance(MAPPING_BITS))
        mov(rax, PROGRAM_BASE)
        add(rax, distance)
        ret(rax)
