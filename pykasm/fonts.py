"""Bitmap fonts, whose glyphs a kernel takes into its image while it is built.

Sources: "The X11 Portable Compiled Format" (FontForge, pcf-format), as `bdftopcf` writes it; "Glyph
Bitmap Distribution Format Specification" version 2.2 (Adobe, 1993).
"""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum, IntFlag
from functools import cache

from pykasm.errors import FontMistake, FontWarning, report
from pykasm.source import author_moment
from pykasm.toolchain import located

MAGIC, GZIP = b"\x01fcp", b"\x1f\x8b"
HEADER, ENTRY = 8, 16
"""Bytes before the table of contents, and of each entry of it."""
NO_GLYPH = 0xFFFF
ROW_BYTES = 4
"""Bytes of a row of a glyph, as digests of letters count it."""
DAMAGE = (struct.error, IndexError, KeyError, ValueError, EOFError, OSError, zlib.error)
"""What reading raises of contents that are no font, or not all of one."""


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


class Pin:
    """The letters that an installed font is expected to have: those of `releases`. `sha256` is the
    digest of the rows of their glyphs, one after the other, each as a number of 4 bytes that begins
    with the lowest; so it is the same for all forms of files, and whatever else is in them."""

    def __init__(self, releases: str, sha256: str) -> None:
        self.releases = releases
        self.sha256 = sha256
        self._moment = author_moment()

    def compare(self, name: str, rows: Iterable[int]) -> None:
        """Warn in the build in progress, if the letters of the font `name` with these `rows` are
        others."""
        digest = hashlib.sha256(b"".join(row.to_bytes(ROW_BYTES, "little") for row in rows))
        if digest.hexdigest() != self.sha256:
            report(
                FontWarning(
                    f"{name} has other letters than are pinned",
                    expected=f"those of {self.releases}, of which this is the SHA-256 digest",
                    got=digest.hexdigest(),
                    fix=f"install one of {self.releases}; or, to take these letters, pin them here",
                    span=self._moment.span if self._moment else None,
                )
            )


class BitmapFont:
    """A font all of whose glyphs fill cells of one size: `width` pixels a row, `height` rows."""

    def __init__(self, contents: bytes, name: str = "a font") -> None:
        """Read the PCF or BDF file `contents`, which may be compressed. Messages call it `name`.
        Raises `FontMistake` if it is no such font, or not all of it is there."""
        self._name = name
        try:
            if contents.startswith(GZIP):
                contents = gzip.decompress(contents)
            if contents.startswith(MAGIC):
                self._read(contents)
            else:
                self._read_text(contents.decode("ascii").splitlines())
            self._require_rows()
        except DAMAGE as error:
            raise FontMistake(
                f"{name} is damaged",
                expected="a PCF or BDF file of glyphs that are all of one size",
                got=str(error),
                fix="install it again",
            ) from None

    @classmethod
    def installed(cls, tool: str) -> BitmapFont:
        """Return the font that is the entry `tool` of `pykasm.toolchain.TOOLS`. Raises
        `ToolsMissing` if it is not installed, `FontMistake` if it is no font of cells."""
        path = located(tool)
        return _font(path.read_bytes(), f"{tool} ({path})")

    def rows(self, character: str) -> list[int]:
        """Return the rows of the glyph of `character`, numbers of `width` bits of which the
        highest is the leftmost pixel. Raises `FontMistake` if there is none."""
        glyph = self._glyphs.get(ord(character))
        if glyph is None:
            raise FontMistake(
                f"{self._name} has no glyph for {character!a}", fix="install a later release of it"
            )
        start, rest = self._offsets[glyph], 8 * self._row_size - self.width
        rows = range(start, start + self.height * self._row_size, self._row_size)
        read = (int.from_bytes(self._bitmaps[row : row + self._row_size], "big") for row in rows)
        return [row >> rest for row in read]

    def letters(self, characters: Iterable[str], pin: Pin) -> list[int]:
        """Return the rows of the glyphs of `characters`, one after the other. If they are not those
        of `pin`, the build in progress warns of it."""
        rows = [row for character in characters for row in self.rows(character)]
        pin.compare(self._name, rows)
        return rows

    def _read(self, contents: bytes) -> None:
        tables = {kind: (form, start) for kind, form, start in _tables(contents)}
        self._glyphs: Mapping[int, int] = _encodings(contents, *tables[Table.ENCODINGS])
        self.width, self.height = _cell(contents, *tables[Table.METRICS])
        self._read_bitmaps(contents, *tables[Table.BITMAPS])

    def _read_bitmaps(self, contents: bytes, form: int, start: int) -> None:
        order, pad = _order(form), 1 << (form & Format.PADDING)
        if not form & Format.BIG_ENDIAN or not form & Format.BITS_FROM_HIGH:
            raise ValueError("bits in an order that is not known here")
        (count,) = struct.unpack_from(f"{order}I", contents, start)
        self._offsets: tuple[int, ...] = struct.unpack_from(f"{order}{count}I", contents, start + 4)
        self._bitmaps = contents[start + 4 + 4 * count + 16 :]  # behind the sizes for each padding
        self._row_size = -(-self.width // (8 * pad)) * pad

    def _require_rows(self) -> None:
        """Require that all rows of all glyphs are there."""
        size = self.height * self._row_size
        starts = [self._offsets[glyph] for glyph in self._glyphs.values()]
        if not starts or max(starts) + size > len(self._bitmaps):
            raise ValueError("glyphs without all of their rows")

    def _read_text(self, lines: list[str]) -> None:
        if "ENDFONT" not in lines:
            raise ValueError("no end of a font")
        count = 0
        glyphs: dict[int, int] = {}
        bitmaps: list[bytes] = []
        sizes: set[tuple[int, int]] = set()
        for number, line in enumerate(lines):
            word, *values = line.split() or [""]
            if word == "CHARS":
                count = int(values[0])
            elif word == "ENCODING":
                glyphs[int(values[0])] = len(bitmaps)
            elif word == "BBX":
                sizes.add((int(values[0]), int(values[1])))
            elif word == "BITMAP":
                end = lines.index("ENDCHAR", number)
                bitmaps.append(bytes.fromhex("".join(lines[number + 1 : end])))
        self._glyphs = glyphs
        self.width, self.height = _only(sizes)
        self._row_size = -(-self.width // 8)
        whole = self.height * self._row_size
        if len(bitmaps) != count or any(len(one) != whole for one in bitmaps):
            raise ValueError("glyphs without all of their rows")
        self._offsets = tuple(range(0, whole * count, whole))
        self._bitmaps = b"".join(bitmaps)


@cache
def _font(contents: bytes, name: str) -> BitmapFont:
    """The font `name` in a file with these `contents`, read once: several parts of an image may use
    it."""
    return BitmapFont(contents, name)


def _only(sizes: set[tuple[int, int]]) -> tuple[int, int]:
    """The one size of all glyphs."""
    if len(sizes) != 1:
        raise ValueError("glyphs that are not of one size")
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
