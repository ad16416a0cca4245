"""In which order locks are taken, over all calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pykasm.check.functionsummary import CallSite, FunctionSummary
from pykasm.check.lockstate import Locks
from pykasm.check.programanalysis import ProgramAnalysis
from pykasm.errors import Note
from pykasm.lang.locking import LockAction


class Step(NamedTuple):
    """`second` is taken while `first` is held, at the instruction `at` of `symbol`: there, or by
    `call`. `guards` are the locks that are held all the while.
    """

    first: str
    second: str
    symbol: str
    at: int
    call: CallSite | None
    guards: Locks


class LockOrder:
    """All pairs of locks of which one is taken under the other."""

    def __init__(self, analysis: ProgramAnalysis) -> None:
        self.analysis = analysis
        self.steps: dict[str, dict[str, Step]] = {}
        for summary in analysis.lock_flows.followed():
            for step in self._steps(summary):
                known = self.steps.setdefault(step.first, {})
                old = known.setdefault(step.second, step)
                known[step.second] = old._replace(guards=old.guards & step.guards)

    def _steps(self, summary: FunctionSummary) -> Iterator[Step]:
        analysis = self.analysis
        for at, event in analysis.lock_flows.events(summary.symbol):
            if event.action is LockAction.TAKE:
                yield from self._under(summary, at, frozenset([event.lock]), None)
        for call in summary.calls:
            taken = analysis.locks.taken_under(call.callee)
            yield from self._under(summary, call.at, taken, call)

    def _under(
        self, summary: FunctionSummary, at: int, taken: Locks, call: CallSite | None
    ) -> Iterator[Step]:
        before = self.analysis.lock_flows.before(summary.symbol, at)
        for first in sorted(before.may):
            for second in sorted(taken - before.may):
                yield Step(first, second, summary.symbol, at, call, before.must)

    def cycles(self) -> Iterator[list[Step]]:
        """Ways through the pairs that come back to where they began, each once."""
        seen: set[frozenset[str]] = set()
        for first in sorted(self.steps):
            for step in self.steps[first].values():
                cycle = [step, *self._way(step.second, first)]
                locks = frozenset(one.first for one in cycle)
                if cycle[-1].second == first and locks not in seen and not _guarded(cycle):
                    seen.add(locks)
                    yield cycle

    def _way(self, start: str, end: str) -> list[Step]:
        """A shortest way from one lock to another; empty if there is none."""
        found: dict[str, list[Step]] = {start: []}
        for lock in (waiting := [start]):  # grows while locks are met
            for step in self.steps.get(lock, {}).values():
                if step.second not in found:
                    found[step.second] = [*found[lock], step]
                    waiting.append(step.second)
        return found.get(end, [])

    def notes(self, step: Step) -> list[Note]:
        """Where the second lock is taken under the first."""
        how = f"under `{step.first}`, `{step.symbol}` takes `{step.second}`"
        notes = [Note(self.analysis.place(step.symbol, step.at), how)]
        if step.call is not None:
            notes += self.analysis.path_to_lock(step.call.callee, step.second)
        return notes


def _guarded(cycle: list[Step]) -> bool:
    """Whether one more lock keeps two processors from being in the cycle together.

    The locks of a cycle are never held at all of its steps.
    """
    guards = cycle[0].guards
    for step in cycle:
        guards &= step.guards
    return bool(guards)
