"""What a rule finds: a mistake with the rule's number, at the author's line."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pykasm.errors import Mistake, Note
from pykasm.isa.code import Line
from pykasm.source import Source, Span, line_span


class Finding(Mistake):
    """A fault that some path through the code has. `rule` is the number of the broken rule, such as
    E012; `symbol` the function."""

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
    ) -> None:
        super().__init__(
            what, span=span, mark=mark, expected=expected, got=got, fix=fix, notes=tuple(notes)
        )
        self.rule = rule
        self.symbol = symbol
        self.kind = rule  # type: ignore[misc] # a rule's number is its kind
        if rule.startswith("W"):
            self.severity = "warning"  # type: ignore[misc] # as above, for this object alone


def span_of(line: Line, word: str = "") -> Span:
    """Return where `line` was written: the first place of `word` in it, or all of it."""
    return span_in(line.source, word)


def span_in(source: Source, word: str = "") -> Span:
    """Return the first place of `word` in a source line, or the whole line."""
    found = re.search(rf"\b{re.escape(word)}\b", source.text) if word else None
    return Span(source, *found.span()) if found else line_span(source)
