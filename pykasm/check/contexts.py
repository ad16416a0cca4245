"""Where code runs: in interrupts or threads, with interrupts on or off, and whether it sleeps.

Reachability over the call graph: against the calls from what sleeps, along them from where
interrupts are on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from functools import cached_property

from pykasm.check.callgraph import CallGraph, CallPaths, call_path
from pykasm.check.functionsummary import CallSite, FunctionSummary
from pykasm.check.indirectcalls import IndirectCalls
from pykasm.check.lockflow import LockFlows
from pykasm.check.lockstate import ON, SAME
from pykasm.check.remembered import indirect_target
from pykasm.errors import Note
from pykasm.lang.context import Context
from pykasm.lang.locking import NO_LOCKS, LockAction
from pykasm.lang.routine import Routine
from pykasm.objects.debug import EntryFrame
from pykasm.source import line_span

_BY_INTERRUPT = (EntryFrame.INTERRUPT, EntryFrame.INTERRUPT_WITH_ERROR)

_NOWHERE: frozenset[Context] = frozenset()


class Contexts:
    """The contexts of all functions of a build.

    `calls` are its calls, among them the `possible` ones through pointers whose type has no name.
    """

    def __init__(
        self,
        summaries: Mapping[str, FunctionSummary],
        calls: CallGraph,
        lock_flows: LockFlows,
        indirect_calls: IndirectCalls,
        possible: Iterable[CallSite],
    ) -> None:
        self._summaries = summaries
        self._calls = calls
        self._lock_flows = lock_flows
        self._indirect_calls = indirect_calls
        self._possible = frozenset(possible)
        self._sleepers_under: dict[str, CallPaths] = {}

    @cached_property
    def entered_by_interrupts(self) -> list[str]:
        """Interrupt entries: code that the processor enters by itself."""
        return [
            symbol
            for symbol, summary in self._summaries.items()
            if summary.routine.entered in _BY_INTERRUPT and not summary.routine.pushed
        ]

    @cached_property
    def entered_by_programs(self) -> list[str]:
        """System call entries: code that programs enter by `syscall`."""
        return [
            symbol
            for symbol, summary in self._summaries.items()
            if summary.routine.entered is EntryFrame.SYSCALL
        ]

    @cached_property
    def in_interrupts(self) -> dict[str, FunctionSummary]:
        """Code that interrupts enter, or that runs in them as it states or by the type of pointers
        to it."""
        return {
            symbol: summary
            for symbol, summary in self._summaries.items()
            if "interrupt" in self.stated(symbol)
            or (summary.routine.entered in _BY_INTERRUPT and not summary.routine.is_of_program)
        }

    def stated(self, symbol: str) -> Set[Context]:
        """Return the contexts that a function states, itself or by the types of pointers to it."""
        own = self._summaries[symbol].routine.context
        by_types = self._indirect_calls.contexts.get(symbol, _NOWHERE)
        return by_types if own is None else by_types | {own}

    @cached_property
    def deferred(self) -> dict[str, FunctionSummary]:
        """Code that states that it is deferred work, and what such code calls by pointers."""
        stated = [one for one in self._summaries.values() if "deferred" in self.stated(one.symbol)]
        called = [
            self._summaries[target]
            for one in stated
            for at in one.local.indirect_calls
            for target in self._called(one.routine, at)
        ]
        return {one.symbol: one for one in (*stated, *called)}

    def _called(self, routine: Routine, at: int) -> Collection[str]:
        return self._indirect_calls.targets(indirect_target(routine, at), routine) or ()

    @cached_property
    def of_programs(self) -> list[str]:
        """Code that interrupts and system calls of programs lead to, and no others."""
        return [one for one, summary in self._summaries.items() if summary.routine.is_of_program]

    @cached_property
    def outside_threads(self) -> dict[str, FunctionSummary]:
        """Code that borrows the context of whichever thread there is, and so must not sleep."""
        return self.in_interrupts | self.deferred

    # Sleeping, and other things that only threads do

    @cached_property
    def sleepers(self) -> CallPaths:
        """The call paths to functions that sleep."""
        return self._calls.paths_to(self._sleeping)

    @cached_property
    def sleepers_anywhere(self) -> CallPaths:
        """The call paths to functions that sleep, but for those through a pointer to one that
        states where it runs: so that no handler is given its address."""
        return self._calls.paths_to(self._sleeping, by=self._is_made)

    def _is_made(self, call: CallSite) -> bool:
        """Return whether a call is one, as far as contexts tell: none comes to a function that
        states another one through a pointer whose type has no name."""
        return call not in self._possible or not self.stated(call.callee)

    def sleepers_under(self, lock: str) -> CallPaths:
        """Return the call paths to functions that sleep while the first caller holds `lock`.

        They come through none that releases it before it sleeps.
        """
        if lock not in self._sleepers_under:
            self._sleepers_under[lock] = self._calls.paths_to(
                self._sleeping,
                except_for={
                    summary.symbol: None
                    for summary in self._entered_locked
                    if lock in summary.routine.locks.at_entry
                    and self._releases_first(summary, lock)
                },
            )
        return self._sleepers_under[lock]

    @cached_property
    def _entered_locked(self) -> list[FunctionSummary]:
        return [
            summary for summary in self._summaries.values() if summary.routine.locks is not NO_LOCKS
        ]

    def _releases_first(self, summary: FunctionSummary, lock: str) -> bool:
        """Return whether a function that is entered with a lock releases it before it sleeps."""
        return summary.symbol not in self._sleeping or any(
            one.action is LockAction.RELEASE and one.lock == lock
            for one in summary.routine.lock_events
        )

    @cached_property
    def sleepers_as_entered(self) -> CallPaths:
        """The call paths to functions that sleep, on which no caller changes the interrupt flag.

        A function that states that it sleeps, and that interrupts are off when it is entered,
        switches to code that has them on: it is left out.
        """
        return self._calls.paths_to(
            [one for one in self._sleeping if not self._states_off(one)],
            by=lambda call: bool(self._lock_flows.at(call).interrupts & SAME),
        )

    def _states_off(self, symbol: str) -> bool:
        return self._summaries[symbol].routine.context == "interrupts off"

    @cached_property
    def _sleeping(self) -> dict[str, None]:
        """The functions that sleep themselves, by what they or the types of pointers to them
        state."""
        by_types = self._indirect_calls.sleeping
        return {
            symbol: None
            for symbol, summary in self._summaries.items()
            if summary.routine.sleeps or symbol in by_types
        }

    def path_to_sleep(self, symbol: str, sleepers: CallPaths) -> list[Note]:
        """Return how `symbol` comes to sleep, for a message."""
        notes, last = call_path(symbol, sleepers)
        routine = self._summaries[last].routine
        kind = None if routine.sleeps else self._indirect_calls.sleeping[last]
        why = "" if kind is None else f", as `{kind.__name__}` states"
        return [*notes, Note(line_span(routine.declared), f"`{last}` sleeps{why}")]

    @cached_property
    def _movers(self) -> CallPaths:
        """The call paths to functions that state that they turn to another thread, on which no
        caller turns interrupts off first: where they were off before, such a caller turns to
        none."""
        moving = [symbol for symbol, one in self._summaries.items() if one.routine.moves]
        return self._calls.paths_to(
            moving,
            by=lambda call: (
                self._states_off(call.caller) or bool(self._lock_flows.at(call).interrupts & SAME)
            ),
        )

    def path_to_move(self, symbol: str) -> list[Note]:
        """Return how the thread that calls `symbol` may come to go on elsewhere: it sleeps, or
        turns to another thread; nothing if it does neither."""
        if symbol in self.sleepers:
            return self.path_to_sleep(symbol, self.sleepers)
        if symbol not in self._movers:
            return []
        notes, last = call_path(symbol, self._movers)
        declared = line_span(self._summaries[last].routine.declared)
        return [*notes, Note(declared, f"`{last}` turns to another thread")]

    @cached_property
    def thread_code(self) -> CallPaths:
        """The call paths to functions that state that they run in a thread."""
        return self._calls.paths_to(self._in_threads, by=self._is_made)

    @property
    def _in_threads(self) -> list[str]:
        return [symbol for symbol in self._summaries if "thread" in self.stated(symbol)]

    # Interrupts on or off

    @cached_property
    def entered_interrupts_on(self) -> CallPaths:
        """The functions that may be entered with interrupts on, each with a call that does so; None
        for those that state it."""
        threads = [one for one in self._in_threads if one not in self.of_programs]
        found: CallPaths = dict.fromkeys([*threads, *self.deferred])
        for summary in self._lock_flows.tracked():
            for call in summary.calls:
                if self._lock_flows.at(call).interrupts & ON:
                    found.setdefault(call.callee, call)
        worklist = list(found)
        for symbol in worklist:  # grows while callees are met
            for call in self._summaries[symbol].calls:
                if call.callee not in found and self._lock_flows.at(call).interrupts & SAME:
                    found[call.callee] = call
                    worklist.append(call.callee)
        return found

    def interrupts_may_be_on(self, symbol: str, index: int) -> bool:
        """Return whether interrupts may be on before the instruction at `index` of a function."""
        interrupts = self._lock_flows.before(symbol, index).interrupts
        return bool(interrupts & ON or (interrupts & SAME and symbol in self.entered_interrupts_on))

    def path_with_interrupts_on(self, symbol: str, index: int) -> list[Note]:
        """Return how interrupts come to be on there: the calls from where they were turned on."""
        notes: list[Note] = []
        on_here = self._lock_flows.before(symbol, index).interrupts & ON
        call = None if on_here else self.entered_interrupts_on[symbol]
        while call is not None:
            notes.insert(0, call.told)
            on = self._lock_flows.at(call).interrupts & ON
            call = None if on else self.entered_interrupts_on.get(call.caller)
        return notes
