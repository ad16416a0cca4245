"""Which locks code takes, itself or by what it calls, and which are held where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property

from pykasm.check.callgraph import CallGraph, CallPaths
from pykasm.check.functionsummary import CallSite, FunctionSummary
from pykasm.check.lockflow import LockFlows
from pykasm.check.lockstate import NO_LOCKS, Locks
from pykasm.lang.locking import NO_LOCKS as NO_CONTRACT
from pykasm.lang.locking import LockAction, LockEvent, class_of


class LockUse:
    """The locks of a build. `pointers` are the symbols that each datum points to."""

    def __init__(
        self,
        summaries: Mapping[str, FunctionSummary],
        calls: CallGraph,
        paths: LockFlows,
        pointers: Mapping[str, Sequence[str]],
    ) -> None:
        self._summaries = summaries
        self._calls = calls
        self._paths = paths
        self._pointers = pointers

    @cached_property
    def names(self) -> Locks:
        """All locks."""
        stated = {
            name
            for summary in self._summaries.values()
            for names in summary.routine.locks
            for name in names
        }
        return frozenset(stated.union(event.lock for event in self._taking))

    @cached_property
    def classes(self) -> Locks:
        """The locks that some code takes, without their ranks."""
        return frozenset(class_of(event.lock) for event in self._taking)

    @cached_property
    def of_many(self) -> Locks:
        """The locks of which each object of some type has one."""
        return frozenset(event.lock for event in self._taking if event.is_class)

    @cached_property
    def sleeping(self) -> Locks:
        """The locks that are waited for asleep: code that holds them may sleep."""
        return frozenset(event.lock for event in self._taking if event.sleeps)

    @cached_property
    def _taking(self) -> list[LockEvent]:
        return [
            event
            for summary in self._summaries.values()
            for event in summary.routine.lock_events
            if event.action is LockAction.TAKE
        ]

    # Taken

    def takers(self, lock: str) -> CallPaths:
        """What takes a lock, by the call that leads there.

        Code that breaks the lock open may take it whoever holds it, and code that is entered with
        it may take it again after it has released it.
        """
        return self._calls.paths_to(
            self._that(LockAction.TAKE, lock),
            except_for=self._calls.paths_to(self._that(LockAction.BREAK, lock))
            | dict.fromkeys(self.entered_with.get(lock, ())),
        )

    @cached_property
    def entered_with(self) -> dict[str, list[str]]:
        """The code that says that its callers hold a lock, by the lock."""
        found: dict[str, list[str]] = defaultdict(list)
        for symbol, summary in self._summaries.items():
            if summary.routine.locks is not NO_CONTRACT:
                for lock in summary.routine.locks.at_entry:
                    found[lock].append(symbol)
        return found

    def _that(self, action: LockAction, lock: str) -> list[str]:
        return self._doers.get((action, lock), [])

    @cached_property
    def _doers(self) -> dict[tuple[LockAction, str], list[str]]:
        """The routines in which something happens to a lock."""
        found: dict[tuple[LockAction, str], list[str]] = defaultdict(list)
        for symbol, summary in self._summaries.items():
            for done in dict.fromkeys(
                (one.action, one.lock) for one in summary.routine.lock_events
            ):
                found[done].append(symbol)
        return found

    def taken_under(self, symbol: str) -> Locks:
        """The locks that `symbol` or what it calls takes."""
        return self._taken.get(symbol, NO_LOCKS)

    @cached_property
    def _taken(self) -> dict[str, Locks]:
        taken: dict[str, set[str]] = defaultdict(set)
        for lock in sorted({event.lock for event in self._taking}):
            for symbol in self.takers(lock):
                taken[symbol].add(lock)
        return {symbol: frozenset(locks) for symbol, locks in taken.items()}

    # Held

    @cached_property
    def held_at_entry(self) -> dict[str, Locks]:
        """The locks that all callers of a routine hold, beside those that it says they do.

        Code that is never reached holds all: nothing it does can be wrong.
        """
        held = {symbol: self._promised(summary) for symbol, summary in self._summaries.items()}
        stated = {symbol for symbols in self.entered_with.values() for symbol in symbols}
        waiting = [symbol for symbol, locks in held.items() if locks is not None]
        for symbol in waiting:  # grows while what callees find changes
            for call in self._summaries[symbol].calls:
                known = held[call.callee]
                if known == NO_LOCKS or call.callee in stated:
                    continue
                here = self._held_at(call, held[symbol])
                less = here if known is None else known & here
                if less != known:
                    held[call.callee] = less
                    waiting.append(call.callee)
        return {symbol: self.names if locks is None else locks for symbol, locks in held.items()}

    def _promised(self, summary: FunctionSummary) -> Locks | None:
        """The locks held at entry so far as the routine itself tells; None where callers decide."""
        routine, symbol = summary.routine, summary.symbol
        if routine.locks is not NO_CONTRACT and routine.locks.at_entry:
            return NO_LOCKS
        is_known = symbol in self._calls.callers and symbol not in self._pointed_to
        return None if is_known and not routine.exported else NO_LOCKS

    @cached_property
    def _pointed_to(self) -> set[str]:
        """What is reached by pointers, from code that nobody knows."""
        found = {symbol for table in self._pointers.values() for symbol in table}
        for summary in self._summaries.values():
            found.update(summary.local.addresses)
        return found

    def held_at(self, call: CallSite) -> Locks:
        """The locks that are held at a call on every path to it."""
        return self._held_at(call, self.held_at_entry[call.caller])

    def _held_at(self, call: CallSite, at_entry: Locks | None) -> Locks:
        return self._paths.at(call).must | (at_entry or NO_LOCKS)

    def held_before(self, symbol: str, index: int) -> Locks:
        """The locks that are held before the `index`th instruction, on every path to it."""
        return self._paths.before(symbol, index).must | self.held_at_entry[symbol]
