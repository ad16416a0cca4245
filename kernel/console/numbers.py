"""Numbers as text, and text as numbers."""

from __future__ import annotations

from pykasm import *

NUMBER_SIZE = 24
"""Bytes that any number of 64 bits fits into as text, with its sign or its unit."""

KIBI = 1024
KIBI_BITS = 10


class Numbers(Subsystem):
    """Conversions that only touch what they are given; they may be called in any context.

    Text is made from its last character to its first, as digits come: functions take the `end`
    (exclusive) of a buffer with NUMBER_SIZE bytes before it, and return where the text starts.
    """

    digits = rodata(U8 * 16, b"0123456789abcdef")
    units = rodata(U8 * 7, b" KMGTPE")
    """First letters of the binary prefixes (IEC 80000-13)."""

    @function
    def unsigned(self, value: U64, base: U64, end: Ptr[U8]) -> Ptr[U8]:
        """Write `value` to `base`, 2 to 16, with nothing in front."""
        start, divisor = scratch(end), scratch(base)
        mov(rax, value)
        with loop():
            xor(edx, edx)
            div(divisor)
            mov(dl, self.digits[rdx])
            dec(start)
            mov(at(start), dl)
            break_if(rax == 0)
        ret(start)

    @function
    def signed(self, value: I64, end: Ptr[U8]) -> Ptr[U8]:
        """Write `value` in decimal, with a minus in front if it is negative."""
        value = keep(value)
        size = scratch(value)
        with if_(value < 0):
            neg(size)
        start = self.unsigned(u64(size), 10, end)
        with if_(value < 0):
            dec(start)
            mov(at(start), ord("-"))
        ret(start)

    @function
    def size(self, size: U64, end: Ptr[U8]) -> Ptr[U8]:
        """Write a number of bytes in the largest unit it reaches, with a tenth unless that is 0.

        `1023 B`, `4 KiB`, `1.5 MiB`. What is below a tenth is cut off.
        """
        unit, rest = scratch(U64), scratch(U64)
        xor(u32(unit), u32(unit))
        xor(u32(rest), u32(rest))
        with while_(size >= KIBI):
            mov(rest, size)
            and_(rest, KIBI - 1)
            shr(size, KIBI_BITS)
            inc(unit)
        self._prepend(end, ord("B"))
        with if_(unit != 0):
            self._prepend(end, ord("i"))
            mov(al, self.units[unit])
            self._prepend(end, al)
        self._prepend(end, ord(" "))
        imul(rest, rest, 10)
        shr(rest, KIBI_BITS)
        with if_(rest != 0):
            mov(al, self.digits[rest])
            self._prepend(end, al)
            self._prepend(end, ord("."))
        tail(self.unsigned, size, 10, end)

    def _prepend(self, end: Ptr[U8], character: object) -> None:
        dec(end)
        mov(at(end), character)
