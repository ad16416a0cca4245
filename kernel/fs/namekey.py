"""What names are looked up by."""

from __future__ import annotations

from kernel.fs.inode import Dentry
from pykasm import *

FNV_OFFSET, FNV_PRIME = 0xCBF2_9CE4_8422_2325, 0x100_0000_01B3
"""Fowler, Noll and Vo's hash, FNV-1a of 64 bits."""


class NameKey(Struct):
    """A name in a directory, which need not be there; Linux calls it a quick string."""

    parent: Ptr[Dentry]
    text: Ptr[U8]
    """Ends with a zero or a slash, which do not belong to it."""
    length: U64
    hash: U64

    @inline(changes=(rax, rcx, rdx))
    def measure(self) -> None:
        """Compute length and hash of the text."""
        text, hash, prime = scratch(self.text), scratch(U64), scratch(U64)
        mov(hash, FNV_OFFSET)
        mov(prime, FNV_PRIME)
        xor(ecx, ecx)
        with loop():
            movzx(eax, text[rcx])
            with if_(eax <= ord("/")):  # what few bytes are
                break_if((eax == 0) | (eax == ord("/")))
            xor(hash, rax)
            imul(hash, prime)
            inc(rcx)
        mov(self.length, rcx)
        mov(self.hash, hash)
        release(text, hash, prime)
