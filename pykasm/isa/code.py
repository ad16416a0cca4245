"""A routine before and after layout: what a function body is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from pykasm.isa.statement import FixupKind, Statement
from pykasm.source import Source


@dataclass(eq=False, slots=True)
class Label:
    """A place inside one routine; `name` is for people (listing), not unique."""

    name: str


class Reference(NamedTuple):
    """What a fix-up of operand `operand` points to: a symbol by name or a label, plus `addend`."""

    operand: int
    target: str | Label
    addend: int = 0


class Line(NamedTuple):
    """One instruction with what it refers to and where it was written.

    `source` is the innermost line of the author's; `body_line` is the line in the function's own
    body that led to it (the two differ inside a Python helper that emits code). `written` are the
    operands as the author wrote them, with types, roles and field names: for listing and checker.
    `in_place` are further ones that it takes from registers, where no instruction had to move them:
    arguments of a call, results of a return.
    """

    statement: Statement
    references: tuple[Reference, ...]
    source: Source
    body_line: int
    written: tuple[object, ...] = ()
    in_place: tuple[Any, ...] = ()


class Align(NamedTuple):
    """Pad with NOPs until the offset in the section is a multiple of `boundary`."""

    boundary: int


Item: TypeAlias = Line | Label | Align
"""Code is a sequence of lines, labels (which stand for the place of the next line) and padding."""


class PlacedLine(NamedTuple):
    """A line after layout: where its bytes are in the routine's code."""

    offset: int
    size: int
    line: Line


class CodeRelocation(NamedTuple):
    """A field that the linker fills: `offset` into the code, symbol `target`, final `addend`."""

    offset: int
    kind: FixupKind
    target: str
    addend: int


Body: TypeAlias = Sequence[Item]


@dataclass(slots=True)
class AssembledCode:
    """A routine after layout; `offsets` are those of the items of `body` and of the end."""

    code: bytes
    body: Body
    offsets: list[int]
    relocations: list[CodeRelocation]
    labels: dict[Label, int]

    @property
    def lines(self) -> list[PlacedLine]:
        """The lines of the body with their places."""
        return [
            PlacedLine(start, end - start, item)
            for item, (start, end) in zip(self.body, pairwise(self.offsets), strict=True)
            if isinstance(item, Line)
        ]
