"""A directive: how a translated format has the writer print its next argument."""

from __future__ import annotations

from enum import IntEnum

from pykasm import *

ESCAPE = 0x10
"""The byte before each directive in a translated format (ASCII: data link escape)."""

MAX_WIDTH = 126
"""The largest width: stored plus one in a byte of ASCII, so that a format has no zero inside."""


class Specifier(IntEnum):
    """The conversion specifiers, by the characters that stand for them in formats.

    COLOUR is only in translated formats; it comes from `colour=`.
    """

    CHARACTER = ord("c")
    SIGNED = ord("d")
    POINTER = ord("p")
    STRING = ord("s")
    UNSIGNED = ord("u")
    HEXADECIMAL = ord("x")
    SIZE = ord("z")
    COLOUR = ord("C")


class Padding(IntEnum):
    """What pads a field to its width: blanks on the right for RIGHT, else on the left."""

    LEFT = ord(" ")
    RIGHT = ord("-")
    ZEROS = ord("0")


class Directive(Struct):
    """A directive in a translated format, after ESCAPE."""

    specifier: U8 = field(Specifier)
    padding: U8 = field(Padding)
    width_plus_one: U8


def directive(specifier: Specifier, padding: Padding = Padding.LEFT, width: int = 0) -> str:
    """Return the characters of a directive in a translated format."""
    return chr(ESCAPE) + chr(specifier) + chr(padding) + chr(width + 1)
