"""The symbols of an object file or of a linked image, read back from its ELF symbol table."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

from pykasm.objects.model import SymbolKind

ENTRY = struct.Struct("<IBBHQQ")
"""`Elf64_Sym` (System V ABI, chapter 4, "Symbol Table")."""

SHN_UNDEF = 0
STB_LOCAL = 0
TYPES = {kind.value: kind for kind in SymbolKind}


@dataclass(frozen=True, slots=True)
class LinkedSymbol:
    """A symbol: its value in the file and its size in bytes."""

    name: str
    address: int
    size: int
    kind: SymbolKind
    defined: bool
    local: bool


def read_symbols(path: Path) -> list[LinkedSymbol]:
    """All named symbols of the ELF file `path`, but those that stand for sections and files."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".symtab")
        if table is None:
            return []
        names = elf.get_section(table["sh_link"]).data()
        return list(_symbols(table.data(), names))


def _symbols(entries: bytes, names: bytes) -> Iterator[LinkedSymbol]:
    for name, info, _, section, value, size in ENTRY.iter_unpack(entries):
        kind = TYPES.get(info & 0xF)
        if name and kind is not None:
            text = names[name : names.index(0, name)].decode()
            yield LinkedSymbol(
                text, value, size, kind, section != SHN_UNDEF, info >> 4 == STB_LOCAL
            )
