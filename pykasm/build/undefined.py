"""What the linker refuses, at the author's lines: symbols that nothing defines, addresses that do
not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pykasm.build.units import Units
from pykasm.errors import BuildFailed, Mistake, PykasmError, SymbolMistake, ValueRangeMistake
from pykasm.guesses import did_you_mean
from pykasm.isa.code import Line
from pykasm.link.linker import LinkError
from pykasm.source import Source, Span, line_span


def told_at_lines(failure: LinkError, units: Units) -> PykasmError:
    """What the linker misses, as mistakes at the author's lines; `failure` if it is none of
    them."""
    found: list[Mistake] = [*_mistakes(failure, units), *_too_far(failure, units)]
    return BuildFailed(found) if found else failure


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


_TOO_FAR = re.compile(
    r"^(?P<file>\S+?):(?P<line>\d+):\(.*\): relocation truncated to fit: \w+ against "
    r"(symbol )?[`']?(?P<name>[\w.$]+)",
    re.MULTILINE,
)
"""What GNU ld says of an address that has not enough bits where it is written."""


def _too_far(failure: LinkError, units: Units) -> Iterator[ValueRangeMistake]:
    for found in _TOO_FAR.finditer(str(failure)):
        file = str(units.project.root / found["file"])
        yield ValueRangeMistake(
            f"the address of `{found['name']}` has more bits than there is room for",
            expected="something that is linked below 4 GiB, or a register of 64 bits",
            got=found["name"],
            fix="`physical(…)` is the address before paging",
            span=line_span(Source(file, int(found["line"]))),
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
