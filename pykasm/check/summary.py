"""What is known of a build beyond single pieces of code: what holds across calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from pykasm.check.behaviour import Behaviour
from pykasm.check.callgraph import CallGraph, way
from pykasm.check.contexts import Contexts
from pykasm.check.facts import Facts, line_of
from pykasm.check.finding import span_of
from pykasm.check.graph import Graph, JumpTables
from pykasm.check.ledger import Record
from pykasm.check.locks import LockUse
from pykasm.check.paths import Paths
from pykasm.check.pointers import Pointers
from pykasm.errors import Note
from pykasm.isa.code import Line
from pykasm.lang.data import Data
from pykasm.lang.locking import LockAction
from pykasm.lang.objects import PlacedPiece
from pykasm.source import Source, Span, line_span

LONG_MODE = 64
"""Bits of the code that rules are about."""


class Summary:
    """The `facts` of all pieces of a build, and what follows from them over the `calls`: what
    holds on `paths`, use of `locks`, and `contexts`.

    `data` are that of the build by their symbols, `pointees` the symbols that each points to.
    `known` is what an earlier check learned about pieces that are as they were.
    """

    def __init__(
        self,
        pieces: Mapping[str, PlacedPiece],
        tables: JumpTables,
        data: Mapping[str, Data],
        pointees: Mapping[str, Sequence[str]],
        known: Mapping[str, Record],
    ) -> None:
        self.pieces = {
            symbol: placed for symbol, placed in pieces.items() if placed.piece.bits == LONG_MODE
        }
        self._tables = tables
        self._data = data
        self._pointees = pointees
        self._known = known
        self._graphs: dict[str, Graph] = {}

    @cached_property
    def facts(self) -> dict[str, Facts]:
        """What each piece does by itself."""
        return {
            symbol: Facts(self.pieces[symbol].piece, behaviour, self.pointers)
            for symbol, behaviour in self._behaviours.items()
        }

    @cached_property
    def _behaviours(self) -> dict[str, Behaviour]:
        return {symbol: self._behaviour(symbol) for symbol in self.pieces}

    def _behaviour(self, symbol: str) -> Behaviour:
        record = self._known.get(symbol)
        if record is not None:
            return record.behaviour
        return Behaviour.of(self.graph(symbol), self.pieces, self._guarded)

    @cached_property
    def _guarded(self) -> set[str]:
        """The data that name a lock."""
        return {symbol for symbol, datum in self._data.items() if datum._guard is not None}

    @cached_property
    def pointers(self) -> Pointers:
        """Where calls through pointers go."""
        taken = set[str]().union(*(one.addresses for one in self._behaviours.values()))
        return Pointers(self.pieces, self._data, self._pointees, taken)

    @cached_property
    def calls(self) -> CallGraph:
        """What calls what."""
        return CallGraph(self.facts.values())

    @cached_property
    def paths(self) -> Paths:
        """What holds on the paths through each piece."""
        known = {symbol: one.course for symbol, one in self._known.items() if one.course}
        return Paths(self.facts, self.calls, self.graph, known)

    @cached_property
    def locks(self) -> LockUse:
        """Which locks are taken and held where."""
        return LockUse(self.facts, self.calls, self.paths, self._pointees)

    @cached_property
    def contexts(self) -> Contexts:
        """Where code runs."""
        return Contexts(self.facts, self.calls, self.paths, self.pointers)

    def graph(self, symbol: str) -> Graph:
        """The control flow of a piece."""
        if symbol not in self._graphs:
            self._graphs[symbol] = Graph(self.pieces[symbol], self._tables)
        return self._graphs[symbol]

    # Places, for messages

    def line(self, symbol: str, index: int) -> Line:
        """The `index`th instruction of a piece."""
        return line_of(self.pieces[symbol].piece, index)

    def place(self, symbol: str, index: int) -> Span:
        """The line of the piece's own body that led to its `index`th instruction, which a lock
        may have written."""
        declared, line = self.pieces[symbol].piece.declared, self.line(symbol, index)
        return line_span(Source(declared.file, line.body_line))

    def where_taken(self, symbol: str, lock: str) -> Note:
        """The first instruction in `symbol` that takes `lock`, or how it comes to have it."""
        for index, events in self.facts[symbol].behaviour.events.items():
            if any(one.action is LockAction.TAKE and one.lock == lock for one in events):
                return Note(self.place(symbol, index), f"`{symbol}` takes `{lock}`")
        for call in self.facts[symbol].calls:
            if lock in self.facts[call.callee].piece.locks.acquires:
                return Note(span_of(call.line), f"`{call.callee}` takes `{lock}`")
        declared = line_span(self.facts[symbol].piece.declared)
        return Note(declared, f"`{symbol}` is entered with `{lock}`")

    def way_to_lock(self, symbol: str, lock: str) -> list[Note]:
        """How `symbol` comes to take `lock`: the calls, then the instruction."""
        notes, last = way(symbol, self.locks.takers(lock))
        return [*notes, self.where_taken(last, lock)]
