"""What words in the code say of the values in registers."""

from __future__ import annotations

from pykasm.isa.code import Line
from pykasm.lang.routine import Routine

SaidOf = dict[int, set[int]]
"""Numbers of registers, by the index of the instruction before which something is said of them."""


def said(routine: Routine, word: str) -> SaidOf:
    """Return of which registers a function says `word`, and where."""
    found: SaidOf = {}
    wanted = {one.at for one in routine.said if one.word == word}
    if not wanted:
        return found
    index = 0
    for at, item in enumerate([*routine.items, None]):
        if at in wanted:
            numbers = {one.number for one in routine.said if one.word == word and one.at == at}
            found.setdefault(index, set()).update(numbers)
        index += isinstance(item, Line)
    return found
