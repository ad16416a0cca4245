"""The symbol table that a kernel carries, to name addresses by itself: the section `.symbols`.

`EmbeddedSymbols` lies at its start and points to what follows. Symbols are functions and data
with a size, ordered by address. An address is held by its lower 32 bits, of which it is the sign
extension: code before paging lies in the first 2 GiB, all other in the last (System V ABI AMD64
supplement, 3.5.1, "kernel code model").

The table is linked with room for what addresses decide, which is filled in then (`EmbeddedTable`).
So is a word that makes all words of the table add up to 0: a kernel can see whether something has
been written over it since.

The lines of a function are a program of unsigned LEB128 numbers (DWARF 5, 7.6). It begins with
the index of a file and a line, which hold from the function's first byte on. Then follow rows of
two numbers: how many bytes after the row before the next one begins, which is never 0, and how
far its line is from that row's, in zigzag order (0, -1, 1, -2 …). `FILE_CHANGE` behind a row, then
the index of a file, says that the row is of that file. The last row begins where the function
ends.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from pykasm.lang.data import Storage
from pykasm.lang.numbers import U8, U32, U64
from pykasm.lang.structs import Struct, offsetof
from pykasm.lang.types import Ptr, sizeof
from pykasm.link.layout import SYMBOLS
from pykasm.link.sections import read_sections
from pykasm.link.symbols import LinkedSymbol, read_symbols
from pykasm.objects.debug import DebugFunction
from pykasm.objects.leb128 import unsigned
from pykasm.objects.model import (
    ObjectFile,
    Relocation,
    RelocationKind,
    Section,
    SectionFlags,
    Symbol,
)
from pykasm.source import Source

NO_LINES = 0xFFFFFFFF
"""In place of the offset of a line program: the symbol is no function."""

FILE_CHANGE = 0

ALIGNMENT = 8
"""Bytes; that of the pointers at the table's start."""


class EmbeddedSymbols(Struct):
    """What `.symbols` begins with. Names are given by the bytes from `strings` on to them, line
    programs by those from `programs` on."""

    addresses: Ptr[U32]  # of each symbol, ascending
    sizes: Ptr[U32]  # in bytes
    names: Ptr[U32]
    lines: Ptr[U32]  # line programs, or NO_LINES
    by_name: Ptr[U32]  # indexes of the symbols in the order of the bytes of their names
    files: Ptr[U32]  # the name of each file
    programs: Ptr[U8]
    strings: Ptr[U8]  # each ends with a zero
    count: U64  # of symbols
    balance: U64  # with it, all 64-bit words of the table add up to 0


BY_ADDRESS = ("addresses", "sizes", "names", "lines", "by_name")
"""The parts that addresses decide, which come first."""


LineProgram: TypeAlias = tuple[str | bytes, ...]
"""The lines of a function, with the names of files in place of their indexes."""


