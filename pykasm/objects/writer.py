"""Appending DWARF data to a section."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pykasm.objects import dwarf
from pykasm.objects.leb128 import signed, unsigned
from pykasm.objects.model import Relocation, RelocationKind, Section, SectionFlags

_ADDRESS = RelocationKind.R_X86_64_64
_OFFSET = RelocationKind.R_X86_64_32
_OFFSET_SIZE = 4


class SectionWriter:
    """A debugging section while it is written, little-endian, from its start to its end."""

    def __init__(self, name: str) -> None:
        self.section = Section(name, SectionFlags.NONE)
        self.data = self.section.data

    def number(self, value: int, size: int) -> None:
        """`value` in `size` bytes."""
        self.data += value.to_bytes(size, "little")

    def uleb(self, value: int) -> None:
        """`value` as ULEB128."""
        self.data += unsigned(value)

    def sleb(self, value: int) -> None:
        """`value` as SLEB128."""
        self.data += signed(value)

    def string(self, text: str) -> None:
        """`text` with a zero at its end."""
        self.data += text.encode() + b"\0"

    def address(self, symbol: str, addend: int = 0) -> None:
        """The address of `symbol` plus `addend`: 8 bytes that the linker fills in."""
        self._relocate(_ADDRESS, symbol, addend, dwarf.ADDRESS_SIZE)

    def section_offset(self, section: str, offset: int = 0) -> None:
        """`offset` in what the linker makes of all `section`s of that name: 4 bytes."""
        self._relocate(_OFFSET, section, offset, _OFFSET_SIZE)

    def _relocate(self, kind: RelocationKind, symbol: str, addend: int, size: int) -> None:
        self.section.relocations.append(Relocation(len(self.data), kind, symbol, addend))
        self.data += bytes(size)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """What is written inside follows its length in bytes, a number of 4 bytes."""
        start = len(self.data)
        self.data += bytes(4)
        yield
        self.data[start : start + 4] = (len(self.data) - start - 4).to_bytes(4, "little")
