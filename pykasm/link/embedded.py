"""The symbol table that a kernel carries, to name addresses by itself: the section `.symbols`.

`SymbolTable` lies at its start and points to what follows. Symbols are functions and data with a
size, ordered by address. An address is held by its lower 32 bits, of which it is the sign
extension: code before paging lies in the first 2 GiB, all other in the last (System V ABI AMD64
supplement, 3.5.1, "kernel code model").

The lines of a function are a program of unsigned LEB128 numbers (DWARF 5, 7.6). It begins with
the index of a file and a line, which hold from the function's first byte on. Then follow rows of
two numbers: how many bytes after the row before the next one begins, which is never 0, and how far
its line is from that row's, in zigzag order (0, -1, 1, -2 …). `FILE_CHANGE` behind a row, then the
index of a file, says that the row is of that file. The last row begins where the function ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pykasm.lang.data import DataReference, Packer, SymbolReference
from pykasm.lang.objects import AssembledUnit
from pykasm.lang.types import U8, U32, U64, Ptr, Struct, TypeMeta, sizeof
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


class SymbolTable(Struct):
    """What `.symbols` begins with. Offsets of names are in bytes from `strings` on, those of line
    programs from `programs` on."""

    addresses: Ptr[U32]  # of each symbol, ascending
    sizes: Ptr[U32]  # in bytes
    names: Ptr[U32]
    lines: Ptr[U32]  # offset of the line program, or NO_LINES
    by_name: Ptr[U32]  # indexes of the symbols in the order of the bytes of their names
    files: Ptr[U32]  # the name of each file
    programs: Ptr[U8]
    strings: Ptr[U8]  # each ends with a zero
    count: U64  # of symbols


class _Strings:
    """Strings one after the other, each once."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self._offsets: dict[str, int] = {}

    def offset(self, text: str) -> int:
        """Where `text` begins."""
        if text not in self._offsets:
            self._offsets[text] = len(self.bytes)
            self.bytes += text.encode() + b"\0"
        return self._offsets[text]


class _Lines(NamedTuple):
    """A function's rows in the way of a table: offset, index of the file, line."""

    offset: int
    file: int
    line: int


def embedded_symbols(units: Sequence[AssembledUnit], linked: Path) -> ObjectFile:
    """The symbol table of the image `linked` from `units`, as an object to be linked to it.

    Source files are named relative to the directory that the units' debugging information names.
    """
    symbols = sorted(filter(_is_told, read_symbols(linked)), key=lambda one: one.address)
    functions = {
        function.name: (function, debug.directory)
        for unit in units
        if (debug := unit.object.debug) is not None
        for function in debug.functions
    }
    return _table(symbols, functions)


def _is_told(symbol: LinkedSymbol) -> bool:
    """Whether the table holds `symbol`; per-CPU variables have offsets in place of addresses."""
    return symbol.defined and symbol.size > 0 and symbol.address >= LOAD_ADDRESS


def _table(
    symbols: list[LinkedSymbol], functions: dict[str, tuple[DebugFunction, str]]
) -> ObjectFile:
    strings, programs = _Strings(), bytearray()
    files: dict[str, int] = {}
    lines = []
    for symbol in symbols:
        if symbol.name not in functions:
            lines.append(NO_LINES)
            continue
        lines.append(len(programs))
        programs += _program(*functions[symbol.name], files)
    by_name = sorted(range(len(symbols)), key=lambda index: symbols[index].name.encode())
    parts: dict[str, bytes] = {
        "addresses": _words(symbol.address & 0xFFFFFFFF for symbol in symbols),
        "sizes": _words(symbol.size for symbol in symbols),
        "names": _words(strings.offset(symbol.name) for symbol in symbols),
        "lines": _words(lines),
        "by_name": _words(by_name),
        "files": _words(strings.offset(file) for file in files),
        "programs": bytes(programs),
        "strings": bytes(strings.bytes),
    }
    return _object(parts, len(symbols))


def _words(numbers: Iterable[int]) -> bytes:
    return b"".join(number.to_bytes(sizeof(U32), "little") for number in numbers)


def _program(function: DebugFunction, directory: str, files: dict[str, int]) -> bytes:
    """The line program of `function`; files that are new are added to `files`."""
    rows = [
        _Lines(offset, files.setdefault(_relative(source, directory), len(files)), source.line)
        for offset, source in function.rows
    ] or [_Lines(0, files.setdefault(_relative(function.declared, directory), len(files)), 0)]
    out = bytearray(unsigned(rows[0].file) + unsigned(rows[0].line))
    before = rows[0]
    for row in [*rows[1:], before._replace(offset=len(function.code) or 1)]:
        if row.offset == before.offset:
            continue
        out += unsigned(row.offset - before.offset) + unsigned(_zigzag(row.line - before.line))
        if row.file != before.file:
            out += unsigned(FILE_CHANGE) + unsigned(row.file)
        before = row
    return bytes(out)


def _relative(source: Source, directory: str) -> str:
    path = Path(source.file)
    return str(path.relative_to(directory) if path.is_relative_to(directory) else path)


def _zigzag(number: int) -> int:
    return number * 2 if number >= 0 else -number * 2 - 1


def _object(parts: dict[str, bytes], count: int) -> ObjectFile:
    name = f".{SYMBOLS}"
    section = Section(
        name, SectionFlags.ALLOC, align=ALIGNMENT, data=bytearray(sizeof(SymbolTable))
    )
    places = {}
    for part, contents in parts.items():
        places[part] = len(section.data)
        section.data += contents
        section.data += bytes(-len(section.data) % sizeof(U32))
    ...
