"""The kernel under test: assembled once, then a routine at a time with a fault in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from kernel.image import image
from pykasm.check.allowances import excused
from pykasm.check.build import Build, FunctionAnalysis
from pykasm.check.checker import cache_entry, keys
from pykasm.check.content import Content
from pykasm.check.contracts import Contracts
from pykasm.check.finding import Finding
from pykasm.check.graph import jump_tables
from pykasm.check.rule import build_checks, function_checks
from pykasm.encode.encoder import Encoder
from pykasm.encode.layout import assemble
from pykasm.errors import Collector, collecting
from pykasm.lang.assembly import Assembly
from pykasm.lang.assertions import asserting
from pykasm.lang.convention import Kind
from pykasm.lang.data import Packer
from pykasm.lang.function import BoundFunction, Function
from pykasm.lang.image import PackedData
from pykasm.lang.locking import watching_locks
from pykasm.lang.objects import PlacedRoutine, assemble_program
from pykasm.lang.routine import Routine
from pykasm.lang.stubs import assembling
from pykasm.lang.subsystem import Subsystem
from pykasm.lang.unit import Unit
from pykasm.parallel import in_parallel

T = TypeVar("T")

BITS = 64
"""The code that the checker looks at."""


class Kernel:
    """The kernel of the day; `build` is what the checker knows of it."""

    def __init__(self) -> None:
        self.image = image()
        self.program = self.image.assemble()
        self.encoder = Encoder()
        units = assemble_program(self.program, self.encoder, ".")
        self.build = Build.of(self.program, units)
        tables, routines = self.build.tables, self.build.routines
        self.build.contents = {
            symbol: Content.of(placed, tables) for symbol, placed in routines.items()
        }
        self.build.contracts = Contracts(keys(self.build))
        self.routines = _unlike(self.build)
        self.across = _across(self.build)
        """What the checker says of the build as a whole, exceptions included."""
        self.findings = self._findings()
        """What the checker says of each routine as it is."""
        self.entries = {
            symbol: cache_entry(symbol, self.build) for symbol in self.build.analysis.routines
        }
        self.data = {
            packed.datum._symbol: packed
            for unit in self.program.units
            for packed in self.program.packed[unit.name]
        }

        self.graphs = {
            symbol: self.build.analysis.graph(symbol) for symbol in self.build.analysis.routines
        }

    def _findings(self) -> dict[str, list[Finding]]:
        self.build.prepare()

        def found(placed: PlacedRoutine) -> list[Finding]:
            return _errors(FunctionAnalysis(placed, self.build), self.across)

        return dict(zip(self.routines, in_parallel(found, [*self.routines.values()]), strict=True))

    def functions(self) -> Iterator[BoundFunction[Any]]:
        """Every function that has a body of its own in the source."""
        for subsystem in self.image.subsystems:
            names = {name: None for one in type(subsystem).__mro__ for name in vars(one)}
            for name in names:
                found = getattr(type(subsystem), name, None)
                if isinstance(found, Function) and found.options.bits == BITS:
                    yield getattr(subsystem, name)

    def called_in_interrupts(self) -> list[str]:
        """What handlers of interrupts, and deferred work, call."""
        outside = self.build.analysis.contexts.outside_threads
        called = {one.callee for summary in outside.values() for one in summary.calls}
        return sorted(called.intersection(self.routines) - outside.keys())

    def assembled(self, routine: Routine) -> PlacedRoutine:
        """`routine` in place of the one of that name. Raises what the encoder finds."""
        code = assemble(routine.items, self.encoder, routine.symbol)
        original = self.build.routines[routine.symbol]
        return PlacedRoutine(routine, code, original.section, original.offset)

    def written(self, bound: BoundFunction[Any]) -> tuple[Routine, list[PackedData]]:
        """The routine that a function comes to now, and the data that are new with it.

        Raises `BuildFailed` with the mistakes that the language finds.
        """
        unit, subsystem = self._unit_of(bound)
        scratch = replace(
            unit,
            routines=[],
            data=list(unit.data),
            forgotten=[],
            _strings=dict(unit._strings),
            _counts=dict(unit._counts),
        )
        with (
            collecting(Collector()) as collector,
            asserting(self.image.on_assert),
            watching_locks(self.image.on_lock),
            assembling(scratch),
        ):
            Assembly(scratch, subsystem).write(bound)
            packed = [_packed(datum, scratch) for datum in scratch.data[len(unit.data) :]]
            collector.finish()
        return scratch.routines[0], packed

    def _unit_of(self, bound: BoundFunction[Any]) -> tuple[Unit, Subsystem]:
        pairs = zip(self.program.units, self.image.subsystems, strict=True)
        return next(pair for pair in pairs if pair[1] is bound._owner)

    def checked(self, placed: PlacedRoutine, data: list[PackedData]) -> list[Finding]:
        """The errors that the checker finds in `placed` and not in the kernel as it is.

        What holds across calls is only looked at again where locks or waiting are involved.
        """
        symbol = placed.routine.symbol
        tables = jump_tables({one.datum._symbol: list(one.references) for one in data})
        build = replace(
            self.build,
            routines={**self.build.routines, symbol: placed},
            tables={**self.build.tables, **tables},
            data={**self.build.data, **{one.datum._symbol: one.datum for one in data}},
            contents=_without(self.build.contents, symbol),
            known=_without(self.entries, symbol),
            graphs=_without(self.graphs, symbol),
            _functions=self._functions_beside(placed),
        )
        known = {str(one) for one in [*self.findings[symbol], *self.across]}
        original = self.build.routines[symbol]
        across = self.across
        if _matters_to_others(original, placed):
            build.contracts = Contracts(keys(build), self.build.contracts.kept)
            across = _across(build)
        found = _errors(FunctionAnalysis(placed, build), across)
        found += [one for one in across if one.symbol != symbol]
        return [one for one in found if str(one) not in known]

    def _functions_beside(self, placed: PlacedRoutine) -> dict[str, FunctionAnalysis]:
        """The analyses of all other functions, which ask of `placed` only how it is called."""
        symbol, signature = placed.routine.symbol, placed.routine.signature
        is_called_so = signature == self.build.routines[symbol].routine.signature
        return _without(self.build._functions, symbol) if is_called_so else {}


def _without(known: Mapping[str, T], symbol: str) -> dict[str, T]:
    """What is known of all functions but the one that is another now."""
    return {one: what for one, what in known.items() if one != symbol}


def _matters_to_others(original: PlacedRoutine, placed: PlacedRoutine) -> bool:
    """Whether what holds across calls may be another with `placed` instead of `original`: locks are
    taken there, or it may wait otherwise than before."""
    one, other = original.routine, placed.routine
    if one.lock_events or other.lock_events or one.sleeps != other.sleeps:
        return True
    return one.sleeps and _targets(original) != _targets(placed)


def _targets(placed: PlacedRoutine) -> list[str]:
    """What the code refers to."""
    return sorted(str(one.target) for one in placed.code.relocations)


def _unlike(build: Build) -> dict[str, PlacedRoutine]:
    """The routines that the checker looks at, of the stubs that are alike only one."""
    found: dict[str, PlacedRoutine] = {}
    seen: set[tuple[str, ...]] = set()
    for symbol, placed in build.routines.items():
        routine = placed.routine
        shape = tuple(one.line.statement.mnemonic for one in placed.code.lines)
        if routine.bits == BITS and (routine.kind is not Kind.NAKED or shape not in seen):
            found[symbol] = placed
            seen.add(shape)
    return found


def _packed(datum: Any, unit: Unit) -> PackedData:
    packer = Packer(unit.string)
    packer.pack(datum._kind, datum._initial)
    return PackedData(datum, bytes(packer.bytes), packer.references)


def _across(build: Build) -> list[Finding]:
    return [one for check in build_checks() for one in check(build)]


def _errors(function: FunctionAnalysis, across: list[Finding]) -> list[Finding]:
    """The errors in a routine, with those of the whole build that show in it."""
    found = [one for check in function_checks() for one in check(function)]
    found += [one for one in across if one.symbol == function.routine.symbol]
    left, _ = excused(function.routine, found)
    return [one for one in left if one.severity == "error"]
