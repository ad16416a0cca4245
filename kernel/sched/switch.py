"""The change from one thread's stack to another's."""

from __future__ import annotations

from kernel.paging.space import Space
from kernel.processors.processors import Processors
from kernel.sched.thread import Thread
from pykasm import *

SAVED = (rbp, rbx, r12, r13, r14, r15)
"""What a function leaves as it was (System V ABI AMD64 supplement, figure 3.4): the caller of a
switch has saved whatever else it needs. Interrupts are off at both ends, so flags are alike."""


class SavedRegisters(Struct):
    """What a switch leaves on a thread's stack, at `Thread.stack_pointer`."""

    r15: U64
    r14: U64
    r13: U64
    r12: U64
    rbx: U64
    rbp: U64
    rip: U64


class Switch(Subsystem):
    """The switch of a processor from one thread to another."""

    kernel_root = bss(U64)
    """The physical address of the kernel's own top page table, set before there are others."""

    def __init__(self, processors: Processors) -> None:
        self.processors = processors

    @naked(moves=True)
    def to(self, previous: Ptr[Thread], next: Ptr[Thread]) -> None:
        """Leave `previous`, which called this, and return to where `next` called it.

        Interrupts are off. Once `previous.stack_pointer` is written, another processor may go on
        with that thread: nothing here touches its stack afterwards.
        """
        for register in SAVED:
            push(register)
        mov(rax, next.space)
        with if_(rax != previous.space):  # a load of CR3 flushes the TLB: only where it must be
            self.use(rax)
        mov(rax, next.stack_pointer)
        mov(next.stack_pointer, 0)  # before this processor runs on that stack: nobody steals it
        # After all pushes: x86 keeps stores in order, so who sees this finds the stack complete.
        mov(previous.stack_pointer, rsp)
        mov(rsp, rax)
        for register in reversed(SAVED):
            pop(register)
        ret()

    @inline(changes=("space", rcx))
    def use(self, space: Ptr[Space]) -> None:
        """Load CR3 with the page tables of `space`, a register; null: the kernel's.

        `Tlb` looks at what processors note here when it has changed an entry. Context:
        interrupts off.
        """
        root = u64(space)
        with if_(space != 0):
            mov(root, cast(space, Ptr[Space]).root)
        with else_():
            mov(root, self.kernel_root)
        mov(rcx, root)
        xchg(self.processors.own.root, rcx)  # seen by others before an entry is read
        mov(cr3, root)
