"""The characters that screens show, and their letters in two sizes.

The letters are those of the font Spleen by Frederic Cambus (BSD licence of two clauses), which are
taken into the image while it is built.
"""

from __future__ import annotations

from pykasm import *
from pykasm.fonts import BitmapFont, Pin

RANGES = (
    (0x0020, 0x007E),  # ASCII
    (0x00A0, 0x00FF),  # Latin-1
    (0x2500, 0x257F),  # box drawing
    (0x2580, 0x259F),  # blocks
)
"""The first and the last of the characters in a row that have glyphs (Unicode 15)."""
CHARACTERS = [chr(code) for first, last in RANGES for code in range(first, last + 1)]
"""All of them, by the numbers of their glyphs; the blank is number 0."""
UNKNOWN = CHARACTERS.index("?")
"""What is shown for all others."""

RELEASES = "Spleen 1.8.2 to 2.2.0"
"""What has the letters that are expected, and other characters more and more."""
SMALL = Pin(RELEASES, "9e87d78a0c4f5cfd3a031574de64371982fc88c132ab26b381dc62ec3270d8d9")
LARGE = Pin(RELEASES, "0b650501298cc5b714df6f39ddb08c997ee4bd0cbaafac0b2c45fa4e83d8e843")

ROW_BITS = 16
"""Bits of a row of a glyph, which begins with the highest."""


class Font(Struct):
    """Letters of one size, in pixels."""

    rows: Ptr[U16]
    width: U32
    height: U32


def rows_of(font: BitmapFont, pin: Pin) -> Array[U16]:
    """Declare the rows of the glyphs of `font`, which are those of `pin`."""
    unused = ROW_BITS - font.width
    rows = [row << unused for row in font.letters(CHARACTERS, pin)]
    return rodata(U16 * len(rows), rows)


def font_of(font: BitmapFont, rows: Array[U16]) -> Font:
    """Declare the letters of `font`, whose `rows` are declared."""
    return rodata(Font, Font(rows=address_of(rows), width=font.width, height=font.height))


class Glyphs(Subsystem):
    """Knows the number of each character's glyph, and what that looks like. Context: any."""

    def __init__(self) -> None:
        small, large = (BitmapFont.installed(f"Spleen {size}") for size in ("8x16", "16x32"))
        self.small_rows, self.large_rows = rows_of(small, SMALL), rows_of(large, LARGE)
        self.small_size = small.width, small.height
        self.small = font_of(small, self.small_rows)
        self.large = font_of(large, self.large_rows)

    @inline(changes="character")
    def number(self, character: U32) -> None:
        """Turn `character`, in a register, into the number of its glyph."""
        known = Label("known")
        number, glyphs = scratch(U32), 0
        for first, last in RANGES:
            lea(number, bare[u64(character) - first + glyphs])
            with if_((character >= first) & (character <= last)):
                jmp(known)
            glyphs += last - first + 1
        mov(number, UNKNOWN)
        place(known)
        mov(character, number)
        release(number)
