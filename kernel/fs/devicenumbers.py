"""Numbers of devices, as programs have them (makedev(3))."""

from __future__ import annotations

from kernel.fs.characterdevices import MINOR_BITS
from pykasm import *

LOW_MINOR_BITS = 8
"""Bits of the minor number that are lowest for programs, as once it had no more."""

MAJOR_BITS = 12
"""Bits of the major number, which lie above those; the rest of the minor number is above it."""

LOW_MINOR = (1 << LOW_MINOR_BITS) - 1
MAJOR = (1 << MAJOR_BITS) - 1
HIGH_MINOR = (1 << MINOR_BITS) - 1 & ~LOW_MINOR


@inline(changes=(rax, rcx, rdx))
def encode_device() -> None:
    """Turn the kernel's number of a device in rax into that which programs see."""
    mov(rcx, rax)
    mov(rdx, rax)
    and_(eax, LOW_MINOR)
    and_(ecx, HIGH_MINOR)
    shl(rcx, MAJOR_BITS)
    shr(rdx, MINOR_BITS)
    shl(rdx, LOW_MINOR_BITS)
    or_(rax, rcx)
    or_(rax, rdx)


@inline(changes=(rax, rcx))
def decode_device(device: U32) -> U64:
    """Return the kernel's number of the `device` that a program names."""
    mov(ecx, device)
    shr(ecx, LOW_MINOR_BITS)
    and_(ecx, MAJOR)
    shl(rcx, MINOR_BITS)
    mov(eax, device)
    and_(eax, LOW_MINOR)
    or_(rcx, rax)
    mov(eax, device)
    shr(eax, MAJOR_BITS)
    and_(eax, HIGH_MINOR)
    or_(rcx, rax)
    return rcx


@inline(changes=(rax, rcx))
def split_device(major: U32, minor: U32) -> None:
    """Store the two parts of the number in rax, as programs see it."""
    mov(rcx, rax)
    shr(rcx, LOW_MINOR_BITS)
    and_(ecx, MAJOR)
    mov(major, ecx)
    mov(rcx, rax)
    shr(rcx, MAJOR_BITS)
    and_(ecx, HIGH_MINOR)
    and_(eax, LOW_MINOR)
    or_(eax, ecx)
    mov(minor, eax)
