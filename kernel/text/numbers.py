"""Numbers formatted as text, and text parsed as numbers."""

from __future__ import annotations

from pykasm import *

NUMBER_SIZE = 24
"""Bytes of the longest text of a 64-bit number, with its sign or its unit."""

HEXADECIMAL, DECIMAL = 16, 10
"""Bases."""

NO_DIGIT = 0xFF
"""The value of a character that is no digit in any base."""

UNIT_BITS = 10
"""Each unit is 2**10 of the one below it."""


def _digit_value(code: int) -> int:
    """Return the value of the digit with the character code `code`, or NO_DIGIT."""
    found = "0123456789abcdef".find(chr(code).lower())
    return found if found >= 0 else NO_DIGIT


class Numbers(Subsystem):
    """Convert numbers to text and text to numbers. Context: any; no state is kept.

    Digits come from the lowest to the highest, so text is written backwards: functions take the
    `end` (exclusive) of a buffer of NUMBER_SIZE bytes, and return the start of the text.
    """

    digits = rodata(U8 * 16, b"0123456789abcdef")
    digit_values = rodata(U8 * 256, bytes(_digit_value(code) for code in range(256)))
    """By character code: the value of the digit, or NO_DIGIT."""
    units = rodata(U8 * 7, b" KMGTPE")
    """First letters of the binary prefixes (IEC 80000-13)."""

    @function
    def format_unsigned(self, value: U64, base: U64, end: Ptr[U8]) -> Ptr[U8]:
        """Write `value` in `base`, 2 to 16, without a prefix; return the start of the text."""
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
    def format_signed(self, value: Keep[I64], end: Ptr[U8]) -> Ptr[U8]:
        """Write `value` in decimal, after a minus if it is negative; return the text's start."""
        magnitude = scratch(value)
        with if_(value < 0):
            # Right for -2**63 too: as an unsigned number, its negation is its magnitude.
            neg(magnitude)
        start = self.format_unsigned(u64(magnitude), 10, end)
        with if_(value < 0):
            dec(start)
            mov(at(start), ord("-"))
        ret(start)

    @function
    def format_size(self, size: U64, end: Ptr[U8]) -> Ptr[U8]:
        """Write `size` bytes in the largest unit that is not above it; return the text's start.

        One decimal is written unless it is 0, rounded down: `1023 B`, `4 KiB`, `1.5 MiB`.
        """
        unit, rest = scratch(U64), scratch(size)
        mov(rax, size)
        or_(rax, 1)  # bsr is undefined for 0
        bsr(rax, rax)
        xor(edx, edx)
        mov(ecx, UNIT_BITS)
        div(ecx)
        mov(unit, rax)
        imul(ecx, eax, UNIT_BITS)  # the bits below the unit, by which cl shifts
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
        tail(self.format_unsigned, size, 10, end)

    @function
    def parse(self, string: Ptr[U8]) -> tuple[U64, Bool]:
        """Parse all of `string` as a number in decimal or, after `0x`, in hexadecimal.

        Return the number, and whether it is one; 0 if it is none, or has more than 64 bits.
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
            with if_(digit >= base):  # NO_DIGIT is above all bases
                ret(0, 0)
            mul(base)  # CF and OF tell alike whether the product has more than 64 bits
            with if_(~OF):
                add(value, digit)
            with if_(CF):  # of the product, or else of the sum
                ret(0, 0)
            inc(string)
            break_if(at(string) == 0)
        ret(value, 1)

    @inline(changes="end")
    def _prepend(self, end: Ptr[U8], character: object) -> None:
        """Write `character` before `end`, which moves there."""
        dec(end)
        mov(at(end), character)
