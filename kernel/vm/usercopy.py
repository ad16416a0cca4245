"""Copies between the kernel and programs."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.paging.addresses import LOWER_HALF_END
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.demandpaging import DemandPaging
from kernel.vm.rights import Rights
from kernel.vm.useraccess import OF_COPIES, UserAccess
from pykasm import *

PIECE = 128
"""Bytes of a string that are copied at once, up to a multiple of it: more than most names have, and
a part of a page."""


class UserCopy(Subsystem):
    """The only way to the memory of programs, in the space that the current thread is in; what BSD
    calls copyin, copyout and copyinstr.

    Addresses may be any numbers. The results are 0, -EFAULT or -ENOMEM, and how many bytes were not
    copied; all before those were. Context: thread, without spin locks.
    """

    def __init__(self, access: UserAccess, spaces: AddressSpaces, paging: DemandPaging) -> None:
        self.access = access
        self.spaces = spaces
        self.paging = paging

    @function(context="thread", sleeps=True)
    def copy_in(
        self, destination: U64, source: Fetched[User[U8]], length: Bounded[U64]
    ) -> tuple[OrErrno[I32], U64]:
        """Copy `length` bytes from the program's `source` to the kernel's `destination`. Returns 0,
        -EFAULT or -ENOMEM, and how many are left."""
        with if_(self.is_outside(u64(source), length)):
            ret(-Errno.EFAULT, length)
        self._copy_at_once(destination, u64(source), length, Rights.READ)

    @function(context="thread", sleeps=True)
    def copy_out(
        self, destination: User[U8], source: Disclosed[U64], length: Bounded[U64]
    ) -> tuple[OrErrno[I32], U64]:
        """Copy `length` bytes from the kernel's `source` to the program's `destination`. Returns 0,
        -EFAULT or -ENOMEM, and how many are left."""
        with if_(self.is_outside(u64(destination), length)):
            ret(-Errno.EFAULT, length)
        self._copy_at_once(u64(destination), source, length, Rights.WRITE)

    @inline(changes=("destination", "source", "length", *CALLER_SAVED))
    def copy_in_all(self, destination: Any, source: Any, length: Any) -> None:
        """Do what `copy_in` does. The caller's function fails with -EFAULT if anything is left."""
        result, left = self.copy_in(destination, source, length)
        ignore(left, "nothing or all counts")
        fail_if(result != 0, Errno.EFAULT)

    @inline(changes=("destination", "source", "length", *CALLER_SAVED))
    def copy_out_all(self, destination: Any, source: Any, length: Any) -> None:
        """Do what `copy_out` does. The caller's function fails with -EFAULT if anything is left."""
        result, left = self.copy_out(destination, source, length)
        ignore(left, "nothing or all counts")
        fail_if(result != 0, Errno.EFAULT)

    @function(context="thread", sleeps=True)
    def copy_out_word(self, destination: User[U8], value: U32) -> OrErrno[I64]:
        """Copy a word of 4 bytes to the program's `destination`. Returns 0, -EFAULT or -ENOMEM."""
        word = local(U32)
        mov(word, value)
        result, left = self.copy_out(destination, address_of(word), sizeof(U32))
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def copy_out_pair(self, destination: Keep[User[U8]], first: U64, second: U64) -> OrErrno[I64]:
        """Copy two words of 8 bytes to the program's `destination`. Returns 0, -EFAULT or
        -ENOMEM."""
        pair, size = local(U64 * 2), 2 * sizeof(U64)
        mov(pair[0], first)
        mov(pair[1], second)
        with (
            if_(~self.is_outside(u64(destination), size)),
            if_(self.access.store_pair(u64(destination), first, second) == 0),
        ):
            ret(0)
        # Its page has to be found first
        result, left = self.copy_out(destination, address_of(pair), size)
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    @inline(changes=rcx)
    def is_outside(self, start: U64, length: Any) -> Condition:
        """Return whether some of the bytes lie where programs have none."""
        mov(rcx, LOWER_HALF_END)  # an end at 2^47 is canonical; the last page is no program's
        sub(rcx, start)
        return CF | (rcx < length)

    @inline(changes=("destination", "source", "length", *OF_COPIES))
    def _copy_at_once(self, destination: U64, source: U64, length: U64, wanted: Rights) -> None:
        """Copy from `source`, which is rsi, to `destination`, rdi, and return from the caller's
        function. If pages have to be found first, `_copy` begins again."""
        to, origin, size = scratch(destination), scratch(source), scratch(length)
        with if_(self.access.copy_here() == 0):
            ret(0, 0)
        tail(self._copy, to, origin, size, wanted)

    @function(context="thread", sleeps=True)
    def _copy(
        self, destination: Keep[U64], source: Keep[U64], length: U64, wanted: Keep[U32]
    ) -> tuple[OrErrno[I32], U64]:
        """Copy `length` bytes where one side is a program's, for which the right `wanted` is
        needed."""
        left = keep(length)
        result = keep(I32)
        with loop():
            rest, fault = self.access.copy(destination, source, left)
            with if_(rest == 0):
                ret(0, 0)
            self._advance(destination, source, left, rest)
            mov(result, self.resolve_fault(fault, wanted))
            break_if(result != 0)
        # Bytes of the same word as the one that faulted were not copied yet
        rest, fault = self.access.copy_bytewise(destination, source, left)
        ignore(fault)
        with if_(rest == 0):
            ret(0, 0)
        mov(rdx, rest)
        ret(result, rdx)

    @inline(changes=("destination", "source", "left"))
    def _advance(self, destination: U64, source: U64, left: U64, rest: U64) -> None:
        """Move on to where `rest` bytes are left, of which there were `left`."""
        sub(left, rest)
        add(destination, left)
        add(source, left)
        mov(left, rest)

    @function(context="thread", sleeps=True)
    def resolve_fault(self, fault: Keep[U64], wanted: Keep[U32]) -> OrErrno[I32]:
        """Make the page at `fault` accessible. Returns 0, -EFAULT or -ENOMEM."""
        space = try_(self.spaces.current(), Errno.EFAULT)
        thread = scratch(self.spaces.scheduler.current)
        inc(thread.faults)
        release(thread)
        result = self.paging.resolve_fault(space, fault, wanted)
        with if_(result == -Errno.ENXIO):  # a file ends before: to the copy it is all the same
            ret(-Errno.EFAULT)
        ret(result)

    @function(context="thread", sleeps=True)
    def copy_in_string(
        self, destination: Keep[U64], source: Keep[Fetched[User[U8]]], size: Bounded[U64]
    ) -> OrErrno[I64]:
        """Copy a string up to its zero into the `size` bytes at `destination`. Returns its length;
        -ENAMETOOLONG if there is no zero in so many bytes, -EFAULT or -ENOMEM."""
        left, chunk = keep(size), keep(U64)
        length = keep(U64)
        xor(u32(length), u32(length))
        with while_(left != 0):
            self._chunk(chunk, u64(source), left)
            result, rest = self.copy_in(destination, source, chunk)
            ignore(rest)
            with if_(result != 0):
                movsxd(rax, result)
                ret(rax)
            # In the kernel's copy: the program could change its own meanwhile
            mov(rdi, destination)
            mov(rcx, chunk)
            xor(eax, eax)
            repne.scasb()
            with if_(ZF):
                lea(rax, bare[rdi + length - 1])  # `scasb` has gone one byte past the zero
                sub(rax, destination)
                ret(rax)
            for register in (destination, u64(source), length):
                add(register, chunk)
            sub(left, chunk)
        ret(-Errno.ENAMETOOLONG)

    @inline(changes="chunk")
    def _chunk(self, chunk: U64, source: U64, left: U64) -> None:
        """Set `chunk` to the bytes from `source` to the end of its piece, at most `left`. The next
        one may lie in a page that is not there, and the string may end before it."""
        mov(chunk, source)
        or_(chunk, -PIECE)
        neg(chunk)
        with if_(chunk > left):
            mov(chunk, left)
