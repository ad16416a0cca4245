"""What words in the code say of the values in registers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from pykasm.check.graph import Node
from pykasm.isa.code import Label, Line
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


class SaidWords:
    """What a function says by some words: before an instruction, or on one of the ways there, where
    a word stands at the end of a block that others go around."""

    def __init__(self, routine: Routine, words: tuple[str, ...]) -> None:
        self.before: dict[int, list[Said]] = {}
        self.between: dict[int, list[Said]] = {}
        self._places: dict[Label, int] = {}
        said = [one for one in routine.said if one.word in words]
        if not said:
            return
        self._places = {one: at for at, one in enumerate(routine.items) if isinstance(one, Label)}
        lines = [at for at, item in enumerate(routine.items) if isinstance(item, Line)]
        for one in said:
            index = bisect_left(lines, one.at)
            behind = lines[index] if index < len(lines) else len(routine.items)
            found = self.between if behind > one.at else self.before
            found.setdefault(index, []).append(one)

    def on_way(self, node: Node, index: int, is_jump: bool) -> Iterator[Said]:
        """Yield what is said where `node` goes on at the instruction `index`, maybe by a jump."""
        for one in self.between.get(index, ()):
            targets = [ref.target for ref in node.line.references if isinstance(ref.target, Label)]
            if not is_jump or any(self._places[target] < one.at for target in targets):
                yield one
