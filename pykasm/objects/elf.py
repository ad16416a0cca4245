"""The ELF64 relocatable file (System V ABI, "Object Files"; AMD64 supplement, chapter 4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum

from pykasm.objects.check import check_object
from pykasm.objects.model import Binding, ObjectFile, Section, SectionFlags
from pykasm.objects.sections import debug_sections
from pykasm.objects.strings import StringTable

HEADER = struct.Struct("<4sBBBBB7xHHIQQQIHHHHHH")
"""`Elf64_Ehdr`."""

SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
"""`Elf64_Shdr`."""

SYMBOL = struct.Struct("<IBBHQQ")
"""`Elf64_Sym`."""

MAGIC = b"\x7fELF"
_RELOCATION = struct.Struct("<QQq")

_ELFCLASS64 = 2
_ELFDATA2LSB = 1
_EV_CURRENT = 1
_ELFOSABI_NONE = 0
_ET_REL = 1
_EM_X86_64 = 62
_STB_LOCAL = 0
_STB_GLOBAL = 1
_STT_SECTION = 3
_STT_FILE = 4
_SHN_UNDEF = 0
_SHN_ABS = 0xFFF1
_SHF_INFO_LINK = 0x40


class SectionType(IntEnum):
    """What a section holds: `sh_type`."""

    NULL = 0
    PROGBITS = 1
    SYMTAB = 2
    STRTAB = 3
    RELA = 4
    NOTE = 7
    NOBITS = 8


@dataclass(slots=True)
class _Part:
    """A section of the file: what its header says and its bytes in the file."""

    name: str
    type: SectionType
    data: bytes | bytearray = b""
    flags: int = 0
    size: int = 0
    link: int = 0
    info: int = 0
    align: int = 1
    entry_size: int = 0


@dataclass(slots=True)
class _SymbolTable:
    """`.symtab` while it is built; `numbers` gives the index that relocations use."""

    strings: StringTable = field(default_factory=StringTable)
    data: bytearray = field(default_factory=lambda: bytearray(SYMBOL.size))
    numbers: dict[str, int] = field(default_factory=dict)
    locals: int = 0

    def add(self, name: str, info: int, section: int, offset: int = 0, size: int = 0) -> int:
        """Append a symbol; the result is its index."""
        number = len(self.data) // SYMBOL.size
        self.data += SYMBOL.pack(self.strings.add(name), info, 0, section, offset, size)
        return number


def write_object(obj: ObjectFile) -> bytes:
    """The bytes of the relocatable file for `obj`, debugging information included.

    The same object gives the same bytes. Raises what `check_object` does.
    """
    check_object(obj)
    sections = [*obj.sections]
    if obj.debug is not None:
        sections += debug_sections(obj, obj.debug)
    sections.append(Section(".note.GNU-stack", SectionFlags.NONE))  # asks for no executable stack
    numbers = {section.name: number for number, section in enumerate(sections, start=1)}
    table = _symbol_table(obj, sections, numbers)
    parts = [_Part("", SectionType.NULL, align=0)]
    parts += [_contents(section) for section in sections]
    symtab = len(parts) + sum(1 for section in sections if section.relocations)
    parts += [
        _relocations(section, numbers[section.name], table, symtab)
        for section in sections
        if section.relocations
    ]
    parts += _symbol_parts(table, symtab)
    return _file(parts)


def _symbol_table(
    obj: ObjectFile, sections: list[Section], numbers: dict[str, int]
) -> _SymbolTable:
    """Symbols in the order ELF wants: locals, then globals, then what is undefined."""
    table = _SymbolTable()
    table.add(obj.name, _STT_FILE, _SHN_ABS)
    named = {symbol for section in sections for _, _, symbol, _ in section.relocations}
    for section in sections:
        if section.name in named:
            number = table.add("", _STT_SECTION, numbers[section.name])
            table.numbers[section.name] = number
    defined = [symbol for symbol in obj.symbols if symbol.section is not None]
    for binding in (Binding.LOCAL, Binding.GLOBAL):
        table.locals = len(table.data) // SYMBOL.size
        upper = binding.value << 4
        for symbol in defined:
            if symbol.binding is binding and symbol.section is not None:
                where = numbers[symbol.section]
                table.numbers[symbol.name] = table.add(
                    symbol.name, upper | symbol.kind, where, symbol.offset, symbol.size
                )
    imported = {symbol.name for symbol in obj.symbols if symbol.section is None} | named
    for name in sorted(imported - table.numbers.keys()):
        table.numbers[name] = table.add(name, _STB_GLOBAL << 4, _SHN_UNDEF)
    return table


def _contents(section: Section) -> _Part:
    part = _Part(section.name, SectionType.PROGBITS, section.data, int(section.flags))
    part.size, part.align, part.entry_size = section.size, section.align, section.entry_size
    if section.note:
        part.type = SectionType.NOTE
    elif section.zeros is not None:
        part.type, part.data = SectionType.NOBITS, b""
    return part


def _relocations(section: Section, number: int, table: _SymbolTable, symtab: int) -> _Part:
    pack, numbers = _RELOCATION.pack, table.numbers
    data = b"".join(
        [
            pack(offset, numbers[symbol] << 32 | kind, addend)
            for offset, kind, symbol, addend in section.relocations
        ]
    )
    return _Part(
        ".rela" + section.name,
        SectionType.RELA,
        data,
        _SHF_INFO_LINK,
        len(data),
        link=symtab,
        info=number,
        align=8,
        entry_size=_RELOCATION.size,
    )


def _symbol_parts(table: _SymbolTable, symtab: int) -> list[_Part]:
    strings = table.strings.data
    return [
        _Part(
            ".symtab",
            SectionType.SYMTAB,
            table.data,
            size=len(table.data),
            link=symtab + 1,
            info=table.locals,
            align=8,
            entry_size=SYMBOL.size,
        ),
        _Part(".strtab", SectionType.STRTAB, strings, size=len(strings)),
    ]


def _file(parts: list[_Part]) -> bytes:
    """Header, contents of all parts, section headers."""
    names = StringTable()
    offsets = [names.add(part.name) for part in parts]
    offsets.append(names.add(".shstrtab"))
    parts.append(_Part(".shstrtab", SectionType.STRTAB, names.data, size=len(names.data)))
    out = bytearray(HEADER.size)
    headers = bytearray()
    for part, name in zip(parts, offsets, strict=True):
        out += bytes(-len(out) % max(1, part.align))
        place = len(out) if part.type is not SectionType.NULL else 0
        out += part.data
        headers += SECTION_HEADER.pack(
            name,
            part.type,
            part.flags,
            0,
            place,
            part.size,
            part.link,
            part.info,
            part.align,
            part.entry_size,
        )
    out += bytes(-len(out) % 8)
    out[: HEADER.size] = _file_header(len(out), len(parts))
    return bytes(out + headers)


def _file_header(section_headers: int, sections: int) -> bytes:
    return HEADER.pack(
        MAGIC,
        _ELFCLASS64,
        _ELFDATA2LSB,
        _EV_CURRENT,
        _ELFOSABI_NONE,
        0,
        _ET_REL,
        _EM_X86_64,
        _EV_CURRENT,
        0,
        0,
        section_headers,
        0,
        HEADER.size,
        0,
        0,
        SECTION_HEADER.size,
        sections,
        sections - 1,
    )
