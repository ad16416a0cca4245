"""What the entries of page tables may hold on this processor."""

from kernel.cpu.control import Efer, Msr
from kernel.cpu.features import Extended, Features
from kernel.cpu.pagetable import ADDRESS_MASK, NO_EXECUTE, PageShift
from kernel.paging.addresses import MEMORY_END
from pykasm import *


class EntryFormat(Subsystem):
    """The bits of entries and the sizes of pages that the processor has. All processors of a
    machine are taken to be alike in these."""

    address_mask = rodata(U64, ADDRESS_MASK)
    """The bits of an entry that are a physical address."""
    allowed = data(U64, NO_EXECUTE - 1)
    """The bits of an entry that may be set: all, if the processor has NX."""
    largest = data(U32, PageShift.LARGE)
    """The largest pages, a `PageShift`."""
    end = bss(U64)
    """Where the physical addresses end that entries can hold and the direct map has room for."""

    def __init__(self, features: Features) -> None:
        self.features = features

    @function(init=True)
    def start(self) -> None:
        """Find the sizes and bits, and enable NX if the processor has it."""
        mov(ecx, self.features.physical_bits)
        mov(eax, 1)
        shl(rax, cl)
        mov(rcx, MEMORY_END)
        with if_(rax > rcx):
            mov(rax, rcx)
        mov(self.end, rax)
        with if_(self.features.extended & Extended.PAGE_1GB):
            mov(self.largest, PageShift.HUGE)
        with if_(self.features.extended & Extended.NX):
            mov(self.allowed, -1)
            self.enable_no_execute()

    @inline(changes=(rax, rcx, rdx))
    def enable_no_execute(self) -> None:
        """Enable NX on this processor, if `allowed` has it, before it uses the page tables. Without
        that the bit is reserved, and faults."""
        with if_(i64(self.allowed) == -1):
            mov(ecx, Msr.EFER)
            rdmsr()
            or_(eax, Efer.NXE)
            wrmsr()
