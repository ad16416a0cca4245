"""The symbols of an object file or of a linked image, read back from its ELF symbol table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pykasm.errors import PykasmError
from pykasm.objects.elf import HEADER, MAGIC, SECTION_HEADER, SYMBOL, SectionType
from pykasm.objects.model import SymbolKind

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
    """All named symbols of the ELF file `path`, but those that stand for sections and files.

    Raises `PykasmError` for a file of another kind.
    """
    image = path.read_bytes()
    if not image.startswith(MAGIC):
        raise PykasmError(f"{path} is no ELF file")
    sections = _sections(image)
    for section in sections:
        if section.type == SectionType.SYMTAB:
            names = sections[section.link]
            return list(_symbols(section.data, names.data))
    return []


class _Section(NamedTuple):
    """A section of the file as its header describes it."""

    type: int
    link: int
    data: bytes


def _sections(image: bytes) -> list[_Section]:
    *_, offset, _, _, _, _, size, count, _ = HEADER.unpack_from(image)
    return [_section(image, offset + number * size) for number in range(count)]


def _section(image: bytes, at: int) -> _Section:
    _, kind, _, _, start, length, link, *_ = SECTION_HEADER.unpack_from(image, at)
    return _Section(kind, link, image[start : start + length])


def _symbols(entries: bytes, names: bytes) -> Iterator[LinkedSymbol]:
    for name, info, _, section, value, size in SYMBOL.iter_unpack(entries):
        kind = TYPES.get(info & 0xF)
        if name and kind is not None:
            text = names[name : names.index(0, name)].decode()
            yield LinkedSymbol(
                text, value, size, kind, section != SHN_UNDEF, info >> 4 == STB_LOCAL
            )
