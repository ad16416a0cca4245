"""Letters, small and capital."""

from __future__ import annotations

from pykasm import *

CHARACTERS = 256

CASE = ord("a") - ord("A")
"""What differs between a small letter and its capital, in Latin-1 too."""


def small(code: int) -> bool:
    """Return whether Linux takes `code` for a small letter (lib/ctype.c): two have no capital."""
    return chr(code).islower() and code not in (0xAA, 0xB5, 0xBA)


def capital(code: int) -> bool:
    """Return whether it is a capital."""
    return chr(code).isupper()


class CharacterTables(Subsystem):
    """What each character of Latin-1 becomes."""

    capitals = rodata(
        U8 * CHARACTERS, [code - CASE if small(code) else code for code in range(CHARACTERS)]
    )
    smalls = rodata(
        U8 * CHARACTERS, [code + CASE if capital(code) else code for code in range(CHARACTERS)]
    )
    is_word = rodata(
        U8 * CHARACTERS,
        [
            int(small(code) or capital(code) or chr(code) in "0123456789_")
            for code in range(CHARACTERS)
        ],
    )
    """1 for those that a word consists of."""
