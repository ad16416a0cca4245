"""What holds on the paths through each piece of code, and how it leaves interrupts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pykasm.check.callgraph import CallGraph, callees_first
from pykasm.check.facts import Call, Facts
from pykasm.check.graph import Graph
from pykasm.check.situation import SAME, UNCHANGED, Return, Situation, entry_of
from pykasm.lang.locking import NO_LOCKS as NO_CONTRACT
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
        self._situations: dict[Situation, Situation] = {}
        self._leaves = dict.fromkeys(facts, SAME)
        self._returns: dict[str, Return] = {}
        """What pieces change, for those that do."""
        for symbol, one in facts.items():
            if one.piece.locks is not NO_CONTRACT:
                self._note_return(symbol)
        waiting = callees_first(facts)
        for symbol in waiting:  # grows while what a callee leaves changes
            returning = self._returning(symbol)
            if returning or _is_followed(facts[symbol]):
                leaves = self._follow(symbol, returning)
                if leaves != self._leaves[symbol]:
                    self._leaves[symbol] = leaves
                    self._note_return(symbol)
                    waiting += [call.caller for call in calls.callers.get(symbol, ())]

    def _follow(self, symbol: str, returning: dict[int, tuple[Return, ...]]) -> int:
        """Follow a piece, maybe once more; how it leaves interrupts, so far as is known."""
        before = self._leaves[symbol] if symbol in self.courses else 0
        course = self.courses[symbol] = self._course(symbol, returning)
        return before | course.leaves

    def _returning(self, symbol: str) -> dict[int, tuple[Return, ...]]:
        """What the callees of a piece change, by the call, where some of them do."""
        facts, returns = self._facts[symbol], self._returns
        changed = [call.at for call in facts.calls if call.callee in returns]
        if not changed:
            return {}
        found: dict[int, tuple[Return, ...]] = dict.fromkeys(changed, ())
        for call in facts.calls:
            if call.at in found:
                found[call.at] += (returns.get(call.callee, UNCHANGED),)
        return found

    def _note_return(self, symbol: str) -> None:
        leaves, locks = self._leaves[symbol], self._facts[symbol].piece.locks
        changed = Return(leaves, frozenset(locks.acquires), frozenset(locks.releases))
        if changed != UNCHANGED:
            self._returns[symbol] = changed

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
        same = self._situations.setdefault  # one object for equal ones: the ledger keeps it once
        situations = {index: same(one, one) for index, one in situations.items()}
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
        found = None if course is None else course.situations.get(index)
        return entry_of(self._facts[symbol].piece) if found is None else found

    def at(self, call: Call) -> Situation:
        """What holds where a call is made."""
        return self.before(call.caller, call.at)

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
    says_so = piece.locks is not NO_CONTRACT or piece.context == "interrupts off"
    return says_so or facts.behaviour.changes_something
