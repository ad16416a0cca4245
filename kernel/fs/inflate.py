"""Decompression of DEFLATE (RFC 1951)."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.fs.huffman import FAST_BITS, LENGTH_BITS, MOST_BITS, Huffman, HuffmanCode
from kernel.mm.heap import Heap
from pykasm import *

WINDOW = 1 << 15
"""Bytes that a distance reaches back."""

LITERALS, DISTANCES = 288, 30
END_OF_BLOCK = 256
FIRST_LENGTH = 257
LENGTH_BASES = (
    *range(3, 11),
    *(11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258),
)
LENGTH_EXTRA = (*[0] * 8, *(n // 4 for n in range(4, 24)), 0)
"""What symbols from `FIRST_LENGTH` on stand for, and how many bits are added (3.2.5)."""

DISTANCE_EXTRA = (0, 0, *(n // 2 for n in range(28)))
DISTANCE_BASES = tuple(1 + sum(1 << one for one in DISTANCE_EXTRA[:n]) for n in range(DISTANCES))

LENGTHS_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
"""In which the lengths of the code for lengths come (3.2.7)."""

FIXED_DISTANCES = 32
"""Symbols of the code for distances where it is not told; the last two mean nothing."""

FIXED_LENGTHS = (*[8] * 144, *[9] * 112, *[7] * 24, *[8] * 8, *[5] * FIXED_DISTANCES)
"""Of both codes where they are not told (3.2.6)."""

REPEAT_LAST = 16
"""The symbol among lengths that repeats the one before; the two after it repeat 0."""

REPETITIONS = ((2, 3), (3, 3), (7, 11))
"""Of those symbols: the bits that tell how often, and what is added to these (3.2.7)."""

LITERALS_FIELD, DISTANCES_FIELD, LENGTHS_FIELD, LENGTH_FIELD = 5, 5, 4, 3
"""Bits of HLIT, HDIST and HCLEN, and of each length of the code for lengths (3.2.7)."""

LEAST_LENGTHS = 4
"""How many of these lengths there are at least."""

BYTE = 8
"""Bits."""

STORED_FIELD = 16
"""Bits of the length of a stored block, and of its complement (3.2.4); no field has more."""

NO_SYMBOL = 0xFFFF

SLACK = 16
"""Bytes after the end that may be looked at, and count as zeros."""


class BlockType(IntEnum):
    """What two bits say (3.2.3)."""

    STORED = 0
    FIXED = 1
    DYNAMIC = 2


class TakeBytes(Fn[[Ptr[U8], U64], OrErrno[I32]], context="thread"):
    """Take decompressed bytes. Returns 0, or an error that ends all."""


class Inflate(Subsystem):
    """Decompresses memory, and gives the result on in pieces. Context: one thread."""

    input = bss(Ptr[U8])
    end = bss(Ptr[U8])
    bits = bss(U64)
    """The next bits, the first one lowest."""
    count = bss(U64)
    """How many those are."""
    slack = bss(U64)
    """How many bytes of them lie after the end."""
    window = bss(OrNull[Owned[Ptr[U8]]])
    position = bss(U64)
    """Where in the window the next byte goes."""
    total = bss(U64)
    """Bytes before the window's start."""
    take = bss(TakeBytes)
    literals = bss(HuffmanCode)
    distances = bss(HuffmanCode)
    lengths = bss(U8 * (LITERALS + FIXED_DISTANCES))

    length_bases = rodata(U16 * len(LENGTH_BASES), list(LENGTH_BASES))
    length_extra = rodata(U8 * len(LENGTH_EXTRA), list(LENGTH_EXTRA))
    distance_bases = rodata(U16 * DISTANCES, list(DISTANCE_BASES))
    distance_extra = rodata(U8 * DISTANCES, list(DISTANCE_EXTRA))
    lengths_order = rodata(U8 * len(LENGTHS_ORDER), list(LENGTHS_ORDER))
    fixed_lengths = rodata(U8 * len(FIXED_LENGTHS), list(FIXED_LENGTHS))

    def __init__(self, huffman: Huffman, heap: Heap) -> None:
        self.huffman = huffman
        self.heap = heap

    @function(context="thread", sleeps=True)
    def run(self, input: Ptr[U8], length: U64, take: TakeBytes) -> tuple[OrErrno[I32], Ptr[U8]]:
        """Decompress from `input` on, which has `length` bytes. Returns 0 and where the compressed
        data ends, or an error: -EINVAL if it is damaged or cut off, -ENOMEM, or what `take`
        returns."""
        result = keep(I32)
        mov(self.input, input)
        add(input, length)
        mov(self.end, input)
        mov(self.take, take)
        for one in (self.bits, self.count, self.slack, self.position, self.total):
            mov(one, 0)
        window = self.heap.allocate(WINDOW)
        with if_(window == 0):
            ret(-Errno.ENOMEM, 0)
        mov(self.window, cast(window, Ptr[U8]))
        mov(result, self._run_blocks())
        self.heap.free(u64(self.window))
        mov(rax, self.count)  # whole bytes that were not needed
        shr(rax, 3)
        sub(rax, self.slack)
        mov(rdx, self.input)
        sub(rdx, rax)
        ret(result, cast(rdx, Ptr[U8]))

    @function(context="thread", sleeps=True)
    def _run_blocks(self) -> OrErrno[I32]:
        """Decompress all blocks. Returns what `run` does."""
        last, kind = keep(U32), keep(U32)
        with loop():
            mov(last, u32(self._bits(1)))
            mov(kind, u32(self._bits(2)))
            with if_(kind == BlockType.STORED):
                try_(self._stored())
            with elif_(kind == BlockType.FIXED):
                try_(self._use_codes(address_of(self.fixed_lengths), LITERALS, FIXED_DISTANCES))
                try_(self._compressed())
            with elif_(kind == BlockType.DYNAMIC):
                try_(self._read_codes())
                try_(self._compressed())
            with else_():
                fail(Errno.EINVAL)
            break_if(last != 0)
        mov(rax, self.count)
        shr(rax, 3)
        fail_if(rax < self.slack, Errno.EINVAL)  # bits after the end were used
        tail(self._flush)

    # Bits

    @function
    def _refill(self) -> None:
        """Fill up all the room that whole bytes have, with zeros after the end."""
        with while_(self.count <= (sizeof(U64) - 1) * BYTE):
            source = scratch(self.input)
            xor(eax, eax)
            with if_(source == self.end):
                inc(self.slack)
            with else_():
                movzx(eax, at(source))
                inc(self.input)
            mov(rcx, self.count)
            shl(rax, cl)
            or_(self.bits, rax)
            add(self.count, BYTE)
            release(source)

    @function
    def _bits(self, number: Keep[U32]) -> U32:
        """Take the next bits, as many as `number`, at most STORED_FIELD."""
        with if_(self.count < STORED_FIELD):
            self._refill()
        mov(ecx, number)
        mov(edx, 1)
        shl(edx, cl)
        dec(edx)
        and_(edx, u32(self.bits))
        shr(self.bits, cl)
        sub(self.count, rcx)
        ret(edx)

    @function
    def _symbol(self, code: Keep[Ptr[HuffmanCode]]) -> U32:
        """Take the next symbol of `code`; a number above all symbols if none has these bits."""
        with if_(self.count < MOST_BITS):
            self._refill()
        mov(rax, self.bits)
        and_(eax, (1 << FAST_BITS) - 1)
        movzx(eax, code.fast[rax])
        with if_(eax == 0):
            tail(self._long_symbol, code)
        mov(ecx, eax)
        and_(ecx, (1 << LENGTH_BITS) - 1)
        shr(self.bits, cl)
        sub(self.count, rcx)
        shr(eax, LENGTH_BITS)
        ret(eax)

    @function
    def _long_symbol(self, code: Ptr[HuffmanCode]) -> U32:
        """Take the next symbol bit by bit: of the codes of each length, which are numbers in a row,
        those of one bit more begin at twice the end."""
        length, value, first, index = scratch(U64), scratch(U32), scratch(U32), scratch(U32)
        for one in (u32(length), value, first, index):
            xor(one, one)
        with while_(length < MOST_BITS):
            inc(length)
            add(value, value)
            shr(self.bits, 1)
            adc(value, 0)
            dec(self.count)
            add(first, first)
            movzx(ecx, code.counts[length])
            mov(eax, value)
            sub(eax, first)
            with if_(eax < ecx):
                add(eax, index)
                movzx(eax, code.symbols[rax])
                ret(eax)
            add(first, ecx)
            add(index, ecx)
        ret(NO_SYMBOL)

    # Blocks

    @function(context="thread", sleeps=True)
    def _stored(self) -> OrErrno[I32]:
        """Copy a block that is not compressed (3.2.4)."""
        left, check = keep(U32), keep(U32)
        mov(ecx, u32(self.count))
        and_(ecx, BYTE - 1)  # to the next whole byte
        ignore(self._bits(ecx))
        mov(left, self._bits(STORED_FIELD))
        mov(check, self._bits(STORED_FIELD))
        xor(check, (1 << STORED_FIELD) - 1)
        fail_if(left != check, Errno.EINVAL)
        with while_(left != 0):
            fail_if(self.slack > SLACK, Errno.EINVAL)
            byte = self._bits(BYTE)
            try_(self._put(u8(byte)))
            dec(left)
        ret(0)

    @function(context="thread", sleeps=True)
    def _put(self, byte: U8) -> OrErrno[I32]:
        """Give a byte out. Returns 0, or an error of who takes them."""
        window, place = scratch(self.window), scratch(self.position)
        asserts(window != 0)
        mov(window[place], byte)
        inc(place)
        mov(self.position, place)
        with if_(place == WINDOW):
            tail(self._flush)
        ret(0)

    @function(context="thread", sleeps=True)
    def _flush(self) -> OrErrno[I32]:
        """Give the bytes in the window on. Returns 0, or an error of who takes them."""
        window, length = scratch(self.window), scratch(self.position)
        asserts(window != 0)
        add(self.total, length)
        mov(self.position, 0)
        taken = self.take(window, length)
        ret(taken)

    @function
    def _use_codes(
        self, lengths: Keep[Ptr[U8]], literals: Keep[U64], distances: Keep[U64]
    ) -> OrErrno[I32]:
        """Make both codes of the lengths of so many symbols. Returns 0 or -EINVAL."""
        code = address_of(self.literals)
        fail_if(~self.huffman.build(code, lengths, literals), Errno.EINVAL)
        add(u64(lengths), literals)
        code = address_of(self.distances)
        fail_if(~self.huffman.build(code, lengths, distances), Errno.EINVAL)
        ret(0)

    @function
    def _read_codes(self) -> OrErrno[I32]:
        """Read the codes of a block (3.2.7). Returns 0 or -EINVAL."""
        literals, distances, count, index = keep(U64), keep(U64), keep(U64), keep(U64)
        mov(u32(literals), self._bits(LITERALS_FIELD))
        add(literals, FIRST_LENGTH)
        mov(u32(distances), self._bits(DISTANCES_FIELD))
        inc(distances)
        mov(u32(count), self._bits(LENGTHS_FIELD))
        add(count, LEAST_LENGTHS)
        fail_if((literals > LITERALS - 2) | (distances > DISTANCES), Errno.EINVAL)
        lea(rdi, self.lengths)
        xor(eax, eax)
        mov(ecx, len(LENGTHS_ORDER))
        rep.stosb()
        with for_(index, 0, count):
            length = self._bits(LENGTH_FIELD)
            movzx(ecx, self.lengths_order[index])
            mov(self.lengths[rcx], u8(length))
        code, lengths = address_of(self.literals), address_of(self.lengths)
        fail_if(~self.huffman.build(code, lengths, len(LENGTHS_ORDER)), Errno.EINVAL)
        mov(count, literals)
        add(count, distances)
        try_(self._read_lengths(count))
        fail_if(self.lengths[END_OF_BLOCK] == 0, Errno.EINVAL)
        tail(self._use_codes, address_of(self.lengths), literals, distances)

    @function
    def _read_lengths(self, count: Keep[U64]) -> OrErrno[I32]:
        """Read the lengths of `count` codes by the code in `literals`. Returns 0 or -EINVAL."""
        index, length, repeat = keep(U64), keep(U32), keep(U64)
        xor(u32(index), u32(index))
        with while_(index < count):
            symbol = self._symbol(address_of(self.literals))
            mov(length, symbol)
            mov(repeat, 1)
            with if_(length > MOST_BITS):
                fail_if(length >= len(LENGTHS_ORDER), Errno.EINVAL)
                mov(repeat, try_(self._repetition(length), Errno.EINVAL))
                with if_(length == REPEAT_LAST):
                    fail_if(index == 0, Errno.EINVAL)
                    lea(rax, bare[index - 1])
                    movzx(length, self.lengths[rax])
                with else_():
                    xor(length, length)
            mov(rax, index)
            add(rax, repeat)
            fail_if(rax > count, Errno.EINVAL)
            with while_(repeat != 0):
                mov(self.lengths[index], u8(length))
                inc(index)
                dec(repeat)
        ret(0)

    @function
    def _repetition(self, symbol: U32) -> U64:
        """Read how often a length comes for `symbol`, from REPEAT_LAST on."""
        with switch(symbol):
            for number, (width, least) in enumerate(REPETITIONS):
                is_last = number == len(REPETITIONS) - 1
                with default() if is_last else case(REPEAT_LAST + number):
                    bits = self._bits(width)
                    lea(eax, bare[u64(bits) + least])
        ret(rax)

    @function(context="thread", sleeps=True)
    def _compressed(self) -> OrErrno[I32]:
        """Decompress a block by both codes. Returns what `run` does."""
        symbol = keep(U32)
        with loop():
            fail_if(self.slack > SLACK, Errno.EINVAL)
            mov(symbol, self._symbol(address_of(self.literals)))
            with if_(symbol < END_OF_BLOCK):
                try_(self._put(u8(symbol)))
                continue_()
            with if_(symbol == END_OF_BLOCK):
                ret(0)
            sub(symbol, FIRST_LENGTH)
            fail_if(symbol >= len(LENGTH_BASES), Errno.EINVAL)
            try_(self._repeat(symbol))

    @function(context="thread", sleeps=True)
    def _repeat(self, symbol: Keep[U32]) -> OrErrno[I32]:
        """Repeat bytes from some distance back, of the length number `symbol`."""
        length, distance, number = keep(U64), keep(U64), keep(U32)
        movzx(ecx, self.length_extra[symbol])
        mov(u32(length), self._bits(ecx))
        movzx(eax, self.length_bases[symbol])
        add(length, rax)
        mov(number, self._symbol(address_of(self.distances)))
        fail_if(number >= DISTANCES, Errno.EINVAL)
        movzx(ecx, self.distance_extra[number])
        mov(u32(distance), self._bits(ecx))
        movzx(eax, self.distance_bases[number])
        add(distance, rax)
        mov(rax, self.total)
        add(rax, self.position)
        fail_if(distance > rax, Errno.EINVAL)
        with while_(length != 0):
            window, place = scratch(self.window), scratch(self.position)
            asserts(window != 0)
            sub(place, distance)
            and_(place, WINDOW - 1)
            mov(al, window[place])
            try_(self._put(al))
            dec(length)
        ret(0)
