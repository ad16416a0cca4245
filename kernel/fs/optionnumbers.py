"""Numbers in the options that file systems are mounted with."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.fs.mode import PERMISSIONS
from kernel.text.numbers import DECIMAL, HEXADECIMAL, NO_DIGIT, Numbers
from pykasm import *

OCTAL = 8

LOWER_CASE = 0x20
"""The bit that tells small letters from capital ones."""

NOBODY = (1 << 32) - 1
"""The number of no user."""


class OptionNumbers(Subsystem):
    """Reads them, and the options that have them. Context: any."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers

    @inline(changes=("text", *CALLER_SAVED))
    def parse_each(self, text: Ptr[U8], options: Any, parse_one: Any) -> None:
        """Have `parse_one` set in `options` what each option of `text`, with commas between them,
        asks for; it returns where that ends, null for none. Leave with -EINVAL then."""
        with while_(at(text) != 0):
            with if_(at(text) == ord(",")):
                inc(u64(text))
                continue_()
            end = try_(parse_one(text, options), Errno.EINVAL)
            mov(text, end)
            fail_if((at(text) != 0) & (at(text) != ord(",")), Errno.EINVAL)

    @inline(changes=rax)
    def begins(self, text: Ptr[U8], name: str) -> Condition:
        """Return the condition that `text` begins with `name`."""
        conditions = [text[index] == ord(letter) for index, letter in enumerate(name)]
        result = conditions[0]
        for one in conditions[1:]:
            result = result & one
        return result

    @function
    def number(self, text: Ptr[U8], base: U32) -> tuple[U64, OrNull[Ptr[U8]]]:
        """Return the number at the start of `text` in a base, and where it ends; null there if
        there is none, or a number that is too large."""
        value, start = scratch(U64), scratch(text)
        xor(u32(value), u32(value))
        with loop():
            movzx(eax, at(text))
            movzx(eax, self.numbers.digit_values[rax])
            break_if((eax == NO_DIGIT) | (eax >= base))
            mov(ecx, base)
            imul(value, rcx)
            with if_(OF):
                ret(0, 0)
            add(value, rax)
            inc(u64(text))
        with if_(text == start):
            ret(0, 0)
        ret(value, text)

    @function
    def any(self, text: Ptr[U8]) -> tuple[U64, OrNull[Ptr[U8]]]:
        """Return the number at the start of `text`, in hexadecimal behind 0x and in octal behind 0,
        and where it ends; or null, as `number` does."""
        with if_(at(text) == ord("0")):
            movzx(eax, text[1])
            or_(eax, LOWER_CASE)
            with if_(eax == ord("x")):
                add(u64(text), 2)
                tail(self.number, text, HEXADECIMAL)
            tail(self.number, text, OCTAL)
        tail(self.number, text, DECIMAL)

    @function
    def permissions(self, text: Ptr[U8]) -> tuple[U64, OrNull[Ptr[U8]]]:
        """Return permissions as `number` does."""
        number, end = self.number(text, OCTAL)
        value = scratch(number)
        and_(u32(value), PERMISSIONS)
        ret(value, end)

    @function
    def account(self, text: Ptr[U8]) -> tuple[U64, OrNull[Ptr[U8]]]:
        """Return the number of a user or a group as `any` does; null for that of nobody."""
        number, end = self.any(text)
        mov(ecx, NOBODY)
        with if_(number >= rcx):
            ret(0, 0)
        ret(number, end)
