"""Which locks functions take, themselves or by their callees, and which their callers hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from pykasm.check.callgraph import CallGraph, CallPaths
from pykasm.check.functionsummary import CallSite, FunctionSummary
from pykasm.check.lockflow import LockFlows
from pykasm.check.lockstate import NO_LOCKS, Locks
from pykasm.lang.locking import NO_LOCKS as NO_CONTRACT
from pykasm.lang.locking import LockAction, LockEvent, class_of


class LockUse:
    """The use of locks in a build. `pointees` are the symbols that each datum points to."""

    def __init__(
        self,
        summaries: Mapping[str, FunctionSummary],
        calls: CallGraph,
        lock_flows: LockFlows,
        pointees: Mapping[str, Sequence[str]],
    ) -> None:
        self._summaries = summaries
        self._calls = calls
        self._lock_flows = lock_flows
        self._pointees = pointees

    @cached_property
    def names(self) -> Locks:
        """All locks and paired states."""
        stated = {
            name
            for summary in self._summaries.values()
            for names in summary.routine.locks
            for name in names
        }
        return frozenset(stated.union(event.lock for event in self._taking)) | self.states

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
        """The sleeping locks: waiting for one is sleeping, and code that holds one may sleep."""
        return frozenset(event.lock for event in self._taking if event.sleeps)

    @cached_property
    def _taking(self) -> list[LockEvent]:
        return self._events_of(LockAction.TAKE) + self._events_of(LockAction.TRY)

    def _events_of(self, action: LockAction) -> list[LockEvent]:
        return [
            event
            for summary in self._summaries.values()
            for event in summary.routine.lock_events
            if event.action is action
        ]

    @cached_property
    def states(self) -> Locks:
        """The paired states that some code begins."""
        return frozenset(event.lock for event in self._beginning)

    @cached_property
    def movable(self) -> Locks:
        """The paired states in which a thread may go to another processor."""
        return frozenset(event.lock for event in self._beginning if not event.pins)

    @cached_property
    def _beginning(self) -> list[LockEvent]:
        return self._events_of(LockAction.BEGIN)

    # Taken

    def takers(self, lock: str) -> CallPaths:
        """Return the call paths to functions that take a lock.

        They come through none that breaks the lock open, or never returns and leads to what does,
        such as a panic: these may take it whoever holds it. Nor do they come through one that is
        entered with it, which may take it again after it has released it.
        """
        return self._calls.paths_to(
            self._functions_that(LockAction.TAKE, lock),
            except_for=dict.fromkeys(self._left_out(lock)),
        )

    def _left_out(self, lock: str) -> Iterator[str]:
        """Yield the functions through which no path to those that take a lock comes."""
        breakers = self._functions_that(LockAction.BREAK, lock)
        yield from breakers
        for symbol in self._calls.paths_to(breakers):
            if self._summaries[symbol].routine.signature.never_returns:
                yield symbol
        yield from self.entered_with.get(lock, ())

    @cached_property
    def entered_with(self) -> dict[str, list[str]]:
        """The functions that state that their callers hold a lock, by the lock."""
        found: dict[str, list[str]] = defaultdict(list)
        for symbol, summary in self._summaries.items():
            if summary.routine.locks is not NO_CONTRACT:
                for lock in summary.routine.locks.at_entry:
                    found[lock].append(symbol)
        return found

    def _functions_that(self, action: LockAction, lock: str) -> list[str]:
        return self._by_event.get((action, lock), [])

    @cached_property
    def _by_event(self) -> dict[tuple[LockAction, str], list[str]]:
        """The functions in which something happens to a lock, by what and which."""
        found: dict[tuple[LockAction, str], list[str]] = defaultdict(list)
        for symbol, summary in self._summaries.items():
            for done in dict.fromkeys(
                (one.action, one.lock) for one in summary.routine.lock_events
            ):
                found[done].append(symbol)
        return found

    def taken_under(self, symbol: str) -> Locks:
        """Return the locks that a function or what it leads to takes."""
        return self._taken.get(symbol, NO_LOCKS)

    @cached_property
    def _taken(self) -> dict[str, Locks]:
        """The locks that functions or what they lead to take: a least fixed point over the call
        graph, with a bit for each lock."""
        locks = sorted({event.lock for event in self._taking})
        own, left_out = defaultdict[str, int](int), defaultdict[str, int](int)
        for number, lock in enumerate(locks):
            for symbol in self._functions_that(LockAction.TAKE, lock):
                own[symbol] |= 1 << number
            for symbol in self._left_out(lock):
                left_out[symbol] |= 1 << number
        taken: dict[str, int] = {}
        worklist = [*self._calls.post_order]
        for symbol in worklist:  # grows where functions call each other in circles
            found = own.get(symbol, 0)
            for call in self._summaries[symbol].calls:
                found |= taken.get(call.callee, 0)
            found &= ~left_out.get(symbol, 0)
            if found != taken.get(symbol):
                taken[symbol] = found
                callers = self._calls.callers.get(symbol, ())
                worklist += [call.caller for call in callers if call.caller in taken]
        sets = {bits: _those(locks, bits) for bits in {*taken.values()}}
        return {symbol: sets[bits] for symbol, bits in taken.items() if bits}

    # Held

    @cached_property
    def held_at_entry(self) -> dict[str, Locks]:
        """The locks that all callers of a function hold, except those that it states.

        A forward must-analysis over the call graph, top-down: sets join by intersection, and begin
        as None, which stands for all locks. Code that no call reaches keeps all: nothing that it
        does can be wrong.
        """
        held = {
            symbol: self._known_at_entry(summary) for symbol, summary in self._summaries.items()
        }
        stated = {symbol for symbols in self.entered_with.values() for symbol in symbols}
        worklist = [symbol for symbol, locks in held.items() if locks is not None]
        for symbol in worklist:  # grows while what callees find changes
            for call in self._summaries[symbol].calls:
                known = held[call.callee]
                # nothing left to lose; and what is stated is verified at the calls instead
                if known == NO_LOCKS or call.callee in stated:
                    continue
                here = self._held_at(call, held[symbol])
                joined = here if known is None else known & here
                if joined != known:
                    held[call.callee] = joined
                    worklist.append(call.callee)
        return {symbol: self.names if locks is None else locks for symbol, locks in held.items()}

    def _known_at_entry(self, summary: FunctionSummary) -> Locks | None:
        """Return the locks held at entry that do not depend on callers; None where they decide."""
        routine, symbol = summary.routine, summary.symbol
        if routine.locks is not NO_CONTRACT and routine.locks.at_entry:
            return NO_LOCKS
        # exported code, and what has its address taken, may be called with no lock by anybody
        has_known_callers = symbol in self._calls.callers and symbol not in self._address_taken
        return None if has_known_callers and not routine.exported else NO_LOCKS

    @cached_property
    def _address_taken(self) -> set[str]:
        """The functions whose addresses code or data have: anybody may call them."""
        found = {symbol for table in self._pointees.values() for symbol in table}
        for summary in self._summaries.values():
            found.update(summary.local.addresses)
        return found

    def held_at(self, call: CallSite) -> Locks:
        """Return the locks that are held at a call on every path to it."""
        return self._held_at(call, self.held_at_entry[call.caller])

    def _held_at(self, call: CallSite, at_entry: Locks | None) -> Locks:
        return self._lock_flows.at(call).must | (at_entry or NO_LOCKS)

    def held_before(self, symbol: str, index: int) -> Locks:
        """Return the locks that are held before the instruction at `index`, on every path to it."""
        return self._lock_flows.before(symbol, index).must | self.held_at_entry[symbol]


def _those(locks: Sequence[str], bits: int) -> Locks:
    """Return those of `locks` whose bit is set."""
    return frozenset(lock for number, lock in enumerate(locks) if bits >> number & 1)
