"""Tables as text: a row a line, columns as wide as they have to be.

Every build ends with some, of a row a subsystem; libraries that measure and wrap each cell take as
long for that as a tenth of the build.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import click

GAP = "  "
"""Between columns."""

GUTTER = "   "
"""Between tables side by side."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts, which may be styled, under `heads`. The columns of numbers, by the index in
    `right`, end at the same place; the others begin there."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[int] = field(default=frozenset())

    @property
    def lines(self) -> list[str]:
        """The table, each line as wide as all."""
        heads = [click.style(head, bold=True) if head else "" for head in self.heads]
        table = [heads, *self.rows]
        widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
        return [GAP.join(self._cells(row, widths)) for row in table]

    def _cells(self, row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
        for number, (text, width) in enumerate(zip(row, widths, strict=True)):
            padding = " " * (width - _width(text))
            yield padding + text if number in self.right else text + padding


def beside(tables: Sequence[Table], width: int) -> list[str]:
    """The lines of `tables`, as many of them side by side as `width` characters have room for."""
    done: list[str] = []
    band: list[str] = []
    for table in tables:
        wider = _joined(band, table.lines) if band else table.lines
        if band and _width(wider[0]) > width:
            done += [*band, ""]
            wider = table.lines
        band = wider
    return [line.rstrip() for line in done + band]


def _joined(left: list[str], right: list[str]) -> list[str]:
    empty = " " * _width(left[0])
    return [
        (one if one is not None else empty) + GUTTER + (other or "")
        for one, other in zip_longest(left, right)
    ]


def _width(text: str) -> int:
    return len(click.unstyle(text))
