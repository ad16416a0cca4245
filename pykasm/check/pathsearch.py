"""Whether some path through a function can be gone on which a rule is broken.

Rules look at each instruction with what holds on any path that leads there. Some of these are never
gone: a condition is tested once more that cannot have changed, or a loop has at least one round. So
where a rule finds something, this looks for a path on which it is so, before anybody is told.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from pykasm.check.build import FunctionAnalysis
from pykasm.check.graph import Node
from pykasm.check.valueflow import ValueFlow
from pykasm.check.valuepath import AT_ENTRY, NOWHERE, Path, Value

_BEGUN = Value(AT_ENTRY, NOWHERE)
"""Stands for what has begun on a path."""


class Question(NamedTuple):
    """Whether some path leads to the instruction `at` on which something has begun, at entry if
    `at_entry` or at one of the instructions `begins`, and has not ended since at one of `ends`.
    `behind` the instruction, or before it."""

    at: int
    begins: Collection[int]
    ends: Collection[int]
    at_entry: bool = False
    behind: bool = False


def can_happen(function: FunctionAnalysis, question: Question) -> bool:
    """Return whether there may be such a path."""
    search = _PathSearch(function, question)
    return not search.solve() or search.is_found


class _PathSearch(ValueFlow):
    """Follows what has begun, apart from where it has not."""

    def __init__(self, function: FunctionAnalysis, question: Question) -> None:
        super().__init__(function, is_exact=True)
        self.is_found = False
        self._question = question

    def enter(self, path: Path) -> None:
        """Begin at entry."""
        if self._question.at_entry:
            path.states[_BEGUN] = 1

    def use(self, index: int, node: Node, path: Path) -> None:
        """Look for what is asked; begin and end."""
        question = self._question
        if index == question.at and not question.behind:
            self.is_found |= _BEGUN in path.states
        if index in question.begins:
            path.states[_BEGUN] = 1
        elif index in question.ends:
            path.states.pop(_BEGUN, None)
        if index == question.at and question.behind:
            self.is_found |= _BEGUN in path.states
