"""The lock order over all calls, as a graph: an edge where one lock is taken under another.

A cycle in it is a possible deadlock (as Linux's lockdep has it, but of all paths at once).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pykasm.check.functionsummary import CallSite, FunctionSummary
from pykasm.check.lockstate import Locks
from pykasm.check.programanalysis import ProgramAnalysis
from pykasm.errors import Note
from pykasm.lang.locking import LockAction


class OrderEdge(NamedTuple):
    """`second` is taken while `first` is held: by the instruction at the index `at` of the function
    `symbol`, or by what its `call` there leads to. `guards` are the locks that are held at every
    place where the edge comes from.
    """

    first: str
    second: str
    symbol: str
    at: int
    call: CallSite | None
    guards: Locks


class LockOrder:
    """All pairs of locks of which one is taken under the other: `edges` by both their names."""

    def __init__(self, analysis: ProgramAnalysis) -> None:
        self.analysis = analysis
        self.edges: dict[str, dict[str, OrderEdge]] = {}
        for summary in analysis.lock_flows.tracked():
            for edge in self._edges(summary):
                known = self.edges.setdefault(edge.first, {})
                old = known.setdefault(edge.second, edge)
                # only a lock that is held at each of its places makes an edge harmless
                known[edge.second] = old._replace(guards=old.guards & edge.guards)

    def _edges(self, summary: FunctionSummary) -> Iterator[OrderEdge]:
        analysis = self.analysis
        for at, event in analysis.lock_flows.events(summary.symbol):
            if event.action is LockAction.TAKE:
                yield from self._under(summary, at, frozenset([event.lock]), None)
        for call in (*summary.calls, *analysis.pointer_calls(summary)):
            taken = analysis.locks.taken_under(call.callee)
            yield from self._under(summary, call.at, taken, call)

    def _under(
        self, summary: FunctionSummary, at: int, taken: Locks, call: CallSite | None
    ) -> Iterator[OrderEdge]:
        before = self.analysis.lock_flows.before(summary.symbol, at)
        states = self.analysis.locks.states
        for first in sorted(before.may - states):
            for second in sorted(taken - before.may):
                yield OrderEdge(first, second, summary.symbol, at, call, before.must - states)

    def cycles(self) -> Iterator[list[OrderEdge]]:
        """Yield the cycles of the graph that can deadlock, each once."""
        seen: set[frozenset[str]] = set()
        for first in sorted(self.edges):
            for edge in self.edges[first].values():
                # by the set of its locks, a cycle is found once however it is entered
                cycle = [edge, *self._shortest_path(edge.second, first)]
                locks = frozenset(one.first for one in cycle)
                if cycle[-1].second == first and locks not in seen and not _is_guarded(cycle):
                    seen.add(locks)
                    yield cycle

    def _shortest_path(self, start: str, end: str) -> list[OrderEdge]:
        """Return the edges from one lock to another; empty if no path leads there."""
        found: dict[str, list[OrderEdge]] = {start: []}
        for lock in (worklist := [start]):  # grows while locks are met
            for edge in self.edges.get(lock, {}).values():
                if edge.second not in found:
                    found[edge.second] = [*found[lock], edge]
                    worklist.append(edge.second)
        return found.get(end, [])

    def notes(self, edge: OrderEdge) -> list[Note]:
        """Return where the second lock of an edge is taken under the first, for a message."""
        how = f"under `{edge.first}`, `{edge.symbol}` takes `{edge.second}`"
        notes = [Note(self.analysis.place(edge.symbol, edge.at), how)]
        if edge.call is not None:
            notes += self.analysis.path_to_lock(edge.call.callee, edge.second)
        return notes


def _is_guarded(cycle: list[OrderEdge]) -> bool:
    """Return whether one more lock keeps two processors from being in the cycle together: one that
    is held at every edge."""
    guards = cycle[0].guards
    for edge in cycle:
        guards &= edge.guards
    return bool(guards)
