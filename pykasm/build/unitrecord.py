"""What a build leaves of a subsystem to the next one: all that is asked of it while it is as it
was, and a way to all else, which is to write it again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple, TypeAlias

from pykasm.build.summary import UnitSizes
from pykasm.check.content import Content
from pykasm.check.graph import JumpTables, jump_tables
from pykasm.check.remembered import RoutineRecord, remembered_place
from pykasm.isa.code import Label, Line
from pykasm.lang.data import Data, DataReference, LabelAddress, Storage
from pykasm.lang.image import PackedData
from pykasm.lang.objects import AssembledUnit, PlacedRoutine
from pykasm.lang.routine import Routine
from pykasm.lang.types import TypeMeta
from pykasm.lang.unit import Question, Unit
from pykasm.link.embedded import LineProgram, told_symbols
from pykasm.link.layout import SYMBOLS
from pykasm.objects.model import ObjectFile, SectionKind
from pykasm.source import Source

Target: TypeAlias = str | tuple[str] | tuple[str, TypeMeta]
"""What data refer to: a symbol, in a tuple with the type of pointers to functions if that has a
name, or in a tuple alone the symbol of code that has a label there."""

Lines = dict[str, tuple[int, ...]]
"""Lines of source files."""


class WrittenUnit(NamedTuple):
    """A unit whose code has been written: what it comes to at each step."""

    unit: Unit
    packed: list[PackedData]
    assembled: AssembledUnit


class AdoptedDatum(NamedTuple):
    """A datum that code made, such as a text."""

    symbol: str
    storage: Storage
    kind: TypeMeta
    alignment: int


class UnitRecord(NamedTuple):
    """What is kept of a unit. `object` tells its object file from others, `told` is what the
    embedded table of symbols is told of it, `cited` the lines that it names."""

    routines: tuple[RoutineRecord, ...]
    contents: tuple[Content, ...]
    adopted: tuple[AdoptedDatum, ...]
    references: tuple[tuple[Target, ...], ...]
    sections: tuple[SectionKind, ...]
    sizes: UnitSizes
    told: dict[str, LineProgram | None]
    uses_symbols: bool
    object: bytes
    questions: tuple[Question, ...]
    cited: Lines

    @classmethod
    def of(cls, written: WrittenUnit, declared: int, contents: bytes) -> UnitRecord:
        """The record of a unit, of whose data the first `declared` are there before code is
        written, and whose object file has these `contents`."""
        unit, packed, assembled = written
        references = {one.datum._symbol: one.references for one in packed}
        tables = jump_tables(references)
        return cls(
            tuple(RoutineRecord.of(one) for one in unit.routines),
            tuple(Content.of(one, tables) for one in assembled.routines),
            tuple(map(_adopted, unit.data[declared:])),
            tuple(tuple(map(_target, one.references)) for one in packed),
            tuple(assembled.sections),
            UnitSizes.of(assembled.object),
            told_symbols(assembled.object),
            _uses_symbols(assembled.object),
            blake2b(contents, digest_size=16).digest(),
            tuple(unit.questions),
            _cited(unit),
        )

    def recall(self, unit: Unit, again: Callable[[], WrittenUnit]) -> WrittenUnit:
        """`unit`, with what its code comes to; `again` writes that once more."""
        for adopted in self.adopted:
            symbol, storage, kind, alignment = adopted
            unit.data.append(Data(storage, kind, None, alignment, symbol))
        packed = [
            PackedData(datum, b"", list(map(_recalled, targets)))
            for datum, targets in zip(unit.data, self.references, strict=True)
        ]
        places = [
            remembered_place(one, partial(_place, again, number))
            for number, one in enumerate(self.routines)
        ]
        unit.routines += [one.routine for one in places]
        made = RememberedUnit.__new__(RememberedUnit)
        made.name, made.routines = unit.name, places
        made.kinds, made.again = [*self.sections], again
        return WrittenUnit(unit, packed, made)


def _place(again: Callable[[], WrittenUnit], number: int) -> tuple[PlacedRoutine, JumpTables]:
    written = again()
    tables = jump_tables({one.datum._symbol: one.references for one in written.packed})
    return written.assembled.routines[number], tables


class RememberedUnit(AssembledUnit):
    """A unit from a record. Its object is made where somebody asks for it."""

    __slots__ = ("again", "kinds")

    kinds: list[SectionKind]
    again: Callable[[], WrittenUnit]

    def __getattr__(self, name: str) -> Any:
        if name != "object":
            raise AttributeError(name)
        self.object = self.again().assembled.object
        return self.object

    @property
    def sections(self) -> list[SectionKind]:
        """The sections of the object."""
        return self.kinds


def _adopted(datum: Data) -> AdoptedDatum:
    return AdoptedDatum(datum._symbol, datum._storage, datum._kind, datum._alignment)


def _target(reference: DataReference) -> Target:
    target = reference.target
    if isinstance(target, LabelAddress):
        return (target.symbol,)
    return target if reference.kind is None else (target, reference.kind)


def _recalled(target: Target) -> DataReference:
    match target:
        case str():
            return DataReference(0, 0, target, 0)
        case symbol, kind:
            return DataReference(0, 0, symbol, 0, kind)
    return DataReference(0, 0, LabelAddress(target[0], _SOMEWHERE), 0)


_SOMEWHERE = Label("somewhere")


def _uses_symbols(made: ObjectFile) -> bool:
    """Whether any code refers to the embedded symbol table."""
    wanted = f"{SYMBOLS}_start"
    return any(one.symbol == wanted for section in made.sections for one in section.relocations)


def _cited(unit: Unit) -> Lines:
    found: dict[str, set[int]] = {}
    for file, line in _sources(unit.routines, unit.data):
        found.setdefault(file, set()).add(line)
    return {file: tuple(sorted(lines)) for file, lines in found.items()}


def _sources(routines: Sequence[Routine], data: Iterable[Data]) -> Iterator[Source]:
    """The lines that code and data name, to debuggers, in listings and in findings."""
    for routine in routines:
        file = routine.declared.file
        yield routine.declared
        for item in routine.items:
            if type(item) is Line:
                yield item.source
                yield Source(file, item.body_line)
        yield from (one.span.source for one in routine.allowances)
    yield from (datum._moment.source for datum in data if datum._moment is not None)
