"""What rules look at: a build, and one of its functions with its analyses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pykasm.check.cache import CacheEntry
from pykasm.check.content import Content
from pykasm.check.contracts import Contracts
from pykasm.check.convention import CALLER_SAVED, FRAMED, Callee
from pykasm.check.graph import Graph, JumpTables, Node, jump_tables
from pykasm.check.percpu import PerCpuUse, per_cpu_use
from pykasm.check.programanalysis import ProgramAnalysis
from pykasm.check.registerflow import RegisterFlow
from pykasm.check.remembered import tables_of
from pykasm.check.stackuse import StackUse
from pykasm.check.state import State
from pykasm.check.trustuse import TrustUse
from pykasm.lang.convention import Kind
from pykasm.lang.data import Data, Storage
from pykasm.lang.image import Program
from pykasm.lang.objects import AssembledUnit, PlacedRoutine
from pykasm.lang.routine import Routine
from pykasm.lang.types import Fn, TypeMeta
from pykasm.objects.model import SectionKind
from pykasm.source import Source, Span, line_span


@dataclass
class Build:
    """All functions and data of a build by their symbols, with the analyses of them.

    `routines` are functions, interrupt handlers and stubs; `pointees` the symbols that each datum
    points to; `taken_as` the functions among them with the types of the pointers;
    `sections` those of all objects; `contents` what is known of functions that an earlier build
    wrote; `known` what the cache has of functions that have not changed, and `graphs` their control
    flow graphs, where another build made them; `contracts` which of those keep what they state of
    registers.
    """

    routines: dict[str, PlacedRoutine]
    tables: JumpTables
    data: dict[str, Data]
    pointees: dict[str, list[str]]
    taken_as: dict[str, set[tuple[str, TypeMeta]]]
    program: Program
    sections: list[SectionKind]
    contents: Mapping[str, Content] = field(default_factory=dict)
    known: dict[str, CacheEntry] = field(default_factory=dict)
    graphs: Mapping[str, Graph] = field(default_factory=dict)
    contracts: Contracts = field(default_factory=Contracts)
    trust_uses: dict[str, dict[int, TrustUse]] = field(default_factory=dict)
    """What functions do with what somebody else chose, so far as it was asked for."""
    restoring: set[tuple[object, ...]] = field(default_factory=set)
    """The shapes of code in place that was found to restore what it changes: that of a lock is in
    many functions."""
    _functions: dict[str, FunctionAnalysis] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        program: Program,
        units: Sequence[AssembledUnit],
        contents: Mapping[str, Content] | None = None,
    ) -> Build:
        """Return the build of `program`, which was assembled as `units`; `contents` are those of
        functions whose contents are known."""
        routines = {placed.routine.symbol: placed for unit in units for placed in unit.routines}
        references = {
            packed.datum._symbol: list(packed.references)
            for unit in program.units
            for packed in program.packed[unit.name]
        }
        data = {datum._symbol: datum for unit in program.units for datum in unit.data}
        pointees = {
            symbol: [one.target for one in found if isinstance(one.target, str)]
            for symbol, found in references.items()
        }
        taken_as = {
            symbol: {(str(one.target), one.kind) for one in found if one.kind is not None}
            for symbol, found in references.items()
        }
        sections = [one for unit in units for one in unit.sections]
        tables = jump_tables(references)
        return cls(routines, tables, data, pointees, taken_as, program, sections, contents or {})

    def prepare(self) -> None:
        """Make what all functions are looked at with, so that forks share it."""
        told = (
            self.callees,
            self.owning,
            self.taking,
            self.failing,
            self.untrusted,
            self.distrusting,
        )
        for one in (*told, self.remote, self.analysis):
            assert one is not None

    @cached_property
    def callees(self) -> dict[str, Callee]:
        """What a caller knows of each function."""
        return {
            symbol: Callee(placed.routine.signature if _keeps_promises(placed.routine) else None)
            for symbol, placed in self.routines.items()
        }

    @cached_property
    def owning(self) -> frozenset[str]:
        """The functions that take something over from their callers, or give it to them."""
        return frozenset(
            symbol
            for symbol, callee in self.callees.items()
            if callee.signature is not None and callee.signature.has_owned
        )

    @cached_property
    def taking(self) -> frozenset[str]:
        """The functions that take something over from their callers."""
        return frozenset(
            symbol
            for symbol, callee in self.callees.items()
            if callee.signature is not None
            and any(one.type._owned for one in callee.signature.parameters)
        )

    @cached_property
    def failing(self) -> frozenset[str]:
        """The functions whose results may be errors or null."""
        return frozenset(
            symbol
            for symbol, callee in self.callees.items()
            if callee.signature is not None
            and any(one._fails or one._nullable for one in callee.signature.results)
        )

    @cached_property
    def user_pointers(self) -> frozenset[str]:
        """The data that are pointers which programs gave."""
        return frozenset(symbol for symbol, datum in self.data.items() if datum._kind._by_user)

    @cached_property
    def untrusted(self) -> frozenset[str]:
        """The functions that return numbers which somebody else chose."""
        return frozenset(
            symbol
            for symbol, callee in self.callees.items()
            if callee.signature is not None
            and any(one._untrusted for one in callee.signature.results)
        )

    @cached_property
    def distrusting(self) -> frozenset[str]:
        """The functions whose arguments somebody else chose: their addresses are taken for types of
        pointers that say so, or code without a frame goes on there whose address is."""
        in_code = (one.routine.taken_as for one in self.routines.values())
        found = {
            symbol
            for taken_as in (*self.taken_as.values(), *in_code)
            for symbol, kind in taken_as
            if issubclass(kind, Fn) and kind._distrusts
        }
        stubs = [self.routines[one].routine for one in found if one in self.routines]
        for stub in stubs:
            if stub.kind is Kind.NAKED:
                found.update(one for one in stub.targets if one in self.routines)
        return frozenset(found)

    @cached_property
    def remote(self) -> frozenset[str]:
        """The functions that return addresses by which code finds nothing."""
        return frozenset(
            symbol
            for symbol, callee in self.callees.items()
            if callee.signature is not None and any(one._remote for one in callee.signature.results)
        )

    @cached_property
    def fetching(self) -> frozenset[str]:
        """The functions that copy in what programs' pointers lead to."""
        return frozenset(
            symbol
            for symbol, callee in self.callees.items()
            if callee.signature is not None
            and any(one.type._fetched for one in callee.signature.parameters)
        )

    @cached_property
    def analysis(self) -> ProgramAnalysis:
        """What holds across calls, in 64-bit code."""
        return ProgramAnalysis(
            self.routines,
            self.tables,
            self.data,
            self.pointees,
            self.taken_as,
            self.known,
            self.graphs,
        )

    def function(self, symbol: str) -> FunctionAnalysis:
        """Return the analyses of one function."""
        if symbol not in self._functions:
            self._functions[symbol] = FunctionAnalysis(self.routines[symbol], self)
        return self._functions[symbol]

    def graph(self, placed: PlacedRoutine) -> Graph:
        """Return the control flow graph of a function, made once if it is 64-bit code."""
        if placed.routine.symbol in self.analysis.routines:
            return self.analysis.graph(placed.routine.symbol)
        return Graph(placed, tables_of(placed, self.tables))

    @cached_property
    def stack_uses(self) -> dict[str, StackUse]:
        """What each function does with the stack."""
        return {symbol: self.stack_use(symbol) for symbol in self.analysis.routines}

    def stack_use(self, symbol: str) -> StackUse:
        """Return what a function does with the stack."""
        known = self.known.get(symbol)
        return known.stack if known else StackUse.of(self.function(symbol).visits())

    @cached_property
    def per_cpu_uses(self) -> dict[str, PerCpuUse]:
        """What each function does with per-CPU variables."""
        return {symbol: self.per_cpu_use(symbol) for symbol in self.analysis.routines}

    def per_cpu_use(self, symbol: str) -> PerCpuUse:
        """Return what a function does with per-CPU variables."""
        known = self.known.get(symbol)
        if known is not None:
            return known.per_cpu
        routine = self.routines[symbol].routine
        return per_cpu_use(routine, self.analysis.graph, self._per_cpu, self.changed_by)

    @cached_property
    def _per_cpu(self) -> set[str]:
        """The per-CPU variables."""
        return {one for one, datum in self.data.items() if datum._storage is Storage.PERCPU}

    def changed_by(self, call: Node) -> tuple[int, ...]:
        """Return the numbers of the registers that a call may change."""
        callee = self.callees.get(call.callee or "")
        return CALLER_SAVED if callee is None else callee.changed


