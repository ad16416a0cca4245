"""The symbols of an image: each name stands for one thing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pykasm.errors import Note, SymbolMistake, report
from pykasm.lang.unit import Unit
from pykasm.source import Span, line_span


def report_doubles(units: Iterable[Unit]) -> None:
    """Report the symbols that two data or routines of `units` have."""
    known: dict[str, Span | None] = {}
    for unit in units:
        for symbol, span in _declared(unit):
            if symbol in known:
                report(_twice(symbol, known[symbol], span))
            known.setdefault(symbol, span)


def _declared(unit: Unit) -> Iterator[tuple[str, Span | None]]:
    for datum in unit.data:
        yield datum._symbol, datum._moment.span if datum._moment else None
    for routine in unit.routines:
        yield routine.symbol, line_span(routine.declared)


def _twice(symbol: str, first: Span | None, second: Span | None) -> SymbolMistake:
    return SymbolMistake(
        f"there are two symbols `{symbol}`",
        mark="the second one",
        expected="a name of its own for each datum and each routine",
        got="one name for two",
        fix="rename one of them; underscores around a name are no part of its symbol",
        span=second,
        notes=(Note(first, "the first one"),) if first else (),
    )
