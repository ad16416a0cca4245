"""Names and source lines of addresses, from the table that the image carries."""

from pykasm import *
from pykasm.link.embedded import FILE_CHANGE, NO_LINES, EmbeddedSymbols

NOT_FOUND = 0xFFFF_FFFF
"""In place of a symbol's index."""

LEB128_BITS = 7
LEB128_VALUE = 0x7F
LEB128_MORE = 0x80
"""A byte of a LEB128 number: 7 bits of it, and whether another byte follows (DWARF 5, 7.6)."""


class SymbolLocation(Struct):
    """What is at an address: `offset` bytes into `name`, from `line` of `file`.

    `file` is null for data, which has no line.
    """

    name: Ptr[U8]
    file: Ptr[U8]
    offset: U64
    line: U64


class Symbols(Subsystem):
    """The symbol table (`pykasm.link.embedded`), by address and by name.

    All of it only reads, takes no lock and may be called in any context, as a panic does. An
    image linked without a table knows no symbol.
    """

    start = rodata(Ptr[EmbeddedSymbols], address_of(symbol("symbols_start")))
    end = rodata(Ptr[EmbeddedSymbols], address_of(symbol("symbols_end")))

    @function
    def describe(self, address: U64, place: Ptr[SymbolLocation]) -> U32:
        """Fill `place` for `address`; 1, or 0 if no symbol covers it."""
        address, place = keep(address), keep(place)
        index = keep(self.index_at(address))
        with if_(index == NOT_FOUND):
            ret(0)
        table = scratch(self.start)
        self._fill_name(place, table, index, offset=address)
        mov(place.file, 0)
        lines = scratch(table.lines)
        mov(eax, lines[index])
        with if_(eax != NO_LINES):
            add(rax, table.programs)
            self.find_line(rax, address, place)
        ret(1)

    def _fill_name(
        self, place: Ptr[SymbolLocation], table: Ptr[EmbeddedSymbols], index: U32, offset: U64
    ) -> None:
        """Name the symbol `index`; `offset` holds the address and becomes the bytes into it."""
        pointer = scratch(table.addresses)
        movsxd(rax, i32(pointer[index]))
        sub(offset, rax)
        mov(place.offset, offset)
        mov(pointer, table.names)
        mov(eax, pointer[index])
        add(rax, table.strings)
        mov(place.name, rax)

    @function
    def index_at(self, address: U64) -> U32:
        """The index of the symbol that covers `address`, or NOT_FOUND."""
        table = scratch(self.start)
        with if_(table == self.end):
            ret(NOT_FOUND)
        starts = scratch(table.addresses)
        following = self._search(starts, table.count, u32(address))
        with if_(following == 0):
            ret(NOT_FOUND)
        dec(following)
        movsxd(rax, i32(starts[following]))
        sub(address, rax)
        mov(rax, table.sizes)
        mov(eax, cast(rax, Ptr[U32])[following])
        with if_(address >= rax):
            ret(NOT_FOUND)
        ret(following)

    def _search(self, starts: Ptr[U32], count: U64, key: U32) -> U32:
        """The number of `starts`, which ascend, that are not above `key`."""
        low, high, middle = scratch(U32), scratch(U32), rax
        xor(low, low)
        mov(high, u32(count))
        with while_(low < high):
            lea(middle, bare[u64(low) + u64(high)])
            shr(middle, 1)
            with if_(starts[middle] <= key):
                lea(low, bare[middle + 1])
            with else_():
                mov(high, u32(middle))
        return low

    @function
    def find_line(self, program: Ptr[U8], offset: U64, place: Ptr[SymbolLocation]) -> None:
        """Fill file and line of `place` for the code `offset` bytes into the function that
        `program` tells of."""
        program, offset, place = keep(program), keep(offset), keep(place)
        file, line = keep(self._next(program)), keep(self._next(program))
        with loop():
            advance = self._next(program)
            with if_(advance == FILE_CHANGE):
                mov(file, self._next(program))
                continue_()
            break_if(advance > offset)
            sub(offset, advance)
            self._add_zigzag(line, self._next(program))
        mov(place.line, line)
        table = scratch(self.start)
        files = scratch(table.files)
        mov(eax, files[file])
        add(rax, table.strings)
        mov(place.file, rax)

    def _next(self, cursor: Ptr[U8]) -> U64:
        """Take a number off the program at `cursor`."""
        value, following = self.number(cursor)
        mov(cursor, following)
        return value

    def _add_zigzag(self, total: U64, difference: U64) -> None:
        """Add `difference`, which is 0, -1, 1, -2 … as 0, 1, 2, 3 …, to `total`."""
        sign = scratch(difference)
        and_(sign, 1)
        neg(sign)
        shr(difference, 1)
        xor(difference, sign)
        add(total, difference)

    @function
    def number(self, cursor: Ptr[U8]) -> tuple[U64, Ptr[U8]]:
        """The unsigned LEB128 number at `cursor`, and where it ends (DWARF 5, 7.6)."""
        value, byte = scratch(U64), scratch(U64)
        xor(value, value)
        xor(ecx, ecx)
        with loop():
            movzx(u32(byte), at(cursor))
            inc(cursor)
            mov(rax, byte)
            and_(rax, LEB128_VALUE)
            shl(rax, cl)
            or_(value, rax)
            add(ecx, LEB128_BITS)
            break_if((byte & LEB128_MORE) == 0)
        ret(value, cursor)

    @function
    def find(self, name: Ptr[U8]) -> U64:
        """The address of the symbol called `name` (ending with a zero), or 0 if there is none."""
        name, low, high, middle = keep(name), keep(U32), keep(U32), keep(U32)
        table = scratch(self.start)
        with if_(table == self.end):
            ret(0)
        xor(low, low)
        mov(high, u32(table.count))
        with while_(low < high):
            lea(middle, bare[u64(low) + u64(high)])
            shr(middle, 1)
            order = self.compare(name, self.name_of_rank(middle))
            with if_(order == 0):
                ret(self.address_of_rank(middle))
            with if_(order < 0):
                mov(high, middle)
            with else_():
                lea(low, bare[u64(middle) + 1])
        ret(0)

    @function
    def name_of_rank(self, rank: U32) -> Ptr[U8]:
        """The name of the symbol that is number `rank` in the order of names."""
        table = scratch(self.start)
        index = self._index_of_rank(table, rank)
        names = scratch(table.names)
        mov(eax, names[index])
        add(rax, table.strings)
        ret(rax)

    @function
    def address_of_rank(self, rank: U32) -> U64:
        """The address of the symbol that is number `rank` in the order of names."""
        table = scratch(self.start)
        index = self._index_of_rank(table, rank)
        addresses = scratch(table.addresses)
        movsxd(rax, i32(addresses[index]))
        ret(rax)

    def _index_of_rank(self, table: Ptr[EmbeddedSymbols], rank: U32) -> U32:
        order = scratch(table.by_name)
        index: U32 = scratch(order[rank])
        return index

    @function
    def compare(self, left: Ptr[U8], right: Ptr[U8]) -> I32:
        """The order of two strings that end with a zero, by bytes: below 0, 0, or above 0."""
        difference = scratch(I32)
        with loop():
            movzx(eax, at(left))
            movzx(u32(difference), at(right))
            inc(left)
            inc(right)
            sub(eax, u32(difference))
            break_if(~ZF | (difference == 0))
        ret(eax)
