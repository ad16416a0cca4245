"""Look addresses up in the symbol table that the image carries: names and source lines."""

from pykasm import *
from pykasm.link.embedded import FILE_CHANGE, NO_LINES, EmbeddedSymbols

NOT_FOUND = 0xFFFF_FFFF
"""The index of no symbol."""

LEB128_BITS = 7
LEB128_VALUE = 0x7F
LEB128_MORE = 0x80
"""A byte of a LEB128 number: 7 bits of the number, and whether a byte follows (DWARF 5, 7.6)."""


class SymbolLocation(Struct):
    """The symbol and the source line of an address."""

    name: Ptr[U8]
    file: Ptr[U8]
    """The source file; null for data, which has no line."""
    offset: U64
    """Bytes from the start of the symbol."""
    line: U64


class Symbols(Subsystem):
    """Search the symbol table (`pykasm.link.embedded`) by address and by name.

    An image linked without a table has no symbols. Context: any, a panic too: no lock is taken,
    and nothing is written but by `check`.
    """

    is_damaged = bss(U32)
    """1 if the table is not as it was made."""

    start = rodata(Ptr[EmbeddedSymbols], address_of(symbol("symbols_start")))
    end = rodata(Ptr[EmbeddedSymbols], address_of(symbol("symbols_end")))

    @function
    def check(self) -> None:
        """Find out whether the table is as it was made, and know no symbols if it is not: it may
        lie where there is no memory, or what the firmware has written to. Context: a panic."""
        word, sum = scratch(Ptr[U64]), scratch(U64)
        xor(u32(sum), u32(sum))
        mov(word, cast(self.start, Ptr[U64]))
        with while_(u64(word) < u64(self.end)):
            add(sum, at(word))
            add(word, sizeof(U64))
        with if_(sum != 0):
            mov(self.is_damaged, 1)

    @function
    def lookup(self, address: Keep[U64], location: Keep[Ptr[SymbolLocation]]) -> Bool:
        """Fill `location` for `address`, and return whether a symbol covers it."""
        index = keep(self._index_of(address))
        with if_(index == NOT_FOUND):
            ret(False)
        table = scratch(self.start)
        self._fill_name(location, table, index, offset=address)
        mov(location.file, 0)
        lines = scratch(table.lines)
        mov(eax, lines[index])
        with if_(eax != NO_LINES):
            add(rax, table.programs)
            self._find_line(rax, address, location)
        ret(True)

    @inline(changes=("offset", rax))
    def _fill_name(
        self, location: Ptr[SymbolLocation], table: Ptr[EmbeddedSymbols], index: U32, offset: U64
    ) -> None:
        """Fill name and offset for the symbol `index`; `offset` comes in as the address."""
        # An address is stored as its lower 32 bits and sign-extended: code before paging lies in
        # the first 2 GiB, all else in the last.
        pointer = scratch(table.addresses)
        movsxd(rax, i32(pointer[index]))
        sub(offset, rax)
        mov(location.offset, offset)
        mov(pointer, table.names)
        mov(eax, pointer[index])
        add(rax, table.strings)
        mov(location.name, rax)

    @function
    def _index_of(self, address: U64) -> U32:
        """Return the index of the symbol that covers `address`, or NOT_FOUND."""
        table = scratch(self.start)
        with if_((table == self.end) | (self.is_damaged != 0)):
            ret(NOT_FOUND)
        starts = scratch(table.addresses)
        # The order of the sign-extended addresses is that of their unsigned lower halves.
        index = self._search(starts, table.count, u32(address))
        with if_(index == 0):
            ret(NOT_FOUND)
        dec(index)
        movsxd(rax, i32(starts[index]))
        sub(address, rax)
        sizes = scratch(table.sizes)
        mov(eax, sizes[index])
        with if_(address >= rax):  # in a gap between symbols; or its upper half is another
            ret(NOT_FOUND)
        ret(index)

    @inline(changes=rax)
    def _search(self, starts: Ptr[U32], count: U64, key: U32) -> U32:
        """Return how many of the ascending `starts` are not above `key`, by binary search."""
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
    def _find_line(
        self, program: Keep[Ptr[U8]], offset: Keep[U64], location: Keep[Ptr[SymbolLocation]]
    ) -> None:
        """Fill file and line of `location` for the code `offset` bytes into a function.

        Run the function's line `program` up to the row that covers `offset`. Its last row begins
        at the function's end, so the loop ends.
        """
        file, line = keep(self._next_number(program)), keep(self._next_number(program))
        with loop():
            advance = self._next_number(program)
            with if_(advance == FILE_CHANGE):  # no row: the file of those that follow
                mov(file, self._next_number(program))
                continue_()
            break_if(advance > offset)
            sub(offset, advance)
            self._add_zigzag(line, self._next_number(program))
        mov(location.line, line)
        table = scratch(self.start)
        files = scratch(table.files)
        mov(eax, files[file])
        add(rax, table.strings)
        mov(location.file, rax)

    @inline(changes=("cursor", *CALLER_SAVED))
    def _next_number(self, cursor: Ptr[U8]) -> U64:
        """Read a number of the line program at `cursor`, which moves past it."""
        value, end = self._uleb128(cursor)
        mov(cursor, end)
        return value

    @inline(changes=("total", "difference"))
    def _add_zigzag(self, total: U64, difference: U64) -> None:
        """Decode `difference`, where 0, 1, 2, 3 … stand for 0, -1, 1, -2 …, and add it."""
        sign = scratch(difference)
        and_(sign, 1)
        neg(sign)
        shr(difference, 1)
        xor(difference, sign)
        add(total, difference)

    @function
    def _uleb128(self, cursor: Ptr[U8]) -> tuple[U64, Ptr[U8]]:
        """Return the unsigned LEB128 number at `cursor`, and its end (DWARF 5, 7.6)."""
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
    def find(self, name: Keep[Ptr[U8]]) -> U64:
        """Return the address of the symbol called `name`, or 0 if there is none."""
        low, high, middle = keep(U32), keep(U32), keep(U32)
        table = scratch(self.start)
        with if_(table == self.end):
            ret(0)
        xor(low, low)
        mov(high, u32(table.count))
        with while_(low < high):
            lea(middle, bare[u64(low) + u64(high)])
            shr(middle, 1)
            order = self._compare(name, self._name_of_rank(middle))
            with if_(order == 0):
                ret(self._address_of_rank(middle))
            with if_(order < 0):
                mov(high, middle)
            with else_():
                lea(low, bare[u64(middle) + 1])
        ret(0)

    @function
    def _name_of_rank(self, rank: U32) -> Ptr[U8]:
        """Return the name of symbol number `rank` in the order of names."""
        table = scratch(self.start)
        index = self._index_of_rank(table, rank)
        names = scratch(table.names)
        mov(eax, names[index])
        add(rax, table.strings)
        ret(rax)

    @function
    def _address_of_rank(self, rank: U32) -> U64:
        """Return the address of symbol number `rank` in the order of names."""
        table = scratch(self.start)
        index = self._index_of_rank(table, rank)
        addresses = scratch(table.addresses)
        movsxd(rax, i32(addresses[index]))
        ret(rax)

    @inline
    def _index_of_rank(self, table: Ptr[EmbeddedSymbols], rank: U32) -> U32:
        """Return the index by address of symbol number `rank` in the order of names."""
        order = scratch(table.by_name)
        index: U32 = scratch(order[rank])
        return index

    @function
    def _compare(self, left: Ptr[U8], right: Ptr[U8]) -> I32:
        """Compare two strings by their bytes; return a number below 0, 0, or above 0."""
        difference = scratch(I32)
        with loop():
            movzx(eax, at(left))
            movzx(u32(difference), at(right))
            inc(left)
            inc(right)
            sub(eax, u32(difference))
            break_if(~ZF | (difference == 0))
        ret(eax)
