"""Which functions rely on what they are given, so that their callers have to bound it."""

from __future__ import annotations

from typing import NamedTuple

from pykasm.check.build import Build
from pykasm.check.trust import TrustFlow
from pykasm.check.valuepath import AT_ENTRY, Value
from pykasm.errors import Note
from pykasm.lang.convention import Kind

MOST_CALLS = 4
"""A number is followed over so many calls."""


class Reliance(NamedTuple):
    """A function takes a parameter for what `use` says, at the place of the `note`."""

    use: str
    note: Note


class Reliances:
    """Looks into functions that are given what somebody else chose."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._known: dict[tuple[str, int], Reliance | None] = {}

    def of(self, symbol: str, number: int, calls: int = MOST_CALLS) -> Reliance | None:
        """Return how a function relies on the parameter in a register; None if it bounds that."""
        key = symbol, number
        if key not in self._known:
            self._known[key] = None  # a function that comes back to itself relies on nothing new
            self._known[key] = self._found(symbol, number, calls)
        return self._known[key]

    def _found(self, symbol: str, number: int, calls: int) -> Reliance | None:
        placed = self._build.routines.get(symbol)
        if placed is None or placed.routine.kind is not Kind.FUNCTION or not calls:
            return None
        function, chosen = self._build.function(symbol), frozenset((number,))
        flow = TrustFlow(function, is_exact=True, chosen=chosen)
        if not flow.solve():
            return None
        given = Value(AT_ENTRY, number)
        for one in flow.misused.values():
            if one.value == given:
                note = Note(function.place(one.at), f"`{symbol}` relies on it here")
                return Reliance(one.use, note)
        for (callee, register), one in flow.passed.items():
            found = self.of(callee, register, calls - 1) if one.value == given else None
            if found is not None:
                return found
        return None
