"""What somebody may have meant by a name that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

GUESSES = 3
"""How many names are offered that are equally near."""


def did_you_mean(name: str, known: Iterable[str], before: str = "") -> str:
    """A question for the names in `known` that are nearest to `name`; empty if none is near."""
    found = [f"`{before}{one}`" for one in nearest(name, known)]
    return f"did you mean {' or '.join(found)}?" if found else ""


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Those of `known` that `name` may stand for by a slip: all that are equally near."""
    names = {*known}
    for one in (f"{name}_", name.lower(), name.upper()):
        if one in names:
            return [one]
    near = get_close_matches(name, names, n=8)
    slips = {one: _slips(name, one) for one in near}
    least = min(slips.values(), default=0)
    return sorted(one for one in near if slips[one] == least)[:GUESSES]


def _slips(one: str, other: str) -> int:
    """How many letters are too many, missing, wrong, or in the other order (Damerau, 1964)."""
    before: list[int] = []
    last: list[int] = [*range(len(other) + 1)]
    for row, letter in enumerate(one, 1):
        line = [row]
        for column, wanted in enumerate(other, 1):
            least = min(last[column] + 1, line[-1] + 1, last[column - 1] + (letter != wanted))
            if one[row - 2 : row] == wanted + other[column - 2 : column - 1] and column > 1 < row:
                least = min(least, before[column - 2] + 1)
            line.append(least)
        before, last = last, line
    return last[-1]
