"""Locks and interrupts along the paths of every function, and what each changes for its callers.

Within a function this is a forward analysis (`lockstate.LockState`). Over the call graph it goes
bottom-up: what a callee leaves changed is needed before its callers can be solved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from pykasm.check.callgraph import CallGraph
from pykasm.check.functionsummary import CallSite, FunctionSummary
from pykasm.check.graph import Graph
from pykasm.check.lockstate import NO_EFFECT, SAME, CallEffect, LockState, entry_state
from pykasm.lang.locking import NO_LOCKS as NO_CONTRACT
from pykasm.lang.locking import LockEvent

CallEffects: TypeAlias = dict[int, tuple[CallEffect, ...]]
"""What the callees of a function change, by the index of the call, where some of them do."""


class LockFlow(NamedTuple):
    """The solution for a function: the states before its reachable instructions, by index.

    `interrupts` is how it may leave the interrupt flag. `call_effects` are those that the solution
    is for.
    """

    call_effects: CallEffects
    states: dict[int, LockState]
    interrupts: int


class LockFlows:
    """The solutions for all functions that change locks or interrupts, or state how they find them.

    The worklist begins in post-order of the call graph; a function whose effect changes puts its
    callers back. Effects only grow, so this ends where functions call each other in circles too.
    `known` are solutions of the same functions from the cache.
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
        self._unique_states: dict[LockState, LockState] = {}
        self._interrupts = dict.fromkeys(summaries, SAME)
        self._effects: dict[str, CallEffect] = {}
        """What functions change, for those that do."""
        for symbol, summary in summaries.items():
            if summary.routine.locks is not NO_CONTRACT:
                self._set_effect(symbol)
        worklist = [*calls.post_order]
        for symbol in worklist:  # grows while what a callee leaves changes
            effects = self._call_effects(symbol)
            if effects or _is_tracked(summaries[symbol]):
                interrupts = self._solve(symbol, effects)
                if interrupts != self._interrupts[symbol]:
                    self._interrupts[symbol] = interrupts
                    self._set_effect(symbol)
                    worklist += [call.caller for call in calls.callers.get(symbol, ())]

    def _solve(self, symbol: str, effects: CallEffects) -> int:
        """Solve a function, maybe once more. Return how it leaves interrupts, so far as known."""
        # what was left before stays in: in a cycle of calls, effects must not swing back and forth
        before = self._interrupts[symbol] if symbol in self.flows else 0
        flow = self.flows[symbol] = self._flow(symbol, effects)
        return before | flow.interrupts

    def _call_effects(self, symbol: str) -> CallEffects:
        summary, effects = self._summaries[symbol], self._effects
        changing = [call.at for call in summary.calls if call.callee in effects]
        if not changing:
            return {}
        found: CallEffects = dict.fromkeys(changing, ())
        for call in summary.calls:
            if call.at in found:  # every target of a call through a table counts
                found[call.at] += (effects.get(call.callee, NO_EFFECT),)
        return found

    def _set_effect(self, symbol: str) -> None:
        interrupts, locks = self._interrupts[symbol], self._summaries[symbol].routine.locks
        effect = CallEffect(interrupts, frozenset(locks.acquires), frozenset(locks.releases))
        if effect != NO_EFFECT:
            self._effects[symbol] = effect

    def _flow(self, symbol: str, effects: CallEffects) -> LockFlow:
        # a solution holds for the effects it was made with, whoever made it
        for known in (self.flows.get(symbol), self._known.get(symbol)):
            if known is not None and known.call_effects == effects:
                return known
        return self._solved(symbol, effects)

    def _solved(self, symbol: str, effects: CallEffects) -> LockFlow:
        nodes, all_events = self._graph(symbol).nodes, self._summaries[symbol].local.events
        states = {0: entry_state(self._summaries[symbol].routine)} if nodes else {}
        worklist = list(states)
        interrupts = 0
        while worklist:
            index = worklist.pop()
            node, events = nodes[index], all_events.get(index, ())
            before = states[index]
            if before.trial is not None:
                before = before._replace(trial=before.trial.after(node))
            after = before.after(node.effects.mnemonic, events)
            after = after.after_call(effects.get(index, ()))
            # a tail call counts too: `after_call` above has what its callee leaves
            interrupts |= after.interrupts if node.leaves else 0
            for successor in node.successors:
                known = states.get(successor)
                along = after if after.trial is None else after.along(node, successor == index + 1)
                joined = along if known is None else known.join(along)
                if joined != known:
                    states[successor] = joined
                    worklist.append(successor)
        unique = self._unique_states.setdefault  # equal states share an object: the cache is small
        states = {index: unique(one, one) for index, one in states.items()}
        return LockFlow(effects, states, interrupts or SAME)

    def __contains__(self, symbol: str) -> bool:
        """Return whether there is a solution for a function."""
        return symbol in self.flows

    def tracked(self) -> list[FunctionSummary]:
        """Return the summaries of the functions with a solution, in the order of the code."""
        return [summary for symbol, summary in self._summaries.items() if symbol in self.flows]

    def before(self, symbol: str, index: int) -> LockState:
        """Return the state before the instruction at `index` of a function."""
        flow = self.flows.get(symbol)
        found = None if flow is None else flow.states.get(index)
        # without a solution nothing changes: everything is as at entry, everywhere
        return entry_state(self._summaries[symbol].routine) if found is None else found

    def at(self, call: CallSite) -> LockState:
        """Return the state before a call."""
        return self.before(call.caller, call.at)

    def exits(self, symbol: str) -> Iterator[tuple[int, LockState]]:
        """Yield the index of each instruction that leaves a function, and the state after it: for a
        tail call, the state when its callee has returned."""
        flow, local = self.flows[symbol], self._summaries[symbol].local
        for index in local.exits:
            if index in flow.states:
                after = flow.states[index].after_events(local.events.get(index, ()))
                yield index, after.after_call(flow.call_effects.get(index, ()))

    def events(self, symbol: str) -> Iterator[tuple[int, LockEvent]]:
        """Yield what happens to locks in the reachable code of a function, by index."""
        flow = self.flows.get(symbol)
        for index, events in self._summaries[symbol].local.events.items():
            if flow is not None and index in flow.states:
                yield from ((index, event) for event in events)


def _is_tracked(summary: FunctionSummary) -> bool:
    """Return whether what holds in a function is not simply what holds at its callers."""
    routine = summary.routine
    is_stated = routine.locks is not NO_CONTRACT or routine.context == "interrupts off"
    return is_stated or summary.local.changes_lock_state
