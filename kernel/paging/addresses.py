"""The plan of the address space: what lies where."""

from enum import IntEnum

from kernel.cpu.pagetable import PAGE, PageShift
from pykasm import *
from pykasm.lang.codemodel import VIRTUAL_BASE


class Area(IntEnum):
    """Where each part of the kernel's half of the address space begins."""

    DIRECT_MAP = 0xFFFF_8000_0000_0000
    """All physical memory, never executable."""
    RUNTIME = 0xFFFF_C000_0000_0000
    """Mappings made at run time: stacks with guard pages, device registers, large allocations."""
    FRAME_TABLE = 0xFFFF_E000_0000_0000
    """One record for each physical page."""
    IMAGE = VIRTUAL_BASE
    """The kernel image: physical address 0 would be here."""


MEMORY_END = Area.RUNTIME - Area.DIRECT_MAP
"""Where the physical memory ends that the direct map has room for."""

RUNTIME_END = Area.RUNTIME + (1 << PageShift.TOP)
"""One entry of the top page table, so that all address spaces share what lies below it."""

LOWER_HALF_END = 0x0000_8000_0000_0000
"""User space lies below; canonical addresses go on at `Area.DIRECT_MAP` (AMD64 APM vol. 2, 1.1.3:
bits 63 to 48 repeat bit 47)."""


class PhysicalAddress(U64, remote=True):
    """An address as memory and devices see it, behind the page tables."""


class UserAddress(U64):
    """An address in the lower half, of a program's memory."""


USER_START = 16 * PAGE
"""Where programs may begin to have memory: what lies below is a null pointer with an offset."""

USER_END = LOWER_HALF_END - PAGE
"""Where that ends: an instruction in the last page could be followed by an address that is not
canonical, which `sysretq` fails at with the kernel's privileges (Intel SDM vol. 2B, SYSRET)."""


@inline
def below_user_end(address: U64) -> Condition:
    """Return whether `address` may be one of a program, as it is below `USER_END`."""
    limit = scratch(U64)
    mov(limit, USER_END)
    release(limit)
    return address < limit


@inline
def above_user_end(end: U64) -> Condition:
    """Return whether `end` is above `USER_END`, so that what ends there is no program's. Leaves
    flags as they were before it is asked."""
    limit = scratch(U64)
    mov(limit, USER_END)
    release(limit)
    return end > limit


@inline(changes="address")
def direct(address: U64) -> None:
    """Turn the physical address in the register `address` into its address in the direct map."""
    base = scratch(U64)
    mov(base, Area.DIRECT_MAP)
    add(address, base)
    release(base)


@inline(changes="address")
def physical_of(address: U64) -> None:
    """Turn the address in the direct map, in the register `address`, into the physical one."""
    base = scratch(U64)
    mov(base, Area.DIRECT_MAP)
    sub(address, base)
    release(base)


@inline(changes=(rax, rcx, rdi))
def clear_page(page: U64) -> None:
    """Fill the page at the physical address `page` with zeros."""
    mov(rdi, page)
    direct(rdi)
    xor(eax, eax)
    mov(ecx, PAGE // sizeof(U64))
    rep.stosq()


@inline(changes=(rax, rcx, rsi, rdi))
def copy_page(destination: U64, source: U64) -> None:
    """Copy the page at the physical address `source` to that at `destination`."""
    mov(rsi, source)
    direct(rsi)
    mov(rdi, destination)
    direct(rdi)
    mov(ecx, PAGE // sizeof(U64))
    rep.movsq()
