"""The symbols of an image: each name stands for one thing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pykasm.errors import Note, SymbolMistake, report
from pykasm.lang.data import Data
from pykasm.lang.routine import Routine
from pykasm.lang.unit import Unit
from pykasm.source import Span, line_span


def report_doubles(units: Iterable[Unit]) -> None:
    """Report the symbols that two data or routines of `units` have."""
    known: dict[str, Data | Routine] = {}
    for unit in units:
        for symbol, one in _declared(unit):
            first = known.setdefault(symbol, one)
            if first is not one:
                report(_twice(symbol, _span(first), _span(one)))


def _declared(unit: Unit) -> Iterator[tuple[str, Data | Routine]]:
    yield from ((datum._symbol, datum) for datum in unit.data)
    yield from ((routine.symbol, routine) for routine in unit.routines)


def _span(declared: Data | Routine) -> Span | None:
    if isinstance(declared, Routine):
        return line_span(declared.declared)
    return declared._moment.span if declared._moment else None


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
