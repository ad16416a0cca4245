"""A place on the screen for one character."""

from __future__ import annotations

from kernel.text.colour import NORMAL

COLOUR_SHIFT = 9
"""A cell is the number of a glyph, and from this bit on the `Colour` of it."""
GLYPH_MASK = (1 << COLOUR_SHIFT) - 1
BLANK = NORMAL << COLOUR_SHIFT

MAX_COLUMNS, MAX_ROWS = 256, 72
"""Cells that are kept at most, of a screen of 4096 by 2304 pixels."""
ROW_SHIFT = 8
"""log2 of `MAX_COLUMNS`."""
