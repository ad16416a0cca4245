"""Routines that an earlier build wrote: what the checker mostly asks of them.

Rules look at a routine as a whole only where it is new or has a fault. Of all others they ask what
it declares, and what it leads to.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import Any, NamedTuple

from pykasm.check.graph import JumpTables
from pykasm.check.indirectcalls import IndirectTarget, indirect_targets
from pykasm.isa.code import Item, Line
from pykasm.lang.locking import NO_LOCKS
from pykasm.lang.objects import PlacedRoutine
from pykasm.lang.routine import Routine
from pykasm.source import Source

DECLARED = (
    *("symbol", "kind", "bits", "section", "declared", "signature", "entered", "pushed", "stack"),
    *("maskable", "recursion", "interruptible", "exported", "sleeps", "moves", "context"),
    *("copies_user", "allowances", "lock_events", "taken_as"),
)
"""What is kept of a routine, beside its locks and what it refers to."""

Again = Callable[[], tuple[PlacedRoutine, JumpTables]]
"""Writes a routine once more; the tables are those that its code may jump by."""


class Place(NamedTuple):
    """Where an instruction was written: the innermost line of the author's, and the one in the
    function's own body."""

    source: Source
    body_line: int


class Places(NamedTuple):
    """Where each item of a routine was written: the `files`, then of each item the number of its
    file, its line and the one in the function's body, which is 0 where the item is no
    instruction."""

    files: tuple[str, ...]
    numbers: bytes

    @classmethod
    def of(cls, items: Iterable[Item]) -> Places:
        """Those of `items`."""
        files: dict[str, int] = {}
        numbers = array("I")
        for item in items:
            if isinstance(item, Line):
                file = files.setdefault(item.source.file, len(files))
                numbers.extend((file, item.source.line, item.body_line))
            else:
                numbers.extend((0, 0, 0))
        return cls((*files,), numbers.tobytes())

    def each(self) -> Iterator[Place | None]:
        """Each of them; None for an item that is no instruction."""
        numbers = array("I", self.numbers)
        for file, line, body_line in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True):
            yield Place(Source(self.files[file], line), body_line) if body_line else None


class RoutineRecord(NamedTuple):
    """What a later build may know of a routine: the values of `DECLARED`, its locks (None: it names
    none), the symbols that it refers to, where its calls through pointers go by, and where it was
    written."""

    declared: tuple[Any, ...]
    locks: Any
    targets: frozenset[str]
    indirect: dict[int, IndirectTarget]
    places: Places

    @classmethod
    def of(cls, routine: Routine) -> RoutineRecord:
        """The record of `routine`."""
        return cls(
            tuple(getattr(routine, name) for name in DECLARED),
            None if routine.locks is NO_LOCKS else routine.locks,
            frozenset(one for one in routine.targets if isinstance(one, str)),
            indirect_targets(routine),
            Places.of(routine.items),
        )

    @property
    def symbol(self) -> str:
        """Its symbol."""
        symbol: str = self.declared[DECLARED.index("symbol")]
        return symbol

    def routine(self, again: Again) -> RememberedRoutine:
        """The routine that the record is of; `again` writes it once more."""
        made = RememberedRoutine.__new__(RememberedRoutine)
        for name, value in zip(DECLARED, self.declared, strict=True):
            setattr(made, name, value)
        made.locks = NO_LOCKS if self.locks is None else self.locks
        made.targets = {*self.targets}
        made.indirect, made.places = self.indirect, self.places
        made._again = again
        return made


class RememberedRoutine(Routine):
    """A routine from a record. What that does not have is there once somebody asks for it."""

    __slots__ = ("_again", "indirect", "places")

    indirect: dict[int, IndirectTarget]
    places: Places
    _again: Again

    def __getattr__(self, name: str) -> Any:
        if name not in _ALL:
            raise AttributeError(name)
        whole = self._again()[0].routine
        for one in _ALL.difference(DECLARED):
            setattr(self, one, getattr(whole, one))
        return getattr(self, name)


_ALL = frozenset(field.name for field in fields(Routine))


class RememberedPlace(PlacedRoutine):
    """A routine from a record after layout."""

    __slots__ = ("_again", "tables")

    _again: Again
    tables: JumpTables

    def __getattr__(self, name: str) -> Any:
        if name not in ("code", "section", "offset", "tables"):
            raise AttributeError(name)
        whole, self.tables = self._again()
        self.code, self.section, self.offset = whole.code, whole.section, whole.offset
        return getattr(self, name)


def indirect_target(routine: Routine, at: int) -> IndirectTarget:
    """What the `at`th instruction of a routine, a call or a jump through a pointer, goes by."""
    known = routine.indirect if isinstance(routine, RememberedRoutine) else None
    return (known or indirect_targets(routine))[at]


def places_of(routine: Routine) -> Iterator[Place | None]:
    """Where each item of a routine was written; None for one that is no instruction."""
    known = routine.places if isinstance(routine, RememberedRoutine) else Places.of(routine.items)
    return known.each()


def tables_of(placed: PlacedRoutine, tables: JumpTables) -> JumpTables:
    """The tables that a routine may jump by, in a build with these `tables`."""
    return placed.tables if isinstance(placed, RememberedPlace) else tables


def remembered_place(record: RoutineRecord, again: Again) -> PlacedRoutine:
    """The routine that `record` is of, as part of a unit."""
    made = RememberedPlace.__new__(RememberedPlace)
    made.routine = record.routine(again)
    made._again = again
    return made
