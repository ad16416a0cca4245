"""What holds on the paths through each piece of code, and how it leaves interrupts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pykasm.check.callgraph import CallGraph, callees_first
from pykasm.check.facts import Call, Facts
from pykasm.check.graph import Graph
from pykasm.check.situation import SAME, UNCHANGED, Return, Situation, entry_of
from pykasm.lang.locking import LockEvent


class Course(NamedTuple):
    """The situation before each instruction of a piece that is reached, and how it `leaves`
    interrupts; `returning` is what callees change, by the call, where they do."""

    returning: dict[int, tuple[Return, ...]]
    situations: dict[int, Situation]
    leaves: int


class Paths:
    """The courses of all pieces that change locks or interrupts, or say how they find them.

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
            if returning or _is_followed(facts[symbol]):
                leaves = self._follow(symbol, returning)
                if leaves != self._leaves[symbol]:
                    self._leaves[symbol] = leaves
                    waiting += [call.caller for call in calls.callers.get(symbol, ())]

    def _follow(self, symbol: str, returning: dict[int, tuple[Return, ...]]) -> int:
        """Follow a piece, maybe once more; how it leaves interrupts, so far as is known."""
        before = self._leaves[symbol] if symbol in self.courses else 0
        course = self.courses[symbol] = self._course(symbol, returning)
        return before | course.leaves

    def _returning(self, symbol: str) -> dict[int, tuple[Return, ...]]:
        """What the callees of a piece change, by the call, where some of them do."""
        calls = self._facts[symbol].calls
        changed = {call.at for call in calls if self._return(call.callee) != UNCHANGED}
        found: dict[int, tuple[Return, ...]] = {}
        for call in calls if changed else ():
            if call.at in changed:
                found[call.at] = (*found.get(call.at, ()), self._return(call.callee))
        return found

    def _return(self, symbol: str) -> Return:
        leaves, locks = self._leaves[symbol], self._facts[symbol].piece.locks
        if leaves == SAME and not (locks.acquires or locks.releases):
            return UNCHANGED
        return Return(leaves, frozenset(locks.acquires), frozenset(locks.releases))

    def _course(self, symbol: str, returning: dict[int, tuple[Return, ...]]) -> Course:
        for known in (self.courses.get(symbol), self._known.get(symbol)):
            if known is not None and known.returning == returning:
                return known
        return self._followed(symbol, returning)

    def _followed(self, symbol: str, returning: dict[int, tuple[Return, ...]]) -> Course:
        nodes, all_events = self._graph(symbol).nodes, self._facts[symbol].behaviour.events
        situations = {0: entry_of(self._facts[symbol].piece)} if nodes else {}
        waiting = list(situations)
        leaves = 0
        while waiting:
            index = waiting.pop()
            node, events = nodes[index], all_events.get(index, ())
            after = situations[index].after(node.effects.mnemonic, events)
            after = after.returned(returning.get(index, ()))
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
        course, entry = self.courses.get(symbol), entry_of(self._facts[symbol].piece)
        return entry if course is None else course.situations.get(index, entry)

    def at(self, call: Call) -> Situation:
        """What holds where a call is made."""
        return self.before(call.piece.symbol, call.at)

    def exits(self, symbol: str) -> Iterator[tuple[int, Situation]]:
        """Where a piece is left, and what holds then, or when what it goes on to comes back."""
        course, behaviour = self.courses[symbol], self._facts[symbol].behaviour
        for index in behaviour.exits:
            if index in course.situations:
                after = course.situations[index].after_events(behaviour.events.get(index, ()))
                yield index, after.returned(course.returning.get(index, ()))

    def events(self, symbol: str) -> Iterator[tuple[int, LockEvent]]:
        """What happens to locks on the paths through a piece, and at which instructions."""
        course = self.courses.get(symbol)
        for index, events in self._facts[symbol].behaviour.events.items():
            if course is not None and index in course.situations:
                yield from ((index, event) for event in events)


def _is_followed(facts: Facts) -> bool:
    """Whether what holds in a piece is not simply what holds at a caller."""
    piece = facts.piece
    return (
        facts.behaviour.changes_something or any(piece.locks) or piece.context == "interrupts off"
    )
