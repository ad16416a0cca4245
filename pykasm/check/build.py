"""What a rule looks at: one piece of code with its states, and the build around it."""

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
from pykasm.lang.objects import AssembledUnit, PlacedPiece
from pykasm.lang.routine import Piece
from pykasm.objects.model import Section

FRAMED = (Kind.FUNCTION, Kind.INTERRUPT)
"""Kinds of code that the language gives a prologue and an epilogue."""


@dataclass
class Build:
    """All pieces of a build by their symbols, and what callers know of them."""

    pieces: dict[str, PlacedPiece]
    tables: JumpTables
    data: dict[str, Data]
    pointers: dict[str, list[str]]
    """The symbols that each datum points to, by its own."""
    program: Program
    sections: list[Section]
    """Those of all objects."""
    known: dict[str, CacheEntry] = field(default_factory=dict)
    """What an earlier check learned about pieces that are as they were."""
    _functions: dict[str, FunctionAnalysis] = field(default_factory=dict)

    @classmethod
    def of(cls, program: Program, units: Sequence[AssembledUnit]) -> Build:
        """The build of `program`, assembled as `units`."""
        pieces = {placed.piece.symbol: placed for unit in units for placed in unit.pieces}
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
        return cls(pieces, jump_tables(references), data, pointers, program, sections)

    @cached_property
    def callees(self) -> dict[str, Callee]:
        """What a caller knows of each piece."""
        return {
            symbol: Callee(placed.piece.signature if placed.piece.kind in FRAMED else None)
            for symbol, placed in self.pieces.items()
        }

    def graph(self, placed: PlacedPiece) -> Graph:
        """The control flow of one of the pieces."""
        if placed.piece.symbol in self.analysis.pieces:
            return self.analysis.graph(placed.piece.symbol)
        return Graph(placed, self.tables)

    @cached_property
    def analysis(self) -> ProgramAnalysis:
        """What holds across calls."""
        return ProgramAnalysis(self.pieces, self.tables, self.data, self.pointers, self.known)

    def function(self, symbol: str) -> FunctionAnalysis:
        """One of the pieces, ready to be looked at."""
        if symbol not in self._functions:
            self._functions[symbol] = FunctionAnalysis(self.pieces[symbol], self)
        return self._functions[symbol]

    @cached_property
    def stack_uses(self) -> dict[str, StackUse]:
        """What each piece does with the stack."""
        return {symbol: self._stack_use(symbol) for symbol in self.analysis.pieces}

    def _stack_use(self, symbol: str) -> StackUse:
        record = self.known.get(symbol)
        return record.stack if record else StackUse.of(self.function(symbol).visits())

    @cached_property
    def per_cpu_uses(self) -> dict[str, PerCpuUse]:
        """What each piece does with variables of the processor."""
        variables = {one for one, datum in self.data.items() if datum._storage is Storage.PERCPU}
        return {
            symbol: record.processor
            if (record := self.known.get(symbol)) is not None
            else per_cpu_use(placed.piece, self.analysis.graph, variables, self.changed_by)
            for symbol, placed in self.analysis.pieces.items()
        }

    def changed_by(self, call: Node) -> tuple[int, ...]:
        """The registers that a call may change."""
        callee = self.callees.get(call.callee or "")
        return CLOBBERED if callee is None else callee.changed


class FunctionAnalysis:
    """A piece of code, ready to be looked at."""

    def __init__(self, placed: PlacedPiece, build: Build) -> None:
        self.placed = placed
        self.build = build
        self.graph = build.graph(placed)

    @property
    def piece(self) -> Piece:
        """The piece as it was written."""
        return self.placed.piece

    @property
    def own(self) -> Callee:
        """What callers know of the piece."""
        return self.build.callees[self.piece.symbol]

    @property
    def is_framed(self) -> bool:
        """Whether the language made the prologue and the epilogues."""
        return self.piece.kind in FRAMED

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
