"""A node of the call graph: a function, its local summary, and its calls."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from pykasm.check.indirectcalls import IndirectCalls
from pykasm.check.localsummary import LocalSummary
from pykasm.check.remembered import Place, indirect_target, places_of
from pykasm.errors import Note
from pykasm.lang.routine import Routine
from pykasm.source import Source, Span, line_span


class CallSite(NamedTuple):
    """A call or a tail call from `routine`, the `caller`, to `callee`, by the instruction at the
    index `at`."""

    routine: Routine
    caller: str
    callee: str
    at: int

    @property
    def span(self) -> Span:
        """Where it was written."""
        return line_span(place_of(self.routine, self.at).source)

    @property
    def place(self) -> Span:
        """The line of the caller's own body that led to it."""
        body_line = place_of(self.routine, self.at).body_line
        return line_span(Source(self.routine.declared.file, body_line))

    @property
    def told(self) -> Note:
        """What it is, for a message."""
        return Note(self.span, f"`{self.caller}` calls `{self.callee}`")

    def notes(self) -> list[Note]:
        """Return where it was written if that is in another function, in place there."""
        if self.span.source == self.place.source:
            return []
        return [Note(self.span, f"`{self.callee}` is called here")]


class FunctionSummary:
    """What is known of one function: the code as it was written, and what it does.

    `calls` counts a call through a constant table once for each function in the table, and one
    through a pointer whose type has a name once for each function that it may point to. A jump to
    code that only interrupts of programs lead to is none: nothing of the caller is left there.
    """

    __slots__ = ("calls", "local", "routine", "symbol")

    def __init__(
        self,
        routine: Routine,
        local: LocalSummary,
        indirect: IndirectCalls,
        of_programs: Collection[str] = (),
    ) -> None:
        self.routine = routine
        self.symbol = routine.symbol
        self.local = local
        self.calls: list[CallSite] = [
            _new(CallSite, (routine, routine.symbol, callee, at))
            for callee, at in local.calls
            if callee not in of_programs
        ]
        for at in local.indirect_calls:
            targets = indirect.known_targets(indirect_target(routine, at)) or ()
            self.calls += [CallSite(routine, routine.symbol, callee, at) for callee in targets]


_new: Any = tuple.__new__
"""Makes a named tuple of a tuple, in a third of the time that calling its class takes."""


def place_of(routine: Routine, index: int) -> Place:
    """Return where the instruction at `index` of a function was written."""
    return [one for one in places_of(routine) if one is not None][index]
