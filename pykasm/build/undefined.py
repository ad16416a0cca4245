"""Symbols that nothing defines, at the lines that name them."""

from __future__ import annotations

from collections.abc import Iterator

from pykasm.build.units import Units
from pykasm.errors import BuildFailed, PykasmError, SymbolMistake
from pykasm.guesses import did_you_mean
from pykasm.isa.code import Line
from pykasm.link.linker import LinkError
from pykasm.source import Source, Span, line_span


def told_at_lines(failure: LinkError, units: Units) -> PykasmError:
    """What the linker misses, as mistakes at the author's lines; `failure` if it is none of
    them."""
    found = [*_mistakes(failure, units)]
    return BuildFailed([*found]) if found else failure


def _mistakes(failure: LinkError, units: Units) -> Iterator[SymbolMistake]:
    names = {units.object_file(unit.name).stem: unit.name for unit in units.program.units}
    for symbol, users in failure.undefined.items():
        for user in users:
            for span in _uses(symbol, names.get(user, ""), units):
                yield SymbolMistake(
                    f"nothing defines the symbol `{symbol}`",
                    expected="a symbol of the linker script, or something of the image by its name",
                    got=symbol,
                    fix=did_you_mean(symbol, failure.known),
                    span=span,
                )


def _uses(symbol: str, name: str, units: Units) -> Iterator[Span]:
    """Where the code and the data of the unit called `name` refer to `symbol`."""
    if not name:
        return
    written = units.again(name)
    for routine in written.unit.routines:
        for item in routine.items:
            if isinstance(item, Line) and any(one.target == symbol for one in item.references):
                yield _span(item.source, symbol)
    for packed in written.packed:
        if any(one.target == symbol for one in packed.references) and packed.datum._moment:
            yield packed.datum._moment.span


def _span(source: Source, symbol: str) -> Span:
    """The name of `symbol` in a line, or all of that."""
    start = source.text.find(symbol)
    return Span(source, start, start + len(symbol)) if start >= 0 else line_span(source)
