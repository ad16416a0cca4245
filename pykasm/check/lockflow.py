"""What holds on the paths through each routine, and how it leaves interrupts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pykasm.check.callgraph import CallGraph, post_order
from pykasm.check.functionsummary import CallSite, FunctionSummary
from pykasm.check.graph import Graph
from pykasm.check.lockstate import SAME, UNCHANGED, CallEffect, LockState, entry_of
from pykasm.lang.locking import NO_LOCKS as NO_CONTRACT
from pykasm.lang.locking import LockEvent


class LockFlow(NamedTuple):
    """The situation before each instruction of a routine that is reached, and how it `leaves`
    interrupts; `returning` is what callees change, by the call, where they do."""

    returning: dict[int, tuple[CallEffect, ...]]
    states: dict[int, LockState]
    leaves: int


class LockFlows:
    """The flows of all routines that change locks or interrupts, or say how they find them.

    What a routine leaves changes the flows of its callers: they are followed until nothing
    changes. As what a routine may leave only grows, this ends, also where routines call each other
    in circles. `known` are flows of the same routines in earlier checks.
    """

    def __init__(
        self,
        summaries: Mapping[str, FunctionSummary],
        calls: CallGraph,
        graph: Callable[[str], Graph],
        known: Mapping[str, LockFlow],
    ) -> None:
        self._summaries = summaries
        self._graph = graph
        self._known = known
        self.flows: dict[str, LockFlow] = {}
        self._situations: dict[LockState, LockState] = {}
        self._leaves = dict.fromkeys(summaries, SAME)
        self._returns: dict[str, CallEffect] = {}
        """What routines change, for those that do."""
        for symbol, one in summaries.items():
            if one.routine.locks is not NO_CONTRACT:
                self._note_return(symbol)
        waiting = post_order(summaries)
        for symbol in waiting:  # grows while what a callee leaves changes
            returning = self._returning(symbol)
            if returning or _is_followed(summaries[symbol]):
                leaves = self._follow(symbol, returning)
                if leaves != self._leaves[symbol]:
                    self._leaves[symbol] = leaves
                    self._note_return(symbol)
                    waiting += [call.caller for call in calls.callers.get(symbol, ())]

    def _follow(self, symbol: str, returning: dict[int, tuple[CallEffect, ...]]) -> int:
        """Follow a routine, maybe once more; how it leaves interrupts, so far as is known."""
        before = self._leaves[symbol] if symbol in self.flows else 0
        course = self.flows[symbol] = self._course(symbol, returning)
        return before | course.leaves

    def _returning(self, symbol: str) -> dict[int, tuple[CallEffect, ...]]:
        """What the callees of a routine change, by the call, where some of them do."""
        summary, returns = self._summaries[symbol], self._returns
        changed = [call.at for call in summary.calls if call.callee in returns]
        if not changed:
            return {}
        found: dict[int, tuple[CallEffect, ...]] = dict.fromkeys(changed, ())
        for call in summary.calls:
            if call.at in found:
                found[call.at] += (returns.get(call.callee, UNCHANGED),)
        return found

    def _note_return(self, symbol: str) -> None:
        leaves, locks = self._leaves[symbol], self._summaries[symbol].routine.locks
        changed = CallEffect(leaves, frozenset(locks.acquires), frozenset(locks.releases))
        if changed != UNCHANGED:
            self._returns[symbol] = changed

    def _course(self, symbol: str, returning: dict[int, tuple[CallEffect, ...]]) -> LockFlow:
        for known in (self.flows.get(symbol), self._known.get(symbol)):
            if known is not None and known.returning == returning:
                return known
        return self._followed(symbol, returning)

    def _followed(self, symbol: str, returning: dict[int, tuple[CallEffect, ...]]) -> LockFlow:
        nodes, all_events = self._graph(symbol).nodes, self._summaries[symbol].local.events
        states = {0: entry_of(self._summaries[symbol].routine)} if nodes else {}
        waiting = list(states)
        leaves = 0
        while waiting:
            index = waiting.pop()
            node, events = nodes[index], all_events.get(index, ())
            after = states[index].after(node.effects.mnemonic, events)
            after = after.returned(returning.get(index, ()))
            leaves |= after.interrupts if node.leaves else 0
            for following in node.successors:
                known = states.get(following)
                joined = after if known is None else known.joined(after)
                if joined != known:
                    states[following] = joined
                    waiting.append(following)
        same = self._situations.setdefault  # one object for equal ones: the ledger keeps it once
        states = {index: same(one, one) for index, one in states.items()}
        return LockFlow(returning, states, leaves or SAME)

    def __contains__(self, symbol: str) -> bool:
        """Whether the routine changes locks or interrupts."""
        return symbol in self.flows

    def followed(self) -> list[FunctionSummary]:
        """The summaries of all routines that change locks or interrupts, in the code's order."""
        return [summary for symbol, summary in self._summaries.items() if symbol in self.flows]

    def before(self, symbol: str, index: int) -> LockState:
        """What holds before the `index`th instruction of a routine."""
        course = self.flows.get(symbol)
        found = None if course is None else course.states.get(index)
        return entry_of(self._summaries[symbol].routine) if found is None else found

    def at(self, call: CallSite) -> LockState:
        """What holds where a call is made."""
        return self.before(call.caller, call.at)

    def exits(self, symbol: str) -> Iterator[tuple[int, LockState]]:
        """Where a routine is left, and what holds then, or when what it goes on to comes back."""
        course, local = self.flows[symbol], self._summaries[symbol].local
        for index in local.exits:
            if index in course.states:
                after = course.states[index].after_events(local.events.get(index, ()))
                yield index, after.returned(course.returning.get(index, ()))

    def events(self, symbol: str) -> Iterator[tuple[int, LockEvent]]:
        """What happens to locks on the paths through a routine, and at which instructions."""
        course = self.flows.get(symbol)
        for index, events in self._summaries[symbol].local.events.items():
            if course is not None and index in course.states:
                yield from ((index, event) for event in events)


def _is_followed(summary: FunctionSummary) -> bool:
    """Whether what holds in a routine is not simply what holds at a caller."""
    routine = summary.routine
    says_so = routine.locks is not NO_CONTRACT or routine.context == "interrupts off"
    return says_so or summary.local.changes_something
