"""What an ELF file has for others to be linked to it (System V ABI, chapters 4 and 5; Linux
Standard Base, Core, chapter 10, for versions)."""

from __future__ import annotations

from enum import IntEnum

from pykasm import *


class SectionType(IntEnum):
    """What a section has: sh_type (figure 4-11; the versions: Linux Standard Base, 10.2)."""

    CODE_OR_DATA = 1
    """What the program knows itself (SHT_PROGBITS)."""
    TEXTS = 3
    HASH = 5
    DYNAMIC = 6
    DYNAMIC_SYMBOLS = 11
    VERSION_DEFINITIONS = 0x6FFF_FFFD
    SYMBOL_VERSIONS = 0x6FFF_FFFF


class SectionFlag(IntEnum):
    """What a section is for: sh_flags (figure 4-12)."""

    LOADED = 1 << 1
    LOADED_CODE = 1 << 1 | 1 << 2


class SectionHeader(Struct):
    """A section, Elf64_Shdr (figure 4-10)."""

    name: U32
    type: U32
    flags: U64
    address: U64
    offset: U64
    size: U64
    link: U32
    """The number of the section with the texts, or symbols, that this one means."""
    information: U32
    alignment: U64
    entry_size: U64


class DynamicTag(IntEnum):
    """What a row of the dynamic section tells: d_tag (figure 5-10; the versions: Linux Standard
    Base, 10.3)."""

    NULL = 0
    HASH = 4
    TEXTS = 5
    SYMBOLS = 6
    TEXTS_SIZE = 10
    SYMBOL_SIZE = 11
    OBJECT_NAME = 14
    SYMBOL_VERSIONS = 0x6FFF_FFF0
    VERSION_DEFINITIONS = 0x6FFF_FFFC
    VERSION_DEFINITION_COUNT = 0x6FFF_FFFD


class DynamicRow(Struct):
    """A row of it, Elf64_Dyn (figure 5-9)."""

    tag: U64
    value: U64


class SymbolInformation(IntEnum):
    """Binding and type of a symbol: st_info (figures 4-17 and 4-18)."""

    GLOBAL_FUNCTION = 1 << 4 | 2
    WEAK_FUNCTION = 2 << 4 | 2


class DynamicSymbol(Struct):
    """A symbol, Elf64_Sym (figure 4-16)."""

    name: U32
    information: U8
    other: U8
    section: U16
    value: U64
    size: U64


VERSION_BASE = 1
"""The flag of the version that is the file's name (VER_FLG_BASE)."""


class VersionDefinition(Struct):
    """A version that the file has, Elfxx_Verdef, with its name, Elfxx_Verdaux (Linux Standard Base,
    10.7.2)."""

    revision: U16
    flags: U16
    number: U16
    name_count: U16
    hash: U32
    to_names: U32
    """Bytes from here to the first name."""
    to_next: U32
    """Bytes from here to the next one; 0 for the last."""
    name: U32
    to_next_name: U32
