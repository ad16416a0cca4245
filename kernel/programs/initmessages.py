"""What `init` has to say."""

from __future__ import annotations

from kernel.programs.initcalls import InitCalls
from pykasm import *

STANDARD_ERROR = 2
"""The number of the file for messages (unistd.h, STDERR_FILENO)."""

MOST_TEXT = 256
"""Characters of a message; further ones are left out."""

DIGITS = 10
"""Digits of a number of 32 bits, at most."""


class InitMessages(Subsystem):
    """Writes messages to standard error, each as a whole, since processes may write at the same
    time. Where they can't be written nobody hears of it."""

    message = bss(U8 * MOST_TEXT)
    size = bss(U32)

    def __init__(self, calls: InitCalls) -> None:
        self.calls = calls

    @function
    def tell(self, what: Keep[Ptr[U8]], error: Keep[I64]) -> None:
        """Write that `what` failed with the negated number `error`."""
        mov(self.size, 0)
        self._append(text("init: "))
        self._append(what)
        self._append(text(": error "))
        neg(error)
        self.append_number(u32(error))
        self._append(text("\n"))
        ignore(
            self.calls.write(STANDARD_ERROR, address_of(self.message), u64(scratch(self.size))),
            "nobody is left to tell it to",
        )

    @function
    def _append(self, string: Ptr[U8]) -> None:
        """Append `string`, which ends with a 0, to the message."""
        size = scratch(self.size)
        with while_((at(string) != 0) & (size < MOST_TEXT)):
            mov(al, at(string))
            mov(self.message[size], al)
            inc(string)
            inc(size)
        mov(self.size, size)

    @function
    def append_number(self, number: U32) -> None:
        """Append `number` in decimal to the message."""
        digits, place = local(U8 * (DIGITS + 1)), scratch(Ptr[U8])
        mov(digits[DIGITS], 0)
        lea(place, digits[DIGITS])
        mov(eax, number)
        mov(ecx, 10)
        with do_while(lambda: eax != 0):
            xor(edx, edx)
            div(ecx)
            add(edx, ord("0"))
            dec(place)
            mov(at(place), dl)
        self._append(place)
