"""The symbols of an object file or of a linked image, read back from its ELF symbol table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pykasm.errors import PykasmError
from pykasm.link.sections import LinkedSection, read_sections
from pykasm.objects.elf import MAGIC, SYMBOL, SectionType
from pykasm.objects.model import SymbolKind

SHN_UNDEF = 0
STB_LOCAL = 0
TYPES = {kind.value: kind for kind in SymbolKind}


class LinkedSymbol(NamedTuple):
    """A symbol: its value in the file and its size in bytes."""

    name: str
    address: int
    size: int
    kind: SymbolKind
    defined: bool
    local: bool


def read_symbols(path: Path) -> list[LinkedSymbol]:
    """All named symbols of the ELF file `path`, but those that stand for sections and files.

    Raises `PykasmError` for a file of another kind.
    """
    image = path.read_bytes()
    if not image.startswith(MAGIC):
        raise PykasmError(f"{path} is no ELF file")
    sections = read_sections(image)
    for section in sections:
        if section.type == SectionType.SYMTAB:
            return list(
                _symbols(_contents(image, section), _contents(image, sections[section.link]))
            )
    return []


def _contents(image: bytes, section: LinkedSection) -> bytes:
    return image[section.offset : section.offset + section.size]


def _symbols(entries: bytes, names: bytes) -> Iterator[LinkedSymbol]:
    for name, info, _, section, value, size in SYMBOL.iter_unpack(entries):
        kind = TYPES.get(info & 0xF)
        if name and kind is not None:
            text = names[name : names.index(0, name)].decode()
            yield LinkedSymbol(
                text, value, size, kind, section != SHN_UNDEF, info >> 4 == STB_LOCAL
            )
