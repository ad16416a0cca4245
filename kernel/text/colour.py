"""Colours of text."""

from __future__ import annotations

from enum import IntEnum


class Colour(IntEnum):
    """The 16 colours of the text modes (IBM VGA Technical Reference, 1992, mode 3)."""

    BLACK = 0
    BLUE = 1
    GREEN = 2
    CYAN = 3
    RED = 4
    MAGENTA = 5
    BROWN = 6
    LIGHT_GREY = 7
    DARK_GREY = 8
    LIGHT_BLUE = 9
    LIGHT_GREEN = 10
    LIGHT_CYAN = 11
    LIGHT_RED = 12
    LIGHT_MAGENTA = 13
    YELLOW = 14
    WHITE = 15


NORMAL = Colour.LIGHT_GREY
"""The colour of text that sets none."""
