"""Parts of memory that are read or written as one."""

from __future__ import annotations

from pykasm import *


class IoSegment(Struct):
    """A row of what `readv` and `writev` are given (struct iovec)."""

    address: U64
    length: U64


class IoVector(Struct):
    """Where bytes come from or go to, and how far that has come: memory of the kernel or of a
    program, in one piece or several. Linux calls it an iov_iter."""

    address: U64
    """What comes next in the present segment."""
    length: U64
    """Bytes left there."""
    rest: Ptr[IoSegment]
    """The segments after it, as the kernel has copied them."""
    rest_count: U64
    left: U64
    """Bytes left in all."""
    is_user: U32
    """1 if the memory is a program's."""

    @inline
    def start(self, address: U64, length: U64, *, is_user: bool) -> None:
        """Begin at `length` bytes at `address`, both registers."""
        mov(self.address, address)
        mov(self.length, length)
        mov(self.left, length)
        mov(self.rest_count, 0)
        mov(self.is_user, int(is_user))

    @inline(changes=rax)
    def go_to(self, other: IoVector) -> None:
        """Go to where `other` is, which is one of the same memory."""
        copy_fields(self, other, "address", "length", "rest", "rest_count", "left")
