"""The file that each program finds in its memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kernel.cpu.pagetable import PAGE
from kernel.exec.dynamic import (
    VERSION_BASE,
    DynamicRow,
    DynamicSymbol,
    DynamicTag,
    SectionFlag,
    SectionHeader,
    SectionType,
    SymbolInformation,
    VersionDefinition,
)
from kernel.process.elf import (
    CLASS_64,
    LITTLE_ENDIAN,
    MACHINE_X86_64,
    MAGIC,
    ElfHeader,
    ElfType,
    ProgramHeader,
    SegmentFlag,
    SegmentType,
)
from pykasm import *

OBJECT_NAME = "linux-vdso.so.1"
"""What it is called (vdso(7))."""

VERSION = "LINUX_2.6"
"""The version of all that it has (vdso(7), x86-64)."""

PREFIX = "__vdso_"
"""What the names of its functions begin with; each has a weak one without that (vdso(7))."""

FUNCTIONS = ("clock_gettime", "clock_getres", "gettimeofday", "time", "getcpu")
"""Those that Linux has since all programs that look for them."""

NAMES = tuple(prefix + name for name in FUNCTIONS for prefix in (PREFIX, ""))

DYNAMIC_ROWS = 10

SECTIONS = (
    *(".hash", ".dynsym", ".dynstr", ".gnu.version", ".gnu.version_d", ".dynamic", ".text"),
    ".shstrtab",
)
"""Names of its sections; the first one, number 0, is none."""


def _joined(texts: Sequence[str]) -> bytes:
    return b"\0" + b"".join(one.encode() + b"\0" for one in texts)


TEXTS = _joined((OBJECT_NAME, VERSION, *NAMES))
SECTION_TEXTS = _joined(SECTIONS)


def _place(text: str, texts: bytes = TEXTS) -> int:
    """Where `text` begins in `texts`."""
    return texts.index(b"\0" + text.encode() + b"\0") + 1


class HashTable(Struct):
    """Where symbols are looked up (System V ABI, figure 5-12): one chain, as there are few."""

    bucket_count: U32
    chain_count: U32
    """As many as symbols."""
    bucket: U32
    chain: Array[U32] = field(count=len(NAMES) + 1)


class VdsoImage(Struct):
    """An ELF file that programs call functions in, up to its code, which follows. It is linked at
    address 0, so that addresses in it are distances from its beginning."""

    header: ElfHeader
    segments: Array[ProgramHeader] = field(count=2)
    sections: Array[SectionHeader] = field(count=len(SECTIONS) + 1)
    dynamic: Array[DynamicRow] = field(count=DYNAMIC_ROWS)
    symbols: Array[DynamicSymbol] = field(count=len(NAMES) + 1)
    versions: Array[VersionDefinition] = field(count=2)
    hash: HashTable
    symbol_versions: Array[U16] = field(count=len(NAMES) + 1)
    texts: Array[U8] = field(count=len(TEXTS))
    section_texts: Array[U8] = field(count=len(SECTION_TEXTS))


def elf_hash(name: str) -> int:
    """The number that `name` is looked up by (System V ABI, figure 5-13)."""
    number = 0
    for byte in name.encode():
        number = (number << 4) + byte
        high = number & 0xF000_0000
        number = (number ^ high >> 24) & ~high
    return number


def vdso_image(functions: Mapping[str, object]) -> VdsoImage:
    """The image with `functions`, by the names of `FUNCTIONS`."""
    return VdsoImage(
        header=_header(),
        segments=_segments(),
        sections=_sections(),
        dynamic=_dynamic(),
        symbols=_symbols(functions),
        versions=_versions(),
        hash=HashTable(
            bucket_count=1,
            chain_count=len(NAMES) + 1,
            bucket=1,
            chain=[0, *range(2, len(NAMES) + 1), 0],
        ),
        symbol_versions=[0] + [2] * len(NAMES),
        texts=TEXTS,
        section_texts=SECTION_TEXTS,
    )


def _header() -> ElfHeader:
    return ElfHeader(
        magic=MAGIC,
        file_class=CLASS_64,
        data=LITTLE_ENDIAN,
        file_version=1,
        type=ElfType.SHARED,
        machine=MACHINE_X86_64,
        version=1,
        program_headers=offsetof(VdsoImage, "segments"),
        section_headers=offsetof(VdsoImage, "sections"),
        header_size=sizeof(ElfHeader),
        program_header_size=sizeof(ProgramHeader),
        program_header_count=2,
        section_header_size=sizeof(SectionHeader),
        section_header_count=len(SECTIONS) + 1,
        section_names=SECTIONS.index(".shstrtab") + 1,
    )


def _segments() -> list[ProgramHeader]:
    dynamic = offsetof(VdsoImage, "dynamic")
    return [
        ProgramHeader(
            type=SegmentType.LOAD,
            flags=SegmentFlag.READ | SegmentFlag.EXECUTE,
            file_size=PAGE,
            memory_size=PAGE,
            alignment=PAGE,
        ),
        ProgramHeader(
            type=SegmentType.DYNAMIC,
            flags=SegmentFlag.READ,
            offset=dynamic,
            address=dynamic,
            file_size=DYNAMIC_ROWS * sizeof(DynamicRow),
            memory_size=DYNAMIC_ROWS * sizeof(DynamicRow),
            alignment=sizeof(U64),
        ),
    ]


def _section(
    name: str,
    type: SectionType,
    part: str,
    size: int,
    entry_size: int = 0,
    link: str = "",
    information: int = 0,
) -> SectionHeader:
    """The header of the section `name`, which is the field `part` of the image, of `size` bytes;
    what it means is in the section `link`."""
    return SectionHeader(
        name=_place(name, SECTION_TEXTS),
        type=type,
        flags=SectionFlag.LOADED,
        address=offsetof(VdsoImage, part),
        offset=offsetof(VdsoImage, part),
        size=size,
        entry_size=entry_size,
        link=SECTIONS.index(link) + 1 if link else 0,
        information=information,
        alignment=1,
    )


def _sections() -> list[SectionHeader]:
    count, symbols, texts = len(NAMES) + 1, ".dynsym", ".dynstr"
    end = sizeof(VdsoImage)
    return [
        SectionHeader(),
        _section(".hash", SectionType.HASH, "hash", sizeof(HashTable), sizeof(U32), symbols),
        _section(
            *(symbols, SectionType.DYNAMIC_SYMBOLS, "symbols", count * sizeof(DynamicSymbol)),
            *(sizeof(DynamicSymbol), texts),
            information=1,  # how many are local
        ),
        _section(texts, SectionType.TEXTS, "texts", len(TEXTS)),
        _section(
            *(".gnu.version", SectionType.SYMBOL_VERSIONS, "symbol_versions", count * sizeof(U16)),
            *(sizeof(U16), symbols),
        ),
        _section(
            *(".gnu.version_d", SectionType.VERSION_DEFINITIONS, "versions"),
            *(2 * sizeof(VersionDefinition), 0, texts),
            information=2,  # how many there are
        ),
        _section(
            *(".dynamic", SectionType.DYNAMIC, "dynamic", DYNAMIC_ROWS * sizeof(DynamicRow)),
            *(sizeof(DynamicRow), texts),
        ),
        SectionHeader(
            name=_place(".text", SECTION_TEXTS),
            type=SectionType.CODE_OR_DATA,
            flags=SectionFlag.LOADED_CODE,
            address=end,
            offset=end,
            size=PAGE - end,  # with the zeros behind the code
            alignment=1,
        ),
        _section(".shstrtab", SectionType.TEXTS, "section_texts", len(SECTION_TEXTS)),
    ]


def _dynamic() -> list[DynamicRow]:
    def row(tag: DynamicTag, value: int) -> DynamicRow:
        return DynamicRow(tag=tag, value=value)

    return [
        row(DynamicTag.OBJECT_NAME, _place(OBJECT_NAME)),
        row(DynamicTag.HASH, offsetof(VdsoImage, "hash")),
        row(DynamicTag.TEXTS, offsetof(VdsoImage, "texts")),
        row(DynamicTag.TEXTS_SIZE, len(TEXTS)),
        row(DynamicTag.SYMBOLS, offsetof(VdsoImage, "symbols")),
        row(DynamicTag.SYMBOL_SIZE, sizeof(DynamicSymbol)),
        row(DynamicTag.SYMBOL_VERSIONS, offsetof(VdsoImage, "symbol_versions")),
        row(DynamicTag.VERSION_DEFINITIONS, offsetof(VdsoImage, "versions")),
        row(DynamicTag.VERSION_DEFINITION_COUNT, 2),
        row(DynamicTag.NULL, 0),
    ]


def _symbols(functions: Mapping[str, object]) -> list[DynamicSymbol]:
    return [
        DynamicSymbol(),
        *(
            DynamicSymbol(
                name=_place(name),
                information=SymbolInformation.GLOBAL_FUNCTION
                if name.startswith(PREFIX)
                else SymbolInformation.WEAK_FUNCTION,
                section=SECTIONS.index(".text") + 1,
                value=functions[name.removeprefix(PREFIX)],
            )
            for name in NAMES
        ),
    ]


def _versions() -> list[VersionDefinition]:
    return [
        VersionDefinition(
            revision=1,
            flags=flags,
            number=number,
            name_count=1,
            hash=elf_hash(name),
            to_names=offsetof(VersionDefinition, "name"),
            to_next=to_next,
            name=_place(name),
        )
        for number, name, flags, to_next in (
            (1, OBJECT_NAME, VERSION_BASE, sizeof(VersionDefinition)),
            (2, VERSION, 0, 0),
        )
    ]
