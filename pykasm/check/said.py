"""What words in the code say of the values in registers."""

from __future__ import annotations

from collections.abc import Iterator

from pykasm.isa.code import Line
from pykasm.lang.builder import Said
from pykasm.lang.routine import Routine

SaidOf = dict[int, set[int]]
"""Numbers of registers, by the index of the instruction before which something is said of them."""


def said(routine: Routine, word: str) -> SaidOf:
    """Return of which registers a function says `word`, and where."""
    found: SaidOf = {}
    for index, one in said_at(routine, word):
        found.setdefault(index, set()).add(one.number)
    return found


def said_at(routine: Routine, word: str) -> Iterator[tuple[int, Said]]:
    """Yield what a function says by `word`, each with the index of the instruction behind it."""
    wanted = {one.at for one in routine.said if one.word == word}
    if not wanted:
        return
    index = 0
    for at, item in enumerate([*routine.items, None]):
        if at in wanted:
            yield from ((index, one) for one in routine.said if one.word == word and one.at == at)
        index += isinstance(item, Line)
