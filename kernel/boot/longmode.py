"""The way to 64-bit code at the kernel's addresses, which every processor goes."""

from __future__ import annotations

from kernel.boot.tables import BootTables
from kernel.cpu.control import Cr0, Cr4, Efer, Msr
from kernel.cpu.segments import Selector
from pykasm import *


def enter_long_mode(tables: BootTables, place: object) -> None:
    """Emit 32-bit code, run without paging, that switches paging by `tables` and long mode on
    (AMD64 APM vol. 2, 14.6) and goes on at `place`. Changes eax, ecx and edx."""
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
    ljmp(far(Selector.CODE, place))


def go_to_higher_half(place: object) -> None:
    """Emit the first 64-bit code, at its physical address, which goes on at `place`."""
    mov(eax, Selector.DATA)
    for segment in (ds, es, fs, gs, ss):
        mov(segment, eax)
    mov(rax, address_of(place))
    jmp(rax)
