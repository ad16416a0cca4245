"""Structs of programs that may be of another version than the kernel's."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.vm.usercopy import UserCopy
from pykasm import *

CHUNK = 64
"""Bytes of a newer version that are looked at in one go."""


class StructCopy(Subsystem):
    """Copies in structs whose size a program gives, as newer versions have more fields (Linux:
    `copy_struct_from_user`). Context: thread."""

    def __init__(self, copy: UserCopy) -> None:
        self.copy = copy

    @function(context="thread", sleeps=True)
    def copy_in(
        self,
        destination: Keep[U64],
        known: Keep[U64],
        source: Keep[Fetched[User[U8]]],
        size: Keep[Untrusted[U64]],
    ) -> OrErrno[I64]:
        """Copy the struct of `size` bytes at the program's `source` to `destination`, which has
        `known` bytes: fields that the program does not know are 0. Returns 0; -E2BIG if it has
        more than is known, and not only zeros there, or -EFAULT."""
        fail_if(size > PAGE, Errno.E2BIG)
        mov(rdi, destination)
        mov(rcx, known)
        xor(eax, eax)
        rep.stosb()
        with if_(size <= known):
            tail(self._copy_bytes, destination, source, size)
        try_(self._copy_bytes(destination, source, known))
        add(u64(source), known)
        sub(size, known)
        tail(self._check_zeros, source, size)

    @function(context="thread", sleeps=True)
    def _copy_bytes(
        self, destination: U64, source: Fetched[User[U8]], length: Untrusted[U64]
    ) -> OrErrno[I64]:
        """Copy in `length` bytes, as many as there is room for. Returns 0 or -EFAULT."""
        trust(length, "the caller has compared it")
        result, left = self.copy.copy_in(destination, source, length)
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _check_zeros(
        self, source: Keep[Fetched[User[U8]]], length: Keep[Untrusted[U64]]
    ) -> OrErrno[I64]:
        """Return 0 if there are only zeros in `length` bytes at `source`; -E2BIG or -EFAULT."""
        chunk = local(U8 * CHUNK)
        part = keep(U64)
        with while_(length != 0):
            mov(part, CHUNK)
            with if_(length < part):
                mov(part, length)
            try_(self._copy_bytes(address_of(chunk), source, part))
            lea(rdi, chunk)
            mov(rcx, part)
            xor(eax, eax)
            repe.scasb()  # CX is not 0 here, so ZF is of the last byte
            fail_if(~ZF, Errno.E2BIG)
            add(u64(source), part)
            sub(length, part)
        ret(0)
