"""What a rule finds: a mistake with the rule's number, at the author's line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pykasm.errors import Mistake, Note
from pykasm.isa.code import Line
from pykasm.source import Source, Span, line_span

if TYPE_CHECKING:
    from pykasm.check.functionsummary import CallSite

INTERRUPTS = "interrupts"
"""Stands for interrupts that are off, among the states that findings are about."""


class Finding(Mistake):
    """A fault that some path through the code has. `rule` is the number of the broken rule, such as
    E012; `symbol` the function.

    What tells whether others have the same cause: `state` is the lock or state that it is about,
    which the function is left with if it `leaves`; `path` the calls that lead from here to the
    function that is their `end`, and `does` what may not be done. `more` are the findings that
    follow from this one, where they are not shown.
    """

    def __init__(
        self,
        rule: str,
        what: str,
        *,
        span: Span,
        mark: str = "",
        expected: str = "",
        got: str = "",
        fix: str = "",
        notes: Iterable[Note] = (),
        symbol: str = "",
        state: str = "",
        leaves: bool = False,
        path: Sequence[CallSite] = (),
        does: str = "",
    ) -> None:
        super().__init__(
            what, span=span, mark=mark, expected=expected, got=got, fix=fix, notes=tuple(notes)
        )
        self.rule = rule
        self.symbol = symbol
        self.state, self.leaves = state, leaves
        self.path, self.does = path, does
        self.more = 0
        self.kind = rule  # type: ignore[misc] # a rule's number is its kind
        if rule.startswith("W"):
            self.severity = "warning"  # type: ignore[misc] # as above, for this object alone

    @property
    def end(self) -> str:
        """The function that the path leads to."""
        return self.path[-1].callee if self.path else ""

    def moved(self, span: Span, mark: str, note: Note) -> Finding:
        """Return the same finding at another place, with a note on where it was."""
        made = Finding.__new__(Finding)
        made.__dict__.update(self.__dict__)
        made.span, made.mark, made.notes = span, mark, (note, *self.notes)
        return made

    def _lines(self) -> Iterator[str]:
        yield from super()._lines()
        if self.more:
            others = "finding follows" if self.more == 1 else "findings follow"
            yield f"note: {self.more:,} more {others} from this (`check --all` shows all)"


def span_of(line: Line, word: str = "") -> Span:
    """Return where `line` was written: the first place of `word` in it, or all of it."""
    return span_in(line.source, word)


def span_in(source: Source, word: str = "") -> Span:
    """Return the first place of `word` in a source line, or the whole line."""
    found = re.search(rf"\b{re.escape(word)}\b", source.text) if word else None
    return Span(source, *found.span()) if found else line_span(source)
