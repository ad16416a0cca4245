"""The interprocedural analyses of a build. Each is made when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cached_property

from pykasm.check.cache import CacheEntry
from pykasm.check.callgraph import CallGraph, call_path
from pykasm.check.contexts import Contexts
from pykasm.check.finding import span_of
from pykasm.check.functionsummary import CallSite, FunctionSummary, place_of
from pykasm.check.graph import Graph, JumpTables
from pykasm.check.indirectcalls import IndirectCalls, TakenAddresses
from pykasm.check.localsummary import LocalSummary
from pykasm.check.lockflow import LockFlows
from pykasm.check.locks import LockUse
from pykasm.check.remembered import indirect_target, tables_of
from pykasm.errors import Note
from pykasm.isa.code import Line
from pykasm.lang.data import Data
from pykasm.lang.locking import LockAction
from pykasm.lang.objects import PlacedRoutine
from pykasm.lang.types import TypeMeta
from pykasm.source import Source, Span, line_span

LONG_MODE = 64
"""Bits of the code that rules are about."""

_BEGINNINGS = {
    LockAction.TAKE: "takes",
    LockAction.TRY: "takes",
    LockAction.BEGIN: "begins",
}
"""What happens to a lock or state where it comes to hold."""


class ProgramAnalysis:
    """The analyses of the functions of a build.

    `routines` and `data` are those of the build by their symbols, `pointees` the symbols that each
    datum points to, `taken_as` the functions among them with the types of the pointers,
    `known` what the cache has of functions that are as they were, `graphs` their graphs.
    """

    def __init__(
        self,
        routines: Mapping[str, PlacedRoutine],
        tables: JumpTables,
        data: Mapping[str, Data],
        pointees: Mapping[str, Sequence[str]],
        taken_as: Mapping[str, Set[tuple[str, TypeMeta]]],
        known: Mapping[str, CacheEntry],
        graphs: Mapping[str, Graph],
    ) -> None:
        self.routines = {
            symbol: placed
            for symbol, placed in routines.items()
            if placed.routine.bits == LONG_MODE
        }
        self._tables = tables
        self._data = data
        self._pointees = pointees
        self._taken_as = taken_as
        self._known = known
        self._graphs = dict(graphs)
        self._made: dict[str, LocalSummary] = {}

    @cached_property
    def summaries(self) -> dict[str, FunctionSummary]:
        """What each function does by itself, by its symbol."""
        of_programs = {one for one, placed in self.routines.items() if placed.routine.is_of_program}
        return {
            symbol: FunctionSummary(
                self.routines[symbol].routine, local, self.indirect_calls, of_programs
            )
            for symbol, local in self._locals.items()
        }

    @cached_property
    def _locals(self) -> dict[str, LocalSummary]:
        return {symbol: self.local(symbol) for symbol in self.routines}

    def local(self, symbol: str) -> LocalSummary:
        """Return what a function does, whatever the rest of the build is."""
        known = self._known.get(symbol)
        if known is not None:
            return known.local
        if symbol not in self._made:
            graph = self.graph(symbol)
            self._made[symbol] = LocalSummary.of(graph, self.routines, self._guarded)
        return self._made[symbol]

    @cached_property
    def _guarded(self) -> dict[str, bool]:
        """The data that name a lock, and whether they may be read without it."""
        return {
            symbol: datum._unlocked_reads
            for symbol, datum in self._data.items()
            if datum._guard is not None
        }

    @cached_property
    def indirect_calls(self) -> IndirectCalls:
        """Where calls through pointers go."""
        takers = [
            *((one, self._taken_as.get(datum, ())) for datum, one in self._pointees.items()),
            *(
                (local.addresses, self.routines[symbol].routine.taken_as)
                for symbol, local in self._locals.items()
            ),
        ]
        return IndirectCalls(self.routines, self._data, self._pointees, TakenAddresses.of(takers))

    @cached_property
    def calls(self) -> CallGraph:
        """What calls what."""
        return CallGraph(self.summaries)

    @cached_property
    def lock_flows(self) -> LockFlows:
        """Which locks are held where, and whether interrupts are on."""
        known = {symbol: one.lock_flow for symbol, one in self._known.items() if one.lock_flow}
        return LockFlows(self.summaries, self.calls, self.graph, known)

    @cached_property
    def locks(self) -> LockUse:
        """Which locks are taken by what, and held by callers."""
        return LockUse(self.summaries, self.calls, self.lock_flows, self._pointees)

    @cached_property
    def contexts(self) -> Contexts:
        """Where code runs: in threads, in interrupts, with interrupts on."""
        possible = [
            call for summary in self.summaries.values() for call in self.pointer_calls(summary)
        ]
        calls = CallGraph(self.summaries, possible) if possible else self.calls
        return Contexts(self.summaries, calls, self.lock_flows, self.indirect_calls, possible)

    def pointer_calls(self, summary: FunctionSummary) -> Iterator[CallSite]:
        """Yield the calls of a function through pointers whose type has no name, and that no
        constant table resolves, once for each function that is of the pointer's type: some of these
        may never be called there."""
        routine = summary.routine
        for at in summary.local.indirect_calls:
            target = indirect_target(routine, at)
            if self.indirect_calls.known_targets(target) is None:
                for callee in self.indirect_calls.targets(target, routine) or ():
                    yield CallSite(routine, summary.symbol, callee, at)

    def graph(self, symbol: str) -> Graph:
        """Return the control flow graph of a function."""
        if symbol not in self._graphs:
            placed = self.routines[symbol]
            self._graphs[symbol] = Graph(placed, tables_of(placed, self._tables))
        return self._graphs[symbol]

    # Places, for messages

    def span(self, symbol: str, index: int) -> Span:
        """Return where the instruction at `index` of a function was written."""
        return line_span(place_of(self.routines[symbol].routine, index).source)

    def place(self, symbol: str, index: int) -> Span:
        """Return the line of the function's own body that led to its instruction at `index`: the
        code of a lock may have written that."""
        routine = self.routines[symbol].routine
        return line_span(Source(routine.declared.file, place_of(routine, index).body_line))

    def where_taken(self, symbol: str, lock: str) -> Note:
        """Return the first place in a function that takes `lock`, or begins a state of this name,
        or how it comes to have it."""
        for index, events in self.summaries[symbol].local.events.items():
            for one in events:
                if one.lock == lock and one.action in _BEGINNINGS:
                    how = _BEGINNINGS[one.action]
                    return Note(self.place(symbol, index), f"`{symbol}` {how} `{lock}`")
        for call in self.summaries[symbol].calls:
            if lock in self.summaries[call.callee].routine.locks.acquires:
                return Note(call.span, f"`{call.callee}` takes `{lock}`")
        declared = line_span(self.summaries[symbol].routine.declared)
        return Note(declared, f"`{symbol}` is entered with `{lock}`")

    def where_taken_as(self, symbol: str, kind: TypeMeta) -> list[Note]:
        """Return where functions first take the address of another one for a pointer type."""
        found = []
        for taker, placed in self.routines.items():
            if (symbol, kind) in placed.routine.taken_as:
                lines = (one for one in placed.routine.items if isinstance(one, Line))
                taking = (one for one in lines if any(r.target == symbol for r in one.references))
                found += [Note(span_of(one), f"`{taker}` gives its address") for one in taking][:1]
        return found[:1]

    def path_to_lock(self, symbol: str, lock: str) -> list[Note]:
        """Return how a function comes to take `lock`: the calls, then the instruction."""
        notes, last = call_path(symbol, self.locks.takers(lock))
        return [*notes, self.where_taken(last, lock)]
