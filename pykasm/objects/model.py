"""What goes into an object file: sections, symbols, relocations."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum, IntFlag
from typing import NamedTuple

from pykasm.objects.debug import DebugUnit


class SectionFlags(IntFlag):
    """`sh_flags` of a section (System V ABI, ELF-64, "Section attributes")."""

    NONE = 0
    WRITE = 1
    ALLOC = 2
    EXECUTE = 4
    MERGE = 0x10
    STRINGS = 0x20


class RelocationKind(IntEnum):
    """x86-64 relocation types (System V ABI AMD64 supplement, table 4.9)."""

    R_X86_64_64 = 1
    R_X86_64_PC32 = 2
    R_X86_64_PLT32 = 4
    R_X86_64_32 = 10
    R_X86_64_32S = 11
    R_X86_64_16 = 12
    R_X86_64_PC16 = 13


class SymbolKind(IntEnum):
    """`st_info` types."""

    NOTYPE = 0
    OBJECT = 1
    FUNC = 2


class Relocation(NamedTuple):
    """`symbol`'s address plus `addend`, put at `offset` of the section in the way of `kind`.

    The name of a section stands for its start where no symbol has that name.
    """

    offset: int
    kind: RelocationKind
    symbol: str
    addend: int


class SectionKind(NamedTuple):
    """A section by its name and what may be done with it."""

    name: str
    flags: SectionFlags


@dataclass(slots=True)
class Section:
    """A section: `data` for one with contents, `zeros` bytes without contents for a bss one.

    `entry_size` is that of the table in a section of equal entries, 0 for others.
    """

    name: str
    flags: SectionFlags
    align: int = 1
    data: bytearray = field(default_factory=bytearray)
    zeros: int | None = None
    note: bool = False
    entry_size: int = 0
    relocations: list[Relocation] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return len(self.data) if self.zeros is None else self.zeros


class Binding(Enum):
    """Who sees a symbol."""

    LOCAL = 0
    GLOBAL = 1


class Symbol(NamedTuple):
    """A name for `size` bytes at `offset` of `section` (None: defined in another object)."""

    name: str
    section: str | None
    offset: int = 0
    size: int = 0
    kind: SymbolKind = SymbolKind.NOTYPE
    binding: Binding = Binding.GLOBAL


@dataclass(slots=True)
class ObjectFile:
    """One relocatable object: `name` is the subsystem's. Undefined symbols need no entry here:
    the writer adds those that relocations name."""

    name: str
    sections: list[Section] = field(default_factory=list)
    symbols: list[Symbol] = field(default_factory=list)
    debug: DebugUnit | None = None
