"""The line that a trace is about to print."""

from __future__ import annotations

from kernel.text.numbers import Numbers
from kernel.text.symbols import Symbols
from kernel.text.writer import Writer
from pykasm import *

LINE_SIZE = 512
"""Bytes of a line; what is longer is cut off."""

PRINTABLE = (ord(" "), ord("~"))


class TraceLine(Writer):
    """Text that grows until it is printed. One thread at a time has it, who holds the lock of
    `SystemCallTrace`."""

    line = bss(U8 * LINE_SIZE)
    size = bss(U64)

    def __init__(self, numbers: Numbers, symbols: Symbols) -> None:
        super().__init__(numbers, symbols)

    @function
    def begin(self) -> None:
        """Begin an empty line."""
        mov(self.size, 0)
        mov(self.line[0], 0)

    @function
    def put(self, byte: U8) -> None:
        """Append `byte`, if there is room."""
        size = scratch(self.size)
        with if_(size < LINE_SIZE - 1):
            mov(self.line[size], byte)
            inc(size)
            mov(self.line[size], 0)
            mov(self.size, size)

    @function
    def put_quoted(self, bytes: Keep[Ptr[U8]], count: Keep[U64]) -> None:
        """Append `count` bytes between quotes; those that are no letters and the like as C writes
        them."""
        self.put(ord('"'))
        with while_(count != 0):
            self._put_escaped(at(bytes))
            inc(bytes)
            dec(count)
        self.put(ord('"'))

    @function
    def _put_escaped(self, byte: Keep[U8]) -> None:
        """Append `byte` as C writes it in a string."""
        for character, escaped in (("\n", "n"), ("\t", "t"), ("\r", "r"), ('"', '"'), ("\\", "\\")):
            with if_(byte == ord(character)):
                self.put(ord("\\"))
                tail(self.put, ord(escaped))
        first, last = PRINTABLE
        with if_((byte >= first) & (byte <= last)):
            tail(self.put, byte)
        self.print("\\x%02x", byte)

    @function
    def put_octal(self, number: Keep[U64]) -> None:
        """Append `number` in octal, with a 0 before it."""
        shift = keep(U32)
        self.put(ord("0"))
        mov(shift, (OCTAL_DIGITS - 1) * OCTAL_BITS)
        with loop():
            mov(ecx, shift)
            mov(rax, number)
            shr(rax, cl)
            with if_((rax != 0) & (number != 0)):
                and_(eax, (1 << OCTAL_BITS) - 1)
                add(eax, ord("0"))
                self.put(al)
            break_if(shift == 0)
            sub(shift, OCTAL_BITS)


OCTAL_BITS = 3
OCTAL_DIGITS = 11
"""Of a number of 32 bits."""
