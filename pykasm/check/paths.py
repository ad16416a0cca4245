"""What holds on the paths through each piece of code, and how it leaves interrupts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pykasm.check.callgraph import CallGraph, callees_first
from pykasm.check.facts import Call, Facts
from pykasm.check.graph import Graph
from pykasm.check.situation import ENTRY, SAME, Locks, Situation
from pykasm.lang.locking import LockEvent


class Course(NamedTuple):
    """The situation before each instruction of a piece that is reached, and how it `leaves`
    interrupts; `returning` is how callees leave them, by the call, where not as they were."""

    returning: dict[int, int]
    situations: dict[int, Situation]
    leaves: int


class Paths:
    """The courses of all pieces that change locks or interrupts.

    What a piece leaves changes the courses of its callers: they are followed until nothing
    changes. As what a piece may leave only grows, this ends, also where pieces call each other in
    circles. `known` are courses of the same pieces in earlier checks.
    """

    def __init__(
        self,
        facts: Mapping[str, Facts],
        calls: CallGraph,
        graph: Callable[[str], Graph],
        known: Mapping[str, Course],
    ) -> None:
        self._facts = facts
        self._graph = graph
        self._known = known
        self.courses: dict[str, Course] = {}
        self._leaves = dict.fromkeys(facts, SAME)
        waiting = callees_first(facts)
        for symbol in waiting:  # grows while what a callee leaves changes
            returning = self._returning(symbol)
            if returning or facts[symbol].behaviour.changes_something:
                leaves = self._follow(symbol, returning)
                if leaves != self._leaves[symbol]:
                    self._leaves[symbol] = leaves
                    waiting += [call.caller for call in calls.callers.get(symbol, ())]

    def _follow(self, symbol: str, returning: dict[int, int]) -> int:
        """Follow a piece, maybe once more; how it leaves interrupts, so far as is known."""
        before = self._leaves[symbol] if symbol in self.courses else 0
        course = self.courses[symbol] = self._course(symbol, returning)
        return before | course.leaves

    def _returning(self, symbol: str) -> dict[int, int]:
        """How the callees of a piece leave interrupts, by the call, where that is not as they
        were."""
        calls, leaves = self._facts[symbol].calls, self._leaves
        changed = {call.at: 0 for call in calls if leaves[call.callee] != SAME}
        for call in calls if changed else ():
            if call.at in changed:
                changed[call.at] |= leaves[call.callee]
        return changed

    def _course(self, symbol: str, returning: dict[int, int]) -> Course:
        for known in (self.courses.get(symbol), self._known.get(symbol)):
            if known is not None and known.returning == returning:
                return known
        return self._followed(symbol, returning)

    def _followed(self, symbol: str, returning: dict[int, int]) -> Course:
        nodes, all_events = self._graph(symbol).nodes, self._facts[symbol].behaviour.events
        situations = {0: ENTRY} if nodes else {}
        waiting = list(situations)
        leaves = 0
        while waiting:
            index = waiting.pop()
            node, events = nodes[index], all_events.get(index, ())
            after = situations[index].after(node.effects.mnemonic, events)
            after = after.returned(returning.get(index, SAME))
            leaves |= after.interrupts if node.leaves else 0
            for following in node.following:
                known = situations.get(following)
                joined = after if known is None else known.joined(after)
                if joined != known:
                    situations[following] = joined
                    waiting.append(following)
        return Course(returning, situations, leaves or SAME)

    def __contains__(self, symbol: str) -> bool:
        """Whether the piece changes locks or interrupts."""
        return symbol in self.courses

    def followed(self) -> list[Facts]:
        """The facts of all pieces that change locks or interrupts, in the order of the code."""
        return [facts for symbol, facts in self._facts.items() if symbol in self.courses]

    def before(self, symbol: str, index: int) -> Situation:
        """What holds before the `index`th instruction of a piece."""
        course = self.courses.get(symbol)
        return ENTRY if course is None else course.situations.get(index, ENTRY)

    def at(self, call: Call) -> Situation:
        """What holds where a call is made."""
        return self.before(call.piece.symbol, call.at)

    def held_after(self, symbol: str, index: int) -> Locks:
        """The locks that a piece may hold after its `index`th instruction."""
        events = self._facts[symbol].behaviour.events.get(index, ())
        return self.before(symbol, index).after_events(events).may

    def events(self, symbol: str) -> Iterator[tuple[int, LockEvent]]:
        """What happens to locks on the paths through a piece, and at which instructions."""
        course = self.courses.get(symbol)
        for index, events in self._facts[symbol].behaviour.events.items():
            if course is not None and index in course.situations:
                yield from ((index, event) for event in events)