def _keeps_promises(routine: Routine) -> bool:
    """Return whether callers may rely on the signature: code without a frame need not keep what
    functions keep, unless it says what it changes."""
    return routine.kind in FRAMED or routine.signature.clobbers is not None


class FunctionAnalysis:
    """The analyses of one function. Each is made when it is first asked for."""

    def __init__(self, placed: PlacedRoutine, build: Build) -> None:
        self.placed = placed
        self.build = build
        self.graph = build.graph(placed)

    @property
    def routine(self) -> Routine:
        """The function as it was written."""
        return self.placed.routine

    @property
    def own(self) -> Callee:
        """What callers know of the function."""
        return self.build.callees[self.routine.symbol]

    @property
    def is_framed(self) -> bool:
        """Whether the language made the prologue and the epilogues."""
        return self.routine.kind in FRAMED

    @cached_property
    def registers(self) -> RegisterFlow:
        """What registers, flags and the stack hold."""
        return RegisterFlow(self.graph, self.build.callees)

    def changed_by(self, call: Node) -> tuple[int, ...]:
        """Return the numbers of the registers that a call may change."""
        return self.build.changed_by(call)

    def place(self, index: int) -> Span:
        """Return the line of the function's own body that led to its instruction at `index`."""
        declared, line = self.routine.declared, self.graph.nodes[index].line
        return line_span(Source(declared.file, line.body_line))

    def visits(self) -> Iterator[tuple[int, Node, State]]:
        """Yield every instruction that is reached, with its index and the state before it."""
        return self.registers.visits()
