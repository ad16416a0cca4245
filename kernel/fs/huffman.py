"""Huffman codes as DEFLATE has them (RFC 1951, 3.2.2)."""

from __future__ import annotations

from pykasm import *

MOST_BITS = 15
"""Of a code."""

MOST_SYMBOLS = 288
FAST_BITS = 10
"""Codes up to so many bits are found by one look into a table."""

LENGTH_BITS = 4
"""Bits of an entry of that table that have the length of the code; the symbol is above."""


class HuffmanCode(Struct):
    """What decodes a code: shorter codes come first, and those of one length in the order of their
    symbols."""

    fast: Array[U16] = field(count=1 << FAST_BITS)
    """By the next bits, the first one lowest; 0 for codes that are longer."""
    counts: Array[U16] = field(count=MOST_BITS + 1)
    """How many codes have each length."""
    symbols: Array[U16] = field(count=MOST_SYMBOLS)
    """In the order of their codes."""


class HuffmanBuilder(Struct):
    """Where the codes of each length go next, while a code is made."""

    places: Array[U16] = field(count=MOST_BITS + 2)
    """In `symbols`."""
    codes: Array[U16] = field(count=MOST_BITS + 2)


class Huffman(Subsystem):
    """Makes codes. Context: any."""

    @function
    def build(self, code: Keep[Ptr[HuffmanCode]], lengths: Keep[Ptr[U8]], count: Keep[U64]) -> Bool:
        """Make `code` of the lengths of the codes of `count` symbols, 0 for none. Returns whether
        there are enough of them and not too many; a code of at most one symbol may lack some."""
        builder, left = local(HuffmanBuilder), keep(I64)
        mov(rdi, code)
        xor(eax, eax)
        mov(ecx, offsetof(HuffmanCode, "symbols") // sizeof(U16))
        rep.stosw()
        xor(ecx, ecx)
        with while_(rcx < count):
            movzx(eax, lengths[rcx])
            inc(code.counts[rax])
            inc(rcx)
        mov(left, self._free_codes(code))
        fail_if(left < 0)
        with if_(left > 0):
            mov(rax, count)
            movzx(ecx, code.counts[0])
            sub(rax, rcx)
            fail_if(rax > 1)
        mov(code.counts[0], 0)
        self._start(code, address_of(builder))
        self._enter_all(code, lengths, count, address_of(builder))
        ret(True)

    @function
    def _free_codes(self, code: Ptr[HuffmanCode]) -> I64:
        """Return how many of the longest codes are left over; less than 0 if there are too few."""
        mov(eax, 1)
        mov(ecx, 1)
        with while_(ecx <= MOST_BITS):
            add(rax, rax)
            movzx(edx, code.counts[rcx])
            sub(rax, rdx)
            break_if(i64(rax) < 0)
            inc(ecx)
        ret(i64(rax))

    @function
    def _start(self, code: Ptr[HuffmanCode], builder: Ptr[HuffmanBuilder]) -> None:
        """Compute the first place and the first code of each length."""
        place, value = scratch(U32), scratch(U32)
        xor(place, place)
        xor(value, value)
        mov(ecx, 1)
        with while_(ecx <= MOST_BITS):
            mov(builder.places[rcx], u16(place))
            mov(builder.codes[rcx], u16(value))
            movzx(eax, code.counts[rcx])
            add(place, eax)
            add(value, eax)
            add(value, value)
            inc(ecx)

    @function
    def _enter_all(
        self,
        code: Keep[Ptr[HuffmanCode]],
        lengths: Keep[Ptr[U8]],
        count: Keep[U64],
        builder: Keep[Ptr[HuffmanBuilder]],
    ) -> None:
        """Enter all symbols."""
        symbol = keep(U64)
        with for_(symbol, 0, count):
            movzx(ecx, lengths[symbol])
            with if_(ecx != 0):
                movzx(eax, builder.places[rcx])
                inc(builder.places[rcx])
                mov(code.symbols[rax], u16(symbol))
                movzx(eax, builder.codes[rcx])
                inc(builder.codes[rcx])
                with if_(ecx <= FAST_BITS):
                    self._enter_fast(code, symbol, ecx, eax)

    @function
    def _enter_fast(self, code: Ptr[HuffmanCode], symbol: U64, length: U32, value: U32) -> None:
        """Enter a symbol wherever the table begins with its code, whose bits come in the opposite
        order."""
        place, left, entry = scratch(U64), scratch(length), scratch(symbol)
        xor(u32(place), u32(place))
        mov(eax, value)
        mov(ecx, length)
        with while_(left != 0):
            add(place, place)
            shr(eax, 1)
            adc(place, 0)
            dec(left)
        shl(entry, LENGTH_BITS)
        or_(entry, rcx)
        mov(eax, 1)
        shl(eax, cl)
        with while_(place < 1 << FAST_BITS):
            mov(code.fast[place], u16(entry))
            add(place, rax)
