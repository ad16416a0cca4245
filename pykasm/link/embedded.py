"""The symbol table that a kernel carries, to name addresses by itself: the section `.symbols`.

`EmbeddedSymbols` lies at its start and points to what follows. Symbols are functions and data
with a size, ordered by address. An address is held by its lower 32 bits, of which it is the sign
extension: code before paging lies in the first 2 GiB, all other in the last (System V ABI AMD64
supplement, 3.5.1, "kernel code model").

The lines of a function are a program of unsigned LEB128 numbers (DWARF 5, 7.6). It begins with
the index of a file and a line, which hold from the function's first byte on. Then follow rows of
two numbers: how many bytes after the row before the next one begins, which is never 0, and how
far its line is from that row's, in zigzag order (0, -1, 1, -2 …). `FILE_CHANGE` behind a row, then
the index of a file, says that the row is of that file. The last row begins where the function
ends.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pykasm.lang.objects import AssembledUnit
from pykasm.lang.types import U8, U32, U64, Ptr, Struct, offsetof, sizeof
from pykasm.link.layout import LOAD_ADDRESS, SYMBOLS
from pykasm.link.symbols import LinkedSymbol, read_symbols
from pykasm.objects.debug import DebugFunction
from pykasm.objects.leb128 import unsigned
from pykasm.objects.model import ObjectFile, Relocation, RelocationKind, Section, SectionFlags
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


class _Row(NamedTuple):
    """From `offset` bytes into a function on, its code comes from `line` of the file `file`."""

    offset: int
    file: int
    line: int


class _Table:
    """The parts of the table while they grow."""

    def __init__(self) -> None:
        self.strings = bytearray()
        self.programs = bytearray()
        self.files: dict[str, int] = {}

    def string(self, text: str) -> int:
        """Add `text`; where it begins."""
        self.strings += text.encode() + b"\0"
        return len(self.strings) - len(text.encode()) - 1

    def program(self, function: DebugFunction, directory: str) -> int:
        """Add the line program of `function`; where it begins."""
        start = len(self.programs)
        row, *rest = self._rows(function, directory)
        self.programs += unsigned(row.file) + unsigned(row.line)
        for following in [*rest, row._replace(offset=len(function.code))]:
            self.programs += unsigned(following.offset - row.offset)
            self.programs += unsigned(_zigzag(following.line - row.line))
            if following.file != row.file:
                self.programs += unsigned(FILE_CHANGE) + unsigned(following.file)
            row = following
        return start

    def _rows(self, function: DebugFunction, directory: str) -> list[_Row]:
        return [
            _Row(offset, self._file(source, directory), source.line)
            for offset, source in function.rows
        ]

    def _file(self, source: Source, directory: str) -> int:
        name = _relative(source.file, directory)
        return self.files.setdefault(name, len(self.files))

    def finished(self, symbols: Sequence[LinkedSymbol], lines: list[int]) -> ObjectFile:
        """The table as an object."""
        order = sorted(range(len(symbols)), key=lambda index: symbols[index].name.encode())
        parts = {
            "addresses": _words(symbol.address & 0xFFFFFFFF for symbol in symbols),
            "sizes": _words(symbol.size for symbol in symbols),
            "names": _words(self.string(symbol.name) for symbol in symbols),
            "lines": _words(lines),
            "by_name": _words(order),
            "files": _words(self.string(file) for file in self.files),
            "programs": bytes(self.programs),
            "strings": bytes(self.strings),
        }
        return _object(parts, len(symbols))


def embedded_symbols(units: Sequence[AssembledUnit], linked: Path) -> ObjectFile:
    """The symbol table of the image `linked` from `units`, as an object to be linked to it.

    Source files are named relative to the directory that the units' debugging information names.
    """
    functions = {
        function.name: (function, debug.directory)
        for unit in units
        if (debug := unit.object.debug) is not None
        for function in debug.functions
    }
    return symbols_object(read_symbols(linked), functions)


def symbols_object(
    symbols: Iterable[LinkedSymbol], functions: Mapping[str, tuple[DebugFunction, str]]
) -> ObjectFile:
    """The table of `symbols`; `functions` has those of code by name, each with the directory that
    its source files are named relative to."""
    table = _Table()
    told = sorted(filter(_is_told, symbols), key=lambda symbol: symbol.address)
    lines = [
        table.program(*functions[symbol.name]) if symbol.name in functions else NO_LINES
        for symbol in told
    ]
    return table.finished(told, lines)


@cache
def _relative(file: str, directory: str) -> str:
    path = Path(file)
    return str(path.relative_to(directory) if path.is_relative_to(directory) else path)


def _is_told(symbol: LinkedSymbol) -> bool:
    """Whether the table holds `symbol`; per-CPU variables have offsets in place of addresses."""
    return symbol.defined and symbol.size > 0 and symbol.address >= LOAD_ADDRESS


def _words(numbers: Iterable[int]) -> bytes:
    listed = [*numbers]
    return struct.pack(f"<{len(listed)}I", *listed)


def _zigzag(number: int) -> int:
    return number * 2 if number >= 0 else -number * 2 - 1


def _object(parts: dict[str, bytes], count: int) -> ObjectFile:
    """`EmbeddedSymbols` for `count` symbols, and behind it the `parts` that it points to."""
    section = Section(f".{SYMBOLS}", SectionFlags.ALLOC, align=ALIGNMENT)
    section.data += bytes(sizeof(EmbeddedSymbols))
    at = offsetof(EmbeddedSymbols, "count")
    section.data[at:] = count.to_bytes(sizeof(U64), "little")
    for name, contents in parts.items():
        pointer = offsetof(EmbeddedSymbols, name)
        kind = RelocationKind.R_X86_64_64
        section.relocations.append(Relocation(pointer, kind, section.name, len(section.data)))
        section.data += contents
    return ObjectFile(SYMBOLS, [section])
