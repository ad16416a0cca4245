"""Files compressed by gzip (RFC 1952)."""

from __future__ import annotations

from enum import IntFlag

from kernel.errno import Errno
from kernel.fs.inflate import Inflate, TakeBytes
from pykasm import *

MAGIC = 0x8B1F
DEFLATE = 8
POLYNOMIAL = 0xEDB8_8320
"""Of the checksum, with its bits in the opposite order (8.)."""


class GzipFlag(IntFlag):
    """What follows the header (2.3.1)."""

    HEADER_CHECK = 1 << 1
    EXTRA = 1 << 2
    NAME = 1 << 3
    COMMENT = 1 << 4


class GzipHeader(Struct, packed=True):
    """The start of a member (2.3)."""

    magic: U16
    method: U8
    flags: U8 = field(GzipFlag)
    time: U32
    extra_flags: U8
    system: U8


class GzipTrailer(Struct, packed=True):
    """Its end."""

    check: U32
    size: U32
    """Modulo 2^32."""


def _check_of(byte: int) -> int:
    """The checksum of a byte."""
    for _ in range(8):
        byte = byte >> 1 ^ (POLYNOMIAL if byte & 1 else 0)
    return byte


class Gzip(Subsystem):
    """Decompresses a member of a file in memory. Context: one thread."""

    table = rodata(U32 * 256, [_check_of(byte) for byte in range(256)])
    check = bss(U32)
    size = bss(U32)
    take = bss(TakeBytes)

    def __init__(self, inflate: Inflate) -> None:
        self.inflate = inflate

    @function
    def is_member(self, start: Ptr[U8], length: U64) -> Bool:
        """Return whether a member begins at `start`, in `length` bytes."""
        fail_if(length < sizeof(GzipHeader))
        ret(u16(at(start)) == MAGIC)

    @function(context="thread", sleeps=True)
    def run(
        self, start: Keep[Ptr[U8]], length: Keep[U64], take: TakeBytes
    ) -> tuple[OrErrno[I32], U64]:
        """Decompress the member at `start`, in `length` bytes, and give it to `take` in pieces.
        Returns 0 and how long the member is; or an error, -EINVAL if it is damaged."""
        end, result = keep(Ptr[U8]), keep(I32)
        mov(self.take, take)
        mov(self.check, -1)
        mov(self.size, 0)
        mov(end, start)
        add(u64(end), length)
        place = self._skip_header(start, end)
        with if_(place == 0):
            ret(-Errno.EINVAL, 0)
        mov(rsi, end)
        sub(rsi, place)
        failed, rest = self.inflate.run(place, rsi, address_of(self._take))
        mov(result, failed)
        with if_(result != 0):
            ret(result, 0)
        place = keep(rest)
        with if_(~self._is_right(place, end)):
            ret(-Errno.EINVAL, 0)
        lea(rax, bare[u64(place) + sizeof(GzipTrailer)])
        sub(rax, start)
        ret(0, rax)

    @function
    def _skip_header(self, start: Ptr[U8], end: Ptr[U8]) -> OrNull[Ptr[U8]]:
        """Return where the compressed data begins, or null if the header is damaged."""
        header, place, flags = scratch(cast(start, Ptr[GzipHeader])), scratch(start), scratch(U32)
        fail_if((header.magic != MAGIC) | (header.method != DEFLATE))
        movzx(flags, header.flags)
        add(place, sizeof(GzipHeader))
        with if_(flags & GzipFlag.EXTRA):
            lea(rax, bare[u64(place) + sizeof(U16)])
            fail_if(rax > u64(end))
            movzx(ecx, u16(at(place)))
            add(rax, rcx)
            mov(place, cast(rax, Ptr[U8]))
        for flag in (GzipFlag.NAME, GzipFlag.COMMENT):
            with if_(flags & flag), loop():  # up to the zero at the end of a text
                fail_if(place >= end)
                mov(al, at(place))
                inc(place)
                break_if(al == 0)
        with if_(flags & GzipFlag.HEADER_CHECK):
            add(place, sizeof(U16))
        fail_if(place > end)
        ret(place)

    @function
    def _is_right(self, place: Ptr[U8], end: Ptr[U8]) -> Bool:
        """Return whether there is a trailer at `place` that tells of what was given out."""
        trailer = scratch(cast(place, Ptr[GzipTrailer]))
        sub(end, place)
        fail_if(u64(end) < sizeof(GzipTrailer))
        mov(eax, self.check)
        not_(eax)
        mov(ecx, self.size)
        ret((trailer.check == eax) & (trailer.size == ecx))

    @function(context="thread", sleeps=True, recursion=1)  # nobody decompresses what it takes
    def _take(self, bytes: Ptr[U8], length: U64) -> OrErrno[I32]:
        """Note what `bytes` add to the checksum, and give them on, as `TakeBytes` says."""
        place, left, check = scratch(bytes), scratch(length), scratch(self.check)
        add(self.size, u32(length))
        with while_(left != 0):
            movzx(eax, at(place))
            xor(al, u8(check))
            shr(check, 8)
            xor(check, self.table[rax])
            inc(place)
            dec(left)
        mov(self.check, check)
        taken = self.take(bytes, length)
        ret(taken)
