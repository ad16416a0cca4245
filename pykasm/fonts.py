"""Bitmap fonts, whose glyphs a kernel takes into its image while it is built.

Sources: "The X11 Portable Compiled Format" (FontForge, pcf-format), as `bdftopcf` writes it; "Glyph
Bitmap Distribution Format Specification" version 2.2 (Adobe, 1993).
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator, Mapping
from enum import IntEnum, IntFlag
from functools import cache

from pykasm.errors import PykasmError
from pykasm.toolchain import located

MAGIC, GZIP = b"\x01fcp", b"\x1f\x8b"
HEADER, ENTRY = 8, 16
"""Bytes before the table of contents, and of each entry of it."""
NO_GLYPH = 0xFFFF


class Table(IntEnum):
    """The tables that are read."""

    METRICS = 1 << 2
    BITMAPS = 1 << 3
    ENCODINGS = 1 << 5


class Format(IntFlag):
    """How a table is stored: rows of glyphs are padded to `1 << (format & 3)` bytes."""

    PADDING = 3
    BIG_ENDIAN = 1 << 2
    BITS_FROM_HIGH = 1 << 3
    COMPRESSED_METRICS = 1 << 8


class BitmapFont:
    """A font all of whose glyphs fill cells of one size: `width` pixels a row, `height` rows."""

    def __init__(self, contents: bytes) -> None:
        """Read the PCF or BDF file `contents`. Raises `PykasmError` if it is no such font."""
        try:
            if contents.startswith(MAGIC):
                self._read(contents)
            else:
                self._read_text(contents.decode("ascii").splitlines())
        except (struct.error, IndexError, KeyError, ValueError) as error:
            raise PykasmError(f"a font is damaged, or neither PCF nor BDF: {error}") from None

    @classmethod
    def installed(cls, tool: str) -> BitmapFont:
        """Return the font that is the entry `tool` of `pykasm.toolchain.TOOLS`. Raises
        `ToolsMissing` if it is not installed, `PykasmError` if it is no font of cells."""
        return _font(located(tool).read_bytes())

    def rows(self, character: str) -> list[int]:
        """Return the rows of the glyph of `character`, numbers of `width` bits of which the
        highest is the leftmost pixel. Raises `PykasmError` if there is none."""
        glyph = self._glyphs.get(ord(character))
        if glyph is None:
            raise PykasmError(f"the font has no glyph for {character!a}")
        start, rest = self._offsets[glyph], 8 * self._row_size - self.width
        rows = range(start, start + self.height * self._row_size, self._row_size)
        read = (int.from_bytes(self._bitmaps[row : row + self._row_size], "big") for row in rows)
        return [row >> rest for row in read]

    def _read(self, contents: bytes) -> None:
        tables = {kind: (form, start) for kind, form, start in _tables(contents)}
        self._glyphs: Mapping[int, int] = _encodings(contents, *tables[Table.ENCODINGS])
        self.width, self.height = _cell(contents, *tables[Table.METRICS])
        self._read_bitmaps(contents, *tables[Table.BITMAPS])

    def _read_bitmaps(self, contents: bytes, form: int, start: int) -> None:
        order, pad = _order(form), 1 << (form & Format.PADDING)
        if not form & Format.BIG_ENDIAN or not form & Format.BITS_FROM_HIGH:
            raise PykasmError("a PCF font has its bits in an order that is not known here")
        (count,) = struct.unpack_from(f"{order}I", contents, start)
        self._offsets: tuple[int, ...] = struct.unpack_from(f"{order}{count}I", contents, start + 4)
        self._bitmaps = contents[start + 4 + 4 * count + 16 :]  # behind the sizes for each padding
        self._row_size = -(-self.width // (8 * pad)) * pad

    def _read_text(self, lines: list[str]) -> None:
        glyphs: dict[int, int] = {}
        bitmaps: list[bytes] = []
        sizes: set[tuple[int, int]] = set()
        for number, line in enumerate(lines):
            word, *values = line.split() or [""]
            if word == "ENCODING":
                glyphs[int(values[0])] = len(bitmaps)
            elif word == "BBX":
                sizes.add((int(values[0]), int(values[1])))
            elif word == "BITMAP":
                end = lines.index("ENDCHAR", number)
                bitmaps.append(bytes.fromhex("".join(lines[number + 1 : end])))
        self._glyphs = glyphs
        self.width, self.height = _only(sizes)
        self._row_size = -(-self.width // 8)
        self._offsets = tuple(range(0, sum(map(len, bitmaps)), self.height * self._row_size))
        self._bitmaps = b"".join(bitmaps)


@cache
def _font(contents: bytes) -> BitmapFont:
    """The font in a file with these `contents`, read once: several parts of an image may use it."""
    return BitmapFont(gzip.decompress(contents) if contents.startswith(GZIP) else contents)


def _only(sizes: set[tuple[int, int]]) -> tuple[int, int]:
    """The one size of all glyphs."""
    if len(sizes) != 1:
        raise PykasmError("the glyphs of a font are not of one size")
    return sizes.pop()


def _tables(contents: bytes) -> Iterator[tuple[int, int, int]]:
    """The kind, the format and the start of the contents of each table."""
    (count,) = struct.unpack_from("<I", contents, len(MAGIC))
    for number in range(count):
        kind, _, _, offset = struct.unpack_from("<4I", contents, HEADER + ENTRY * number)
        (form,) = struct.unpack_from("<I", contents, offset)
        yield kind, form, offset + 4


def _order(form: int) -> str:
    return ">" if form & Format.BIG_ENDIAN else "<"


def _encodings(contents: bytes, form: int, start: int) -> Mapping[int, int]:
    """The number of the glyph of each character that has one."""
    order = _order(form)
    first_low, last_low, first, last, _ = struct.unpack_from(f"{order}5H", contents, start)
    codes = [
        high << 8 | low for high in range(first, last + 1) for low in range(first_low, last_low + 1)
    ]
    glyphs = struct.unpack_from(f"{order}{len(codes)}H", contents, start + 10)
    pairs = zip(codes, glyphs, strict=True)
    return {code: glyph for code, glyph in pairs if glyph != NO_GLYPH}


def _cell(contents: bytes, form: int, start: int) -> tuple[int, int]:
    """The width and the height of all glyphs."""
    if form & Format.COMPRESSED_METRICS:  # bytes with 0x80 added
        (count,) = struct.unpack_from(f"{_order(form)}H", contents, start)
        packed = contents[start + 2 : start + 2 + 5 * count]
        glyphs = [[byte - 0x80 for byte in packed[n : n + 5]] for n in range(0, len(packed), 5)]
    else:
        (count,) = struct.unpack_from(f"{_order(form)}I", contents, start)
        numbers = struct.unpack_from(f"{_order(form)}{6 * count}h", contents, start + 4)
        glyphs = [[*numbers[n : n + 5]] for n in range(0, len(numbers), 6)]
    return _only({(right - left, up + down) for left, right, _, up, down in glyphs})
