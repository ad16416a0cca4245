"""The switch from 32-bit code to long mode, which every processor makes once."""

from __future__ import annotations

from kernel.boot.tables import BootTables
from kernel.cpu.control import Cr0, Cr4, Efer, Msr
from kernel.cpu.segments import Selector
from pykasm import *


@inline
def enter_long_mode(tables: BootTables, target: object) -> None:
    """Enable paging by `tables` and long mode, in 32-bit code, and jump to `target`.

    Context: protected mode without paging. The order of the steps is
    that of AMD64 APM vol. 2, 14.6: PAE, CR3 and EFER.LME before CR0.PG, which activates long mode.
    """
    mov(eax, Cr4.PAE)
    mov(cr4, eax)
    mov(eax, address_of(tables.root))
    mov(cr3, eax)
    mov(ecx, Msr.EFER)
    mov(eax, Efer.LME)
    xor(edx, edx)
    wrmsr()
    mov(eax, Cr0.PG | Cr0.WP | Cr0.NE | Cr0.ET | Cr0.PE)
    mov(cr0, eax)
    lgdt(bare[address_of(tables.segments_pointer)])
    ljmp(far(Selector.CODE, target))  # until CS is loaded, the processor is in compatibility mode


@inline
def enter_higher_half(target: object) -> None:
    """Jump from 64-bit code at its physical address to `target` at its linked one."""
    mov(eax, Selector.DATA)
    for segment in (ds, es, fs, gs, ss):
        mov(segment, eax)
    mov(rax, address_of(target))  # absolute: 2 GiB away is at the limit of a relative jump
    jmp(rax)
