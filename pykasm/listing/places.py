"""What only the linked image tells a listing: addresses, and the bytes that linking fills in."""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from pykasm.link.sections import read_sections
from pykasm.link.symbols import read_symbols
from pykasm.objects.elf import SectionType
from pykasm.objects.model import SectionFlags

DIGITS = 16
"""Hexadecimal digits of an address."""


class Places(Protocol):
    """Addresses and bytes as text, each asked for in the order in which a listing shows it."""

    def address(self, symbol: str, offset: int = 0) -> str:
        """The address of the byte `offset` of `symbol`, in `DIGITS` digits."""

    def code(self, symbol: str, offset: int, size: int) -> str:
        """The `size` bytes from `offset` of `symbol` on, two digits each."""


class Place(NamedTuple):
    """Where a symbol is: its address, and its first byte in the contents of its section."""

    address: int
    contents: bytes
    start: int

    def code(self, offset: int, size: int) -> str:
        """The `size` bytes from the byte `offset` on, two digits each."""
        start = self.start + offset
        return self.contents[start : start + size].hex()


class LinkedImage:
    """Where symbols are in the linked image, and its bytes."""

    def __init__(self, addresses: Mapping[str, int], segments: Sequence[tuple[int, bytes]]) -> None:
        self._addresses = addresses
        self._segments = segments
        self._places: dict[str, Place] = {}

    @classmethod
    def read(cls, path: Path) -> LinkedImage:
        """The image in the ELF file `path`."""
        image = path.read_bytes()
        addresses = {one.name: one.address for one in read_symbols(path) if one.defined}
        segments = [
            (one.address, image[one.offset : one.offset + one.size])
            for one in read_sections(image)
            if one.type == SectionType.PROGBITS and one.flags & SectionFlags.ALLOC
        ]
        return cls(addresses, segments)

    def place(self, symbol: str) -> Place:
        """Where `symbol` is; without contents where the image has none there."""
        found = self._places.get(symbol)
        if found is None:
            found = self._places[symbol] = self._found(symbol)
        return found

    def _found(self, symbol: str) -> Place:
        address = self._addresses.get(symbol, 0)
        for start, contents in self._segments:
            if start <= address < start + len(contents):
                return Place(address, contents, address - start)
        return Place(address, b"", 0)

    def address(self, symbol: str, offset: int = 0) -> str:
        """Return the address at `offset` of `symbol`, in hexadecimal digits."""
        return f"{self._addresses.get(symbol, 0) + offset:0{DIGITS}x}"

    def code(self, symbol: str, offset: int, size: int) -> str:
        """Return `size` bytes at `offset` of `symbol`, in hexadecimal digits."""
        return self.place(symbol).code(offset, size)


_BLANK = "\0"
"""Stands for a digit to be filled in; no source text has one."""

_BLANKS = re.compile(f"{_BLANK}+")


class Template(NamedTuple):
    """A text with blanks for what the linked image tells: a format for `%`, and for each blank the
    number of a symbol, an offset and how many bytes to show (0: the address)."""

    text: str
    symbols: tuple[str, ...]
    blanks: bytes

    def filled(self, image: LinkedImage) -> str:
        """The text with what `image` tells."""
        places = [*map(image.place, self.symbols)]
        addresses = [one.address for one in places]
        blanks = iter(array("I", self.blanks))
        return self.text % tuple(
            places[number].code(offset, size) if size else addresses[number] + offset
            for number, offset, size in zip(blanks, blanks, blanks, strict=True)
        )


class Blanks:
    """Leaves blanks in a listing, and notes what belongs there."""

    def __init__(self) -> None:
        self._symbols: dict[str, int] = {}
        self._blanks = array("I")

    def address(self, symbol: str, offset: int = 0) -> str:
        """Return blanks for the address at `offset` of `symbol`, and note them."""
        self._note(symbol, offset, 0)
        return _BLANK * DIGITS

    def code(self, symbol: str, offset: int, size: int) -> str:
        """Return blanks for `size` bytes at `offset` of `symbol`, and note them."""
        self._note(symbol, offset, size)
        return _BLANK * (2 * size)

    def _note(self, symbol: str, offset: int, size: int) -> None:
        number = self._symbols.setdefault(symbol, len(self._symbols))
        self._blanks.extend((number, offset, size))

    def template(self, text: str) -> Template:
        """`text`, in which the blanks are in the order in which they were asked for."""
        sizes = iter(self._blanks[2::3])
        form = _BLANKS.sub(
            lambda blank: "%s" if next(sizes) else f"%0{DIGITS}x", text.replace("%", "%%")
        )
        return Template(form, tuple(self._symbols), self._blanks.tobytes())
