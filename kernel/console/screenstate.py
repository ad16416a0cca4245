"""A screen."""

from __future__ import annotations

from kernel.console.cell import MAX_COLUMNS, MAX_ROWS
from kernel.console.screenmode import Charset, Intensity, Parsing, RenditionFlag, ScreenMode
from kernel.text.utf8state import Utf8State
from pykasm import *

WORD = 64
"""Bits of a word of a bitmap."""
TAB_WORDS = MAX_COLUMNS // WORD
CELLS = MAX_ROWS * MAX_COLUMNS
"""Of each there are so many."""

MOST_PARAMETERS = 16
"""Numbers of a control sequence (Linux: NPAR)."""

ANSWER_SIZE = 32
"""Bytes of the longest answer to a question, and more."""


class Rendition(Struct, size=8):
    """What characters look like: colours (SGR, ECMA-48, 8.3.117) and character sets."""

    colour: U8
    """`Colour`s: background << 4 | foreground."""
    intensity: U8 = field(Intensity)
    flags: U8 = field(RenditionFlag)
    set: U8
    """0 or 1: which of `sets` is in use."""
    sets: Array[U8] = field(count=2)
    """G0 and G1, each a `Charset`."""


class SavedCursor(Struct):
    """What is saved together (DECSC)."""

    row: U32
    column: U32
    rendition: Rendition


class Screen(Struct):
    """Rows of cells, a cursor, and how what is written is treated. Context: with the console's
    lock."""

    row: U32
    column: U32
    """Where the next character goes."""
    wraps: U32
    """1 if that is really the row below: the last column was written (VT102)."""
    top: U32
    bottom: U32
    """The scrolling region: its first row, and the one behind its last."""
    modes: U32 = field(ScreenMode)
    first_modes: U32 = field(ScreenMode)
    """What a reset leads back to."""
    rendition: Rendition
    charset: U32 = field(Charset)
    """The one of `rendition` that is in use."""
    attribute: U32
    """The colours of a cell that is written."""
    blank: U32
    """A cell that is erased."""
    saved: SavedCursor
    tabs: Array[U64] = field(count=TAB_WORDS)
    """Bit n: there is a tab stop in column n."""
    parsing: U8 = field(Parsing)
    prefix: U8
    """The byte between ESC [ and the numbers, or 0."""
    count: U32
    """How many numbers of the sequence have come, but for the one that is coming; the digits of a
    colour."""
    parameters: Array[U32] = field(count=MOST_PARAMETERS)
    decoder: Utf8State
    answered: U32
    """Bytes in `answer`."""
    answer: Array[U8] = field(count=ANSWER_SIZE)
    """To what programs have asked."""
    cells: Array[U16] = field(count=CELLS)
