"""The image: subsystems wired together, assembled into units and then objects."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pykasm.collection import without_garbage_collection
from pykasm.errors import (
    Collector,
    DeclarationMistake,
    Mistake,
    SymbolMistake,
    UnreachableWarning,
    collecting,
)
from pykasm.lang.assembly import Assembly
from pykasm.lang.assertions import asserting
from pykasm.lang.codemodel import MOST_BYTES
from pykasm.lang.data import FOR_LOADERS, Data, DataReference, LabelAddress, Packer
from pykasm.lang.fitting import described, passes_as
from pykasm.lang.function import BoundFunction, no_function
from pykasm.lang.instances import made_of
from pykasm.lang.locking import LockWatcher, watching_locks
from pykasm.lang.numbers import U8
from pykasm.lang.pythonmistakes import told
from pykasm.lang.stubs import assembling
from pykasm.lang.subsystem import Subsystem, checked_subsystems, data_of
from pykasm.lang.symbols import report_doubles
from pykasm.lang.types import Fn, Ptr, Void
from pykasm.lang.unit import Unit
from pykasm.source import Span, line_span


@dataclass(slots=True)
class PackedData:
    """A datum ready for its section: bytes, and the references in them."""

    datum: Data
    bytes: bytes
    references: list[DataReference]


@dataclass(slots=True)
class Program:
    """All units of an image, with the memory layout that it asks for (None: the kernel's), and the
    mistakes that did not stop it."""

    units: list[Unit]
    entries: tuple[str, ...]
    layout: Any = None
    packed: dict[str, list[PackedData]] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)
    """The symbols of the code and the data that entry points lead to."""
    debug: bool = True
    """Whether this is a debug build: others may hold what only debug builds lead to."""
    complete: bool = True
    """Whether all that it has is there to be used; see `Image`."""
    warnings: list[Any] = field(default_factory=list)
    parts: list[tuple[str, object]] = field(default_factory=list)
    """What the image was made of before any code was written, by names."""

    def finish(self, collector: Collector) -> None:
        """See what leads where, once all code is there. Raises `BuildFailed` with the mistakes that
        `collector` has."""
        report_doubles(self.units)
        self.reached = _reached(self)
        if self.expects_all_used:
            _warn_of_unreachable(self, collector)
        collector.finish()
        self.warnings = collector.warnings

    @property
    def expects_all_used(self) -> bool:
        """Whether something is wrong with code that nothing leads to."""
        return self.debug and self.complete


class Image:
    """What is built: the entry points, and every subsystem with what it uses given to it.

    `entry`: the function that a loader jumps to (several: a tuple, the first is the ELF entry).
    `on_assert`: the function that failed `asserts` call, `(text: Ptr[U8]) -> None`.
    `on_lock`: what locks tell in debug builds what they do; they find it by `lock_watch()`.
    `layout`: the memory layout for the linker (default: the kernel's).
    `complete`: False for an image that leaves parts out which use what others have, so that nothing
    warns of what is not used here.
    """

    def __init__(
        self,
        entry: BoundFunction[Any] | tuple[BoundFunction[Any], ...],
        subsystems: Sequence[Subsystem],
        *,
        on_assert: BoundFunction[Any] | None = None,
        on_lock: LockWatcher | None = None,
        layout: Any = None,
        complete: bool = True,
    ) -> None:
        self.subsystems = checked_subsystems("Image", subsystems)
        self.entries = entry if isinstance(entry, tuple) else (entry,)
        for one in self.entries:
            self._check_function("entry", one)
        if on_assert is not None:
            self._check_function("on_assert", on_assert)
            _check_handler(on_assert)
        self.on_assert = on_assert
        self.on_lock = on_lock
        self.layout = layout
        self.complete = complete

    def _check_function(self, option: str, value: object) -> None:
        """Raise a mistake unless `value` is a function of a subsystem of the image."""
        if not isinstance(value, BoundFunction):
            raise no_function(f"`{option}` of an image is a function of a subsystem", value)
        if not any(value._owner is one for one in self.subsystems):
            raise DeclarationMistake(
                f"`{value._label}` belongs to no subsystem of the image",
                expected=f"`{option}=` with a function of one of the subsystems",
                got=f"one of a {type(value._owner).__name__} that is not listed",
                fix="list its subsystem too",
            )

    def assemble(self, debug: bool = True) -> Program:
        """Run every body. Raises `BuildFailed` with all mistakes of all of them."""
        with collecting(Collector()) as collector, without_garbage_collection():
            program = self.program(debug)
            with self.emitting(program):
                for unit, subsystem in zip(program.units, self.subsystems, strict=True):
                    emit_unit(unit, subsystem)
                for unit in program.units:
                    program.packed[unit.name] = pack_unit(unit, collector)
            program.finish(collector)
        return program

    def program(self, debug: bool = True) -> Program:
        """The program before any body has run: its units have their data, which have names."""
        with collecting(Collector()) as collector:
            units = name_units(self.subsystems, collector)
            collector.finish()
        parts = [*instances(units, self.subsystems)]
        with made_of(parts):
            entries = tuple(one._label for one in self.entries)
        complete = self.complete
        return Program(units, entries, self.layout, debug=debug, complete=complete, parts=parts)

    @contextmanager
    def emitting(self, program: Program) -> Iterator[None]:
        """Give code and data of `program` that are written inside what the image has for
        them."""
        on_assert, on_lock = (self.on_assert, self.on_lock) if program.debug else (None, None)
        with (
            made_of(program.parts),
            asserting(on_assert),
            watching_locks(on_lock),
        ):
            yield


def _check_handler(on_assert: BoundFunction[Any]) -> None:
    """Raise a mistake unless failed asserts can call `on_assert` with the text of their line."""
    kind: Any = Fn[[Ptr[U8]], Void]
    signature = on_assert._signature
    takes = [one.type for one in signature.parameters]
    if len(takes) != 1 or not passes_as(takes[0], Ptr[U8]):
        raise DeclarationMistake(
            f"`{on_assert._label}` can't be what failed asserts call",
            expected=f"a function that takes the text of their line: {kind!r}",
            got=described(signature),
            span=line_span(on_assert._function.declared),
        )


def emit_unit(unit: Unit, subsystem: Subsystem) -> None:
    """Run every body of `subsystem`, which `unit` stands for."""
    with assembling(unit):
        Assembly(unit, subsystem).run()


def name_units(subsystems: Sequence[Subsystem], collector: Collector) -> list[Unit]:
    """A unit for each subsystem, with its data named."""
    units: dict[str, Unit] = {}
    for subsystem in subsystems:
        with collector.catching():
            unit = _named_unit(subsystem, units)
            units[unit.name] = unit
    return [*units.values()]


def instances(
    units: Sequence[Unit], subsystems: Sequence[Subsystem]
) -> Iterator[tuple[str, object]]:
    """The objects that symbols begin with the names of: the subsystems and their data."""
    for unit, subsystem in zip(units, subsystems, strict=True):
        yield unit.name, subsystem
        yield from ((datum._symbol, datum) for datum in unit.data)


def _named_unit(subsystem: Subsystem, taken: Container[str]) -> Unit:
    name = subsystem._unit_name()
    if name in taken:
        raise SymbolMistake(
            f"two subsystems are called `{name}`",
            expected="a name of its own for each",
            got="the same class twice",
            fix="set `self.label` in `__init__` of one of them",
        )
    unit = Unit(name, type(subsystem))
    for path, datum in data_of(subsystem, name):
        if datum._symbol and datum._symbol != path:
            continue  # another subsystem's datum that this one was given
        datum._symbol = path
        unit.data.append(datum)
    return unit


def pack_unit(unit: Unit, collector: Collector) -> list[PackedData]:
    """Initial values of the unit's data as bytes; strings in them become data of the unit too."""
    packed = []
    for datum in unit.data:  # grows while strings are met
        packer = Packer(partial(unit.string, moment=datum._moment))
        with collector.catching(), told(partial(_declared, datum) if datum._moment else None):
            _pack(packer, datum)
        packed.append(PackedData(datum, bytes(packer.bytes), packer.references))
    return packed


def _declared(datum: Data) -> Span:
    """Where `datum`, which the author has declared, stands."""
    assert datum._moment is not None
    return datum._moment.span


def _pack(packer: Packer, datum: Data) -> None:
    try:
        if datum._kind._size > MOST_BYTES:
            raise DeclarationMistake(
                f"`{datum._symbol}` is larger than the memory that an image lies in",
                expected=f"at most {MOST_BYTES:#x} bytes",
                got=f"{datum._kind._size:#x}",
                fix="take memory when the kernel runs",
            )
        packer.pack(datum._kind, datum._initial)
    except Mistake as mistake:
        if datum._moment:
            mistake.span = datum._moment.span
        raise


def _reached(program: Program) -> set[str]:
    """What entry points lead to, exported functions, and what loaders look for."""
    uses = _references(program)
    reached: set[str] = set()
    waiting = list(program.entries)
    waiting += [p.symbol for u in program.units for p in u.routines if p.exported]
    waiting += [d._symbol for u in program.units for d in u.data if d._storage in FOR_LOADERS]
    while waiting:
        symbol = waiting.pop()
        if symbol not in reached:
            reached.add(symbol)
            waiting += uses.get(symbol, ())
    return reached


def _warn_of_unreachable(program: Program, collector: Collector) -> None:
    """Warn of functions that no entry point leads to, in subsystems that one leads into."""
    for unit in program.units:
        if program.reached.isdisjoint(unit.symbols):
            continue  # the checker warns of the subsystem
        for routine in unit.routines:
            if routine.symbol not in program.reached:
                collector.add(
                    UnreachableWarning(
                        f"nothing can reach `{routine.symbol}`",
                        expected="a call, a jump or a table that names it",
                        got="none from any entry point",
                        fix="take it out, or mark it `exported=True` if others use it",
                        span=line_span(routine.declared),
                    )
                )


def _references(program: Program) -> dict[str, set[str]]:
    """Which symbols each routine and each datum names."""
    uses: dict[str, set[str]] = {}
    for unit in program.units:
        for routine in unit.routines:
            uses[routine.symbol] = {one for one in routine.targets if isinstance(one, str)}
        for packed in program.packed[unit.name]:
            targets = uses.setdefault(packed.datum._symbol, set())
            for one in packed.references:
                target = one.target
                targets.add(target.symbol if isinstance(target, LabelAddress) else target)
    return uses
