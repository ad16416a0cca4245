"""Reads text off pictures, by the glyphs that the kernel has."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from kernel.console.glyphs import CHARACTERS
from kernel.console.palette import components
from kernel.text.colour import NORMAL, Colour
from pykasm.fonts import BitmapFont

SMALL, LARGE = (8, 16), (16, 32)
Pixel = tuple[int, int, int]
BLACK: Pixel = (0, 0, 0)


def rough(pixel: Pixel) -> Pixel:
    """The pixel as the fewest bits show it that tell all colours of the kernel apart."""
    red, green, blue = pixel
    return red >> 6, green >> 6, blue >> 6


COLOURS = {rough(components(colour)): colour for colour in Colour}


class Picture(NamedTuple):
    """Rows of pixels of red, green and blue."""

    width: int
    height: int
    pixels: bytes

    @classmethod
    def of(cls, contents: bytes) -> Picture:
        """What the PPM file with these `contents` shows (netpbm, ppm(5))."""
        kind, size, most, pixels = contents.split(b"\n", 3)
        assert (kind, most) == (b"P6", b"255")
        width, height = map(int, size.split())
        assert len(pixels) == 3 * width * height
        return cls(width, height, pixels)

    def at(self, x: int, y: int) -> Pixel:
        place = 3 * (y * self.width + x)
        red, green, blue = self.pixels[place : place + 3]
        return red, green, blue

    def cell(self, row: int, column: int, size: tuple[int, int]) -> list[Pixel]:
        width, height = size
        return [
            self.at(column * width + x, row * height + y)
            for y in range(height)
            for x in range(width)
        ]


@cache
def shapes(size: tuple[int, int]) -> dict[tuple[bool, ...], str]:
    """The character of each glyph, by which of its pixels are set."""
    width, height = size
    font = BitmapFont.installed(f"Spleen {width}x{height}")
    return {
        tuple(bool(row >> bit & 1) for row in font.rows(one) for bit in reversed(range(width))): one
        for one in reversed(CHARACTERS)
    }


class Screen:
    """The text that a picture shows in letters of `size`. The cursor is a cell with a light
    background; everything must be a glyph of the kernel's."""

    def __init__(self, picture: Picture, size: tuple[int, int]) -> None:
        self.rows: list[str] = []
        self.colours: list[list[Colour]] = []
        self.cursor: tuple[int, int] | None = None
        width, height = size
        for row in range(picture.height // height):
            cells = [picture.cell(row, n, size) for n in range(picture.width // width)]
            read = [self._read(cell, size, (row, n)) for n, cell in enumerate(cells)]
            self.rows.append("".join(text for text, _ in read).rstrip())
            self.colours.append([colour for _, colour in read])

    def _read(
        self, cell: list[Pixel], size: tuple[int, int], place: tuple[int, int]
    ) -> tuple[str, Colour]:
        kinds = set(cell)
        assert len(kinds) <= 2, f"more than two colours in {place}"
        if BLACK not in kinds or self._is_inverse(cell, size):
            assert self.cursor is None, "two cursors"
            self.cursor = place
            return shapes(size)[tuple(pixel == BLACK for pixel in cell)], NORMAL
        shape = tuple(pixel != BLACK for pixel in cell)
        colour = next((COLOURS[rough(pixel)] for pixel in kinds if pixel != BLACK), NORMAL)
        return shapes(size)[shape], colour

    def _is_inverse(self, cell: list[Pixel], size: tuple[int, int]) -> bool:
        return tuple(pixel != BLACK for pixel in cell) not in shapes(size)
