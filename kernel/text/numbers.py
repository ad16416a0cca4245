"""Numbers as text, and text as numbers."""

from __future__ import annotations

from pykasm import *

NUMBER_SIZE = 24
"""Bytes that any number of 64 bits fits into as text, with its sign or its unit."""

HEXADECIMAL, DECIMAL = 16, 10
NO_DIGIT = 0xFF

UNIT_BITS = 10
"""Each unit is 2**10 of the one below it."""


def _digit_value(code: int) -> int:
    found = "0123456789abcdef".find(chr(code).lower())
    return found if found >= 0 else NO_DIGIT


class Numbers(Subsystem):
    """Conversions that only touch what they are given; they may be called in any context.

    Text is made from its last character to its first, as digits come: functions take the `end`
    (exclusive) of a buffer with NUMBER_SIZE bytes before it, and return where the text starts.
    """

    digits = rodata(U8 * 16, b"0123456789abcdef")
    digit_values = rodata(U8 * 256, bytes(_digit_value(code) for code in range(256)))
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
        unit, rest = scratch(U64), scratch(size)
        mov(rax, size)
        or_(rax, 1)  # so that there is a highest bit
        bsr(rax, rax)
        xor(edx, edx)
        mov(ecx, UNIT_BITS)
        div(ecx)
        mov(unit, rax)
        imul(ecx, eax, UNIT_BITS)
        shr(size, cl)
        mov(rax, size)
        shl(rax, cl)
        sub(rest, rax)
        imul(rest, rest, 10)
        shr(rest, cl)
        self._prepend(end, ord("B"))
        with if_(unit != 0):
            self._prepend(end, ord("i"))
            mov(al, self.units[unit])
            self._prepend(end, al)
        self._prepend(end, ord(" "))
        with if_(rest != 0):
            mov(al, self.digits[rest])
            self._prepend(end, al)
            self._prepend(end, ord("."))
        tail(self.unsigned, size, 10, end)

    @function
    def parse(self, string: Ptr[U8]) -> tuple[U64, U32]:
        """The number that `string` is, in decimal or, after `0x`, in hexadecimal; and 1.

        Both are 0 if it is none, or one of more than 64 bits.
        """
        base = scratch(U64)
        mov(u32(base), DECIMAL)
        with if_((string[0] == ord("0")) & ((string[1] == ord("x")) | (string[1] == ord("X")))):
            mov(u32(base), HEXADECIMAL)
            add(string, len("0x"))
        value, digit = rax, rcx
        xor(u32(value), u32(value))
        with loop():
            movzx(u32(digit), at(string))
            mov(cl, self.digit_values[digit])
            with if_(digit >= base):
                ret(0, 0)
            mul(base)
            with if_(~OF):
                add(value, digit)
            with if_(CF):
                ret(0, 0)
            inc(string)
            break_if(at(string) == 0)
        ret(value, 1)

    def _prepend(self, end: Ptr[U8], character: object) -> None:
        dec(end)
        mov(at(end), character)