class EmbeddedTable:
    """The table of an image with these `symbols`, those of functions with their lines.

    Source files are named relative to `directory`.
    """

    def __init__(self, symbols: Mapping[str, LineProgram | None], directory: str) -> None:
        self._strings = bytearray()
        self._programs = bytearray()
        self._files: dict[str, int] = {}
        self._names = {name: self._string(name) for name in symbols}
        self._lines = {name: self._program(lines) for name, lines in symbols.items()}
        self._file_names = [self._string(_relative(file, directory)) for file in self._files]
        self._order = sorted(symbols, key=str.encode)

    @property
    def room(self) -> ObjectFile:
        """The table as an object to be linked, zeros in place of what addresses decide."""
        section = Section(f".{SYMBOLS}", SectionFlags.ALLOC, align=ALIGNMENT)
        section.data += bytes(sizeof(EmbeddedSymbols))
        at = offsetof(EmbeddedSymbols, "count")
        section.data[at : at + sizeof(U64)] = len(self._names).to_bytes(sizeof(U64), "little")
        parts = {name: bytes(sizeof(U32) * len(self._names)) for name in BY_ADDRESS}
        parts["files"] = _words(self._file_names)
        parts["programs"] = bytes(self._programs)
        parts["strings"] = bytes(self._strings)
        for name, contents in parts.items():
            pointer = offsetof(EmbeddedSymbols, name)
            kind = RelocationKind.R_X86_64_64
            section.relocations.append(Relocation(pointer, kind, section.name, len(section.data)))
            section.data += contents
        section.data += bytes(-len(section.data) % ALIGNMENT)
        return ObjectFile(SYMBOLS, [section])

    def complete(self, image: Path) -> None:
        """Fill in the addresses of the linked `image`, which `room` is a part of."""
        contents = image.read_bytes()
        (section,) = (one for one in read_sections(contents) if one.name == f".{SYMBOLS}")
        table = contents[section.offset : section.offset + section.size]
        with image.open("r+b") as file:
            file.seek(section.offset)
            file.write(self.completed(table, read_symbols(image)))

    def completed(self, table: bytes, symbols: Iterable[LinkedSymbol]) -> bytes:
        """The linked `table` with all of its parts, in an image with `symbols`."""
        made, addressed = bytearray(table), self.addressed(symbols)
        start, balance = sizeof(EmbeddedSymbols), offsetof(EmbeddedSymbols, "balance")
        made[start : start + len(addressed)] = addressed
        total = sum(struct.unpack(f"<{len(made) // sizeof(U64)}Q", made))
        struct.pack_into("<Q", made, balance, -total % (1 << 64))
        return bytes(made)

    def addressed(self, symbols: Iterable[LinkedSymbol]) -> bytes:
        """The parts `BY_ADDRESS` in an image with `symbols`."""
        told = [one for one in symbols if one.name in self._names]
        told.sort(key=lambda symbol: symbol.address)
        numbers = {symbol.name: number for number, symbol in enumerate(told)}
        parts = {
            "addresses": (symbol.address & 0xFFFFFFFF for symbol in told),
            "sizes": (symbol.size for symbol in told),
            "names": (self._names[symbol.name] for symbol in told),
            "lines": (self._lines[symbol.name] for symbol in told),
            "by_name": (numbers[name] for name in self._order),
        }
        return b"".join(_words(parts[name]) for name in BY_ADDRESS)

    def _string(self, text: str) -> int:
        """Add `text`; where it begins."""
        start = len(self._strings)
        self._strings += text.encode() + b"\0"
        return start

    def _program(self, lines: LineProgram | None) -> int:
        """Add the program of a function's `lines`; where it begins."""
        if lines is None:
            return NO_LINES
        start = len(self._programs)
        for part in lines:
            self._programs += unsigned(self._file(part)) if isinstance(part, str) else part
        return start

    def _file(self, file: str) -> int:
        return self._files.setdefault(file, len(self._files))


def told_symbols(unit: ObjectFile) -> dict[str, LineProgram | None]:
    """What the table tells of the symbols of an object."""
    functions = unit.debug.functions if unit.debug is not None else []
    lines = {one.name: line_program(one) for one in functions if one.code}
    return {
        symbol.name: lines.get(symbol.name)
        for symbol in unit.symbols
        if symbol.size and not _is_of_processor(symbol)
    }


def line_program(function: DebugFunction) -> LineProgram:
    """The lines of a function as a program."""
    made: list[str | bytes] = []
    (at, (file, line)), *rows = function.rows
    made += [file, unsigned(line)]
    for offset, source in [*rows, (len(function.code), Source(file, line))]:
        row = unsigned(offset - at) + unsigned(_zigzag(source.line - line))
        made.append(row)
        if source.file != file:
            made += [unsigned(FILE_CHANGE), source.file]
        at, (file, line) = offset, source
    return _joined(made)


def _joined(parts: Iterable[str | bytes]) -> LineProgram:
    """`parts` with bytes that follow each other as one."""
    joined: list[str | bytes] = []
    for part in parts:
        last = joined[-1] if joined else ""
        if isinstance(part, bytes) and isinstance(last, bytes):
            joined[-1] = last + part
        else:
            joined.append(part)
    return tuple(joined)


def _is_of_processor(symbol: Symbol) -> bool:
    """Whether `symbol` is a variable of each processor, which has an offset for an address."""
    return (symbol.section or "").startswith(f"{Storage.PERCPU.value}.")


def _relative(file: str, directory: str) -> str:
    path = Path(file)
    return str(path.relative_to(directory) if path.is_relative_to(directory) else path)


def _words(numbers: Iterable[int]) -> bytes:
    listed = [*numbers]
    return struct.pack(f"<{len(listed)}I", *listed)


def _zigzag(number: int) -> int:
    return number * 2 if number >= 0 else -number * 2 - 1
