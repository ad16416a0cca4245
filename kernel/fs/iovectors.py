"""Copies to and from whatever memory is read into and written from."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.iovector import IoSegment, IoVector
from kernel.vm.useraccess import OF_COPIES
from kernel.vm.usercopy import UserCopy
from pykasm import *

PIECE = 256
"""Bytes that are taken from a program at once, on their way to who wants them in the kernel's
memory."""


class IoVectors(Subsystem):
    """Moves bytes between the kernel's memory and an `IoVector`, which goes on by as many. A copy
    that comes to addresses which a program does not have ends there. Context: thread."""

    def __init__(self, copies: UserCopy) -> None:
        self.copies = copies

    @function(context="thread", sleeps=True)
    def copy_to(self, vector: Ptr[IoVector], source: U64, length: U64) -> U64:
        """Copy `length` bytes from the kernel's `source` to `vector`, or as many as there is room
        for. Returns how many were copied."""
        place, memory, wanted = self._place(vector, source, length)
        mov(rdi, place.address)  # rsi has `source` already
        self._copy_at_once(place, memory, wanted, self._copy_to_parts)

    @function(context="thread", sleeps=True)
    def copy_from(self, vector: Ptr[IoVector], target: U64, length: U64) -> U64:
        """Copy `length` bytes from `vector` to the kernel's `target`, or as many as there are.
        Returns how many were copied."""
        place, memory, wanted = self._place(vector, target, length)
        mov(rsi, place.address)
        mov(rdi, memory)
        self._copy_at_once(place, memory, wanted, self._copy_from_parts)

    @inline
    def _place(
        self, vector: Ptr[IoVector], memory: U64, length: U64
    ) -> tuple[Ptr[IoVector], U64, U64]:
        """Return what is given in registers that a copy leaves alone."""
        place, kept, wanted = scratch(vector), scratch(memory), scratch(length)
        return place, kept, wanted

    @inline(changes=OF_COPIES)
    def _copy_at_once(self, place: Ptr[IoVector], memory: U64, wanted: U64, parts: Any) -> None:
        """Copy `wanted` bytes from rsi to rdi, if that is one piece of a program's memory, as it
        mostly is, and return from the caller's function. What does not come to its end begins again
        by the function `parts`."""
        with (
            if_((place.is_user != 0) & (wanted <= place.length)),
            if_(~self.copies.is_outside(place.address, wanted)),
        ):
            mov(rdx, wanted)
            with if_(self.copies.access.copy_here() == 0):
                add(place.address, wanted)
                sub(place.length, wanted)
                sub(place.left, wanted)
                ret(wanted)
        tail(parts, place, memory, wanted)

    @function(context="thread", sleeps=True)
    def _copy_to_parts(
        self, vector: Keep[Ptr[IoVector]], source: Keep[U64], length: Keep[U64]
    ) -> U64:
        """Do what `copy_to` does, with whatever there is."""
        self._copy(vector, source, length, self._copy_out)

    @function(context="thread", sleeps=True)
    def _copy_from_parts(
        self, vector: Keep[Ptr[IoVector]], target: Keep[U64], length: Keep[U64]
    ) -> U64:
        """Do what `copy_from` does, with whatever there is."""
        self._copy(vector, target, length, self._copy_in)

    @inline(changes=CALLER_SAVED)
    def write_in_pieces(self, file: Ptr[File], vector: Ptr[IoVector], write_piece: Any) -> None:
        """Write all of `vector` to `file` by way of the kernel's memory, and return from the
        caller's function, which is a `WriteFile`: how much was written, where something ended it;
        if nothing was, -EFAULT or the error of `write_piece`, which is given the file, the address
        of bytes and their number, and returns how many it has written."""
        piece, total, done = local(U8 * PIECE), keep(I64), keep(I64)
        xor(u32(total), u32(total))
        xor(u32(done), u32(done))
        with while_(vector.left != 0):
            lea(rsi, piece)
            mov(done, i64(self.copy_from(vector, rsi, PIECE)))
            with if_(done == 0):
                mov(done, -Errno.EFAULT)
            with else_():
                mov(done, write_piece(file, address_of(piece), u64(done)))
            break_if(done <= 0)
            add(total, done)
        with if_(total == 0):
            ret(done)
        ret(total)

    @inline(changes=("memory", "length", *CALLER_SAVED))
    def _copy(self, vector: Ptr[IoVector], memory: U64, length: U64, copy: Any) -> None:
        """Copy piece by piece by the function `copy`, and return from the caller's function."""
        chunk, copied = keep(U64), keep(U64)
        xor(u32(copied), u32(copied))
        with while_(length != 0):
            mov(chunk, self._next(vector, length))
            break_if(chunk == 0)
            rest = copy(vector, memory, chunk)
            sub(chunk, rest)
            for one in (vector.address, memory, copied):
                add(one, chunk)
            for one in (vector.length, vector.left, length):
                sub(one, chunk)
            break_if(rest != 0)
        ret(copied)

    @function
    def _next(self, vector: Ptr[IoVector], wanted: U64) -> U64:
        """Go on to the next segment that is not empty, if the present one is. Returns how many of
        the `wanted` bytes lie in it; 0 at the end of all."""
        mov(rax, vector.length)
        with while_((rax == 0) & (vector.rest_count != 0)):
            segment = scratch(vector.rest)
            mov(rax, segment.address)
            mov(vector.address, rax)
            mov(rax, segment.length)
            mov(vector.length, rax)
            add(vector.rest, sizeof(IoSegment))
            dec(vector.rest_count)
            release(segment)
        with if_(rax > wanted):
            mov(rax, wanted)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _copy_out(self, vector: Ptr[IoVector], source: U64, length: U64) -> U64:
        """Copy to the present segment. Returns how many bytes were not copied."""
        with if_(vector.is_user == 0):
            mov(rcx, length)
            mov(rdi, vector.address)
            rep.movsb()
            ret(0)
        result, rest = self.copies.copy_out(cast(vector.address, User[U8]), source, length)
        ignore(result, "that bytes were not copied says it")
        ret(rest)

    @function(context="thread", sleeps=True)
    def _copy_in(self, vector: Ptr[IoVector], target: U64, length: U64) -> U64:
        """Copy from the present segment. Returns how many bytes were not copied."""
        with if_(vector.is_user == 0):
            mov(rcx, length)
            mov(rax, vector.address)
            mov(rdi, target)
            mov(rsi, rax)
            rep.movsb()
            ret(0)
        result, rest = self.copies.copy_in(target, cast(vector.address, User[U8]), length)
        ignore(result, "that bytes were not copied says it")
        ret(rest)
