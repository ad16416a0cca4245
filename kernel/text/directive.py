"""A directive: what a translated format asks the writer to do with its next argument."""

from __future__ import annotations

from enum import IntEnum

from pykasm import *

ESCAPE = 0x10
"""The byte (ASCII: data link escape) that stands before each directive in a translated format."""

MAX_WIDTH = 126
"""The width is stored plus one, as ASCII, so that a format has no zero before its end."""


class Letter(IntEnum):
    """What to print; the letters that authors write, and COLOUR for `colour=`."""

    CHARACTER = ord("c")
    SIGNED = ord("d")
    POINTER = ord("p")
    STRING = ord("s")
    UNSIGNED = ord("u")
    HEXADECIMAL = ord("x")
    SIZE = ord("z")
    COLOUR = ord("C")


class Padding(IntEnum):
    """What fills a field up to its width; blanks on the right for RIGHT."""

    LEFT = ord(" ")
    RIGHT = ord("-")
    ZEROS = ord("0")


class Directive(Struct):
    """A directive as it stands in a translated format, after ESCAPE."""

    letter: U8 = field(Letter)
    padding: U8 = field(Padding)
    width_plus_one: U8


def directive(letter: Letter, padding: Padding = Padding.LEFT, width: int = 0) -> str:
    """The characters of a directive in a translated format."""
    return chr(ESCAPE) + chr(letter) + chr(padding) + chr(width + 1)
