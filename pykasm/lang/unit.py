"""What one subsystem comes to: its routines and its data, ready for an object file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from pykasm.errors import ValueRangeMistake
from pykasm.lang.builder import EndlessCode
from pykasm.lang.data import Data, Storage
from pykasm.lang.numbers import U8
from pykasm.lang.reference import SymbolReference
from pykasm.lang.routine import Routine
from pykasm.source import Moment

MOST_PARTS = 1 << 16
"""Routines or data of one unit; a loop of Python's that makes more does not end while there is
memory."""


class Question(NamedTuple):
    """What code asked of a method that interns, while it was written: of which unit, and what the
    answer was."""

    unit: str
    method: str
    arguments: tuple[object, ...]
    options: dict[str, object]
    answer: object


@dataclass(eq=False)
class Unit:
    """One subsystem while it is assembled; `name` starts all its symbols."""

    name: str
    owner: type | None = None
    """The subsystem's class."""
    routines: list[Routine] = field(default_factory=list)
    data: list[Data] = field(default_factory=list)
    forgotten: list[Moment] = field(default_factory=list)
    """When stubs were made that nobody has entered yet."""
    questions: list[Question] = field(default_factory=list)
    _strings: dict[str, Data] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    @property
    def symbols(self) -> list[str]:
        """The symbols of its code and of its data."""
        return [
            *(routine.symbol for routine in self.routines),
            *(datum._symbol for datum in self.data),
        ]

    def check_end(self) -> None:
        """Raise a mistake if there is so much in it that what makes it does not end."""
        for parts, what in ((self.routines, "routines"), (self.data, "data")):
            if len(parts) >= MOST_PARTS:
                raise EndlessCode(f"`{self.name}` has more than {MOST_PARTS:,} {what}")

    def adopt(self, datum: Data, purpose: str) -> None:
        """Take in data without a name of its own; it is called after its purpose and a number."""
        self.check_end()
        number = self._counts.get(purpose, 0)
        self._counts[purpose] = number + 1
        datum._symbol = f"{self.name}.{purpose}{number}"
        self.data.append(datum)

    def string(self, value: str, moment: Moment | None = None) -> SymbolReference:
        """`value` as zero-terminated UTF-8 in read-only data; equal strings share their place.

        `moment`: when the author gave it, where that is not now. Errors: a zero inside it.
        """
        if "\0" in value:
            raise ValueRangeMistake(
                "a text ends at its first zero",
                expected="no zero inside: one is added at the end",
                got=repr(value),
                fix='bytes of any value are `rodata(U8 * n, b"…")`',
                span=moment.span if moment else None,
            )
        if value not in self._strings:
            raw = value.encode() + b"\0"
            made = Data(Storage.RODATA, U8 * len(raw), raw, 1)
            made._moment = moment or made._moment
            self.adopt(made, "text")
            self._strings[value] = made
        reference = self._strings[value]._reference
        assert reference is not None
        return reference
