"""What holds on the paths through each piece of code, and how it leaves interrupts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from pykasm.check.callgraph import CallGraph
from pykasm.check.facts import Call, Facts
from pykasm.check.graph import Graph
from pykasm.check.situation import ENTRY, SAME, Situation
from pykasm.lang.locking import LockEvent


class Paths:
    """The situations in all pieces that change locks or interrupts.

    What a piece leaves changes the situations in its callers: they are followed until nothing
    changes.
    """

    def __init__(
        self, facts: Mapping[str, Facts], calls: CallGraph, graph: Callable[[str], Graph]
    ) -> None:
        self._facts = facts
        self._graph = graph
        self._exits = dict.fromkeys(facts, SAME)
        self._situations: dict[str, dict[int, Situation]] = {}
        waiting = [
            symbol
            for symbol, one in facts.items()
            if one.piece.lock_events or one.changes_interrupts
        ]
        for symbol in waiting:  # grows while what a callee leaves changes
            exits = self._follow(symbol)
            if exits != self._exits[symbol]:
                self._exits[symbol] = exits
                waiting += [call.caller for call in calls.callers.get(symbol, ())]

    def _follow(self, symbol: str) -> int:
        """Compute the situations in a piece; how it leaves interrupts."""
        facts, nodes = self._facts[symbol], self._graph(symbol).nodes
        returning = self._returning(facts)
        situations = {0: ENTRY} if nodes else {}
        waiting = list(situations)
        exits = 0
        while waiting:
            index = waiting.pop()
            node = nodes[index]
            before, events = situations[index], facts.events.get(index, ())
            after = before.after(node.effects.mnemonic, events).returned(returning[index])
            exits |= after.interrupts if node.leaves else 0
            for following in node.following:
                known = situations.get(following)
                joined = after if known is None else known.joined(after)
                if joined != known:
                    situations[following] = joined
                    waiting.append(following)
        self._situations[symbol] = situations
        return exits or SAME

    def _returning(self, facts: Facts) -> dict[int, int]:
        """How the callees of each instruction leave interrupts."""
        found: dict[int, int] = defaultdict(int)
        for call in facts.calls:
            found[call.at] |= self._exits[call.callee]
        return found

    def __contains__(self, symbol: str) -> bool:
        """Whether the piece changes locks or interrupts."""
        return symbol in self._situations

    def followed(self) -> list[Facts]:
        """The facts of all pieces that change locks or interrupts, in the order of the code."""
        return [facts for symbol, facts in self._facts.items() if symbol in self._situations]

    def before(self, symbol: str, index: int) -> Situation:
        """What holds before the `index`th instruction of a piece."""
        return self._situations.get(symbol, {}).get(index, ENTRY)

    def after(self, symbol: str, index: int) -> Situation:
        """What holds after the `index`th instruction of a piece, before it comes to a callee."""
        node = self._graph(symbol).nodes[index]
        events = self._facts[symbol].events.get(index, ())
        return self.before(symbol, index).after(node.effects.mnemonic, events)

    def at(self, call: Call) -> Situation:
        """What holds where a call is made."""
        return self.before(call.caller, call.at)

    def events(self, symbol: str) -> Iterator[tuple[int, LockEvent]]:
        """What happens to locks on the paths through a piece, and at which instructions."""
        situations = self._situations.get(symbol, {})
        for index, events in self._facts[symbol].events.items():
            if index in situations:
                yield from ((index, event) for event in events)
