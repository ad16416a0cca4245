"""In which order locks are taken, over all calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pykasm.check.facts import Call, Facts
from pykasm.check.situation import Locks
from pykasm.check.summary import Summary
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
    call: Call | None
    guards: Locks


class LockOrder:
    """All pairs of locks of which one is taken under the other."""

    def __init__(self, summary: Summary) -> None:
        self.summary = summary
        self.steps: dict[str, dict[str, Step]] = {}
        for facts in summary.paths.followed():
            for step in self._steps(facts):
                known = self.steps.setdefault(step.first, {})
                old = known.setdefault(step.second, step)
                known[step.second] = old._replace(guards=old.guards & step.guards)

    def _steps(self, facts: Facts) -> Iterator[Step]:
        summary = self.summary
        for at, event in summary.paths.events(facts.symbol):
            if event.action is LockAction.TAKE:
                yield from self._under(facts, at, frozenset([event.lock]), None)
        for call in facts.calls:
            taken = summary.locks.taken_under(call.callee)
            yield from self._under(facts, call.at, taken, call)

    def _under(self, facts: Facts, at: int, taken: Locks, call: Call | None) -> Iterator[Step]:
        before = self.summary.paths.before(facts.symbol, at)
        for first in sorted(before.may):
            for second in sorted(taken - before.may):
                yield Step(first, second, facts.symbol, at, call, before.must)

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
        notes = [Note(self.summary.place(step.symbol, step.at), how)]
        if step.call is not None:
            notes += self.summary.way_to_lock(step.call.callee, step.second)
        return notes


def _guarded(cycle: list[Step]) -> bool:
    """Whether one more lock keeps two processors from being in the cycle together.

    The locks of a cycle are never held at all of its steps.
    """
    guards = cycle[0].guards
    for step in cycle:
        guards &= step.guards
    return bool(guards)
