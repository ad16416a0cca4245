"""The sections of an object file or of a linked image, read back from its ELF section headers."""

from __future__ import annotations

from typing import NamedTuple

from pykasm.objects.elf import HEADER, SECTION_HEADER


class LinkedSection(NamedTuple):
    """A section: `size` bytes at `offset` of the file (none for `SectionType.NOBITS`), which go to
    `address`, and the number of the section that it is linked to."""

    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int


def read_sections(image: bytes) -> list[LinkedSection]:
    """The sections of the ELF file with the contents `image`, by their numbers."""
    *_, offset, _, _, _, _, size, count, names = HEADER.unpack_from(image)
    headers = [SECTION_HEADER.unpack_from(image, offset + number * size) for number in range(count)]
    strings = headers[names][4]
    return [
        LinkedSection(_text(image, strings + name), kind, flags, address, start, length, link)
        for name, kind, flags, address, start, length, link, *_ in headers
    ]


def _text(image: bytes, at: int) -> str:
    return image[at : image.index(0, at)].decode()
