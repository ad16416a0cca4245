"""A place on the screen for one character."""

from __future__ import annotations

from kernel.text.colour import NORMAL

COLOUR_SHIFT = 9
"""A cell is the number of a glyph, and from this bit on two `Colour`s, background << 4 |
foreground, of which the background is one of the first eight."""
COLOUR_BITS = 4
"""Those of the foreground."""
GLYPH_MASK = (1 << COLOUR_SHIFT) - 1
BLANK = NORMAL << COLOUR_SHIFT

MAX_COLUMNS, MAX_ROWS = 256, 72
"""Cells that are kept at most, of a screen of 4096 by 2304 pixels."""
ROW_SHIFT = 8
"""log2 of `MAX_COLUMNS`."""

CONSOLES = 6
"""Virtual consoles."""
SCREENS = 1 + CONSOLES
"""Screens: that of the kernel, and theirs."""
