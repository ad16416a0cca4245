"""What a rule looks at: one routine with its states, and the build around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pykasm.check.cache import CacheEntry
from pykasm.check.graph import Graph, JumpTables, Node, jump_tables
from pykasm.check.percpu import PerCpuUse, per_cpu_use
from pykasm.check.programanalysis import ProgramAnalysis
from pykasm.check.registerflow import CLOBBERED, Callee, RegisterFlow
from pykasm.check.stackuse import StackUse
from pykasm.check.state import State
from pykasm.isa.registers import general
from pykasm.lang.convention import SLOT, Kind
from pykasm.lang.data import Data, Storage
from pykasm.lang.image import Program
from pykasm.lang.objects import AssembledUnit, PlacedRoutine
from pykasm.lang.routine import Routine
from pykasm.objects.model import Section

FRAMED = (Kind.FUNCTION, Kind.INTERRUPT)
"""Kinds of code that the language gives a prologue and an epilogue."""


@dataclass
class Build:
    """All routines of a build by their symbols, and what callers know of them."""

    routines: dict[str, PlacedRoutine]
    tables: JumpTables
    data: dict[str, Data]
    pointers: dict[str, list[str]]
    """The symbols that each datum points to, by its own."""
    program: Program
    sections: list[Section]
    """Those of all objects."""
    known: dict[str, CacheEntry] = field(default_factory=dict)
    """What an earlier check learned about routines that are as they were."""
    _functions: dict[str, FunctionAnalysis] = field(default_factory=dict)

    @classmethod
    def of(cls, program: Program, units: Sequence[AssembledUnit]) -> Build:
        """The build of `program`, assembled as `units`."""
        routines = {placed.routine.symbol: placed for unit in units for placed in unit.routines}
        references = {
            packed.datum._symbol: list(packed.references)
            for unit in program.units
            for packed in program.packed[unit.name]
        }
        data = {datum._symbol: datum for unit in program.units for datum in unit.data}
        pointers = {
            symbol: [one.target for one in found if isinstance(one.target, str)]
            for symbol, found in references.items()
        }
        sections = [one for unit in units for one in unit.object.sections]
        return cls(routines, jump_tables(references), data, pointers, program, sections)

    @cached_property
    def callees(self) -> dict[str, Callee]:
        """What a caller knows of each routine."""
        return {
            symbol: Callee(placed.routine.signature if placed.routine.kind in FRAMED else None)
            for symbol, placed in self.routines.items()
        }

    def graph(self, placed: PlacedRoutine) -> Graph:
        """The control flow of one of the routines."""
        if placed.routine.symbol in self.analysis.routines:
            return self.analysis.graph(placed.routine.symbol)
        return Graph(placed, self.tables)

    @cached_property
    def analysis(self) -> ProgramAnalysis:
        """What holds across calls."""
        return ProgramAnalysis(self.routines, self.tables, self.data, self.pointers, self.known)

    def function(self, symbol: str) -> FunctionAnalysis:
        """One of the routines, ready to be looked at."""
        if symbol not in self._functions:
            self._functions[symbol] = FunctionAnalysis(self.routines[symbol], self)
        return self._functions[symbol]

    @cached_property
    def stack_uses(self) -> dict[str, StackUse]:
        """What each routine does with the stack."""
        return {symbol: self._stack_use(symbol) for symbol in self.analysis.routines}

    def _stack_use(self, symbol: str) -> StackUse:
        record = self.known.get(symbol)
        return record.stack if record else StackUse.of(self.function(symbol).visits())

    @cached_property
    def per_cpu_uses(self) -> dict[str, PerCpuUse]:
        """What each routine does with variables of the processor."""
        variables = {one for one, datum in self.data.items() if datum._storage is Storage.PERCPU}
        return {
            symbol: record.processor
            if (record := self.known.get(symbol)) is not None
            else per_cpu_use(placed.routine, self.analysis.graph, variables, self.changed_by)
            for symbol, placed in self.analysis.routines.items()
        }

    def changed_by(self, call: Node) -> tuple[int, ...]:
        """The registers that a call may change."""
        callee = self.callees.get(call.callee or "")
        return CLOBBERED if callee is None else callee.changed


class FunctionAnalysis:
    """A routine, ready to be looked at."""

    def __init__(self, placed: PlacedRoutine, build: Build) -> None:
        self.placed = placed
        self.build = build
        self.graph = build.graph(placed)

    @property
    def routine(self) -> Routine:
        """The routine as it was written."""
        return self.placed.routine

    @property
    def own(self) -> Callee:
        """What callers know of the routine."""
        return self.build.callees[self.routine.symbol]

    @property
    def is_framed(self) -> bool:
        """Whether the language made the prologue and the epilogues."""
        return self.routine.kind in FRAMED

    @cached_property
    def walk(self) -> RegisterFlow:
        """What holds at each instruction."""
        return RegisterFlow(self.graph, self.build.callees)

    def changed_by(self, call: Node) -> tuple[int, ...]:
        """The registers that a call may change."""
        return self.build.changed_by(call)

    def visits(self) -> Iterator[tuple[int, Node, State]]:
        """Every instruction that is reached, with what holds before it."""
        return self.walk.visits()


def register_name(number: int) -> str:
    """The 64-bit name of a general register."""
    return general(number, SLOT).name
