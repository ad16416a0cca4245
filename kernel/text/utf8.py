"""Characters from bytes (RFC 3629: UTF-8)."""

from __future__ import annotations

from kernel.text.utf8state import Utf8State
from pykasm import *

INCOMPLETE = 0xFFFF_FFFF
"""What stands for a character of which more bytes are to come."""
REPLACEMENT = 0xFFFD
"""What stands for a byte that belongs to no character (Unicode 15, U+FFFD)."""

CONTINUATION = 0x80
"""Bytes from here on belong to longer characters; those behind the first are below `LEADS`."""
LEADS = ((0xF0, 3), (0xE0, 2), (0xC0, 1))
"""From which number on a first byte says how many bytes follow it."""
CONTINUATION_BITS = 6


class Utf8Decoder(Subsystem):
    """Puts the bytes of a text together. Context: any, one byte at a time."""

    @function(clobbers=(rax, rcx))
    def decode(self, state: Ptr[Utf8State], byte: U8) -> U32:
        """Return the character that ends with `byte`, `INCOMPLETE` or `REPLACEMENT`."""
        movzx(ecx, byte)
        for first, following in LEADS:
            with if_(ecx >= first):
                and_(ecx, 0x3F >> following)
                mov(state.value, ecx)
                mov(state.missing, following)
                ret(INCOMPLETE)
        with if_(ecx < CONTINUATION):
            mov(state.missing, 0)
            ret(ecx)
        with if_(state.missing == 0):
            ret(REPLACEMENT)
        mov(eax, state.value)
        shl(eax, CONTINUATION_BITS)
        and_(ecx, (1 << CONTINUATION_BITS) - 1)
        or_(eax, ecx)
        mov(state.value, eax)
        dec(state.missing)
        with if_(~ZF):
            ret(INCOMPLETE)
        ret(eax)
