"""Where code runs: in interrupts or threads, with interrupts on or off, and whether it sleeps."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from pykasm.check.callgraph import CallGraph, CallPaths, call_path
from pykasm.check.finding import span_of
from pykasm.check.functionsummary import FunctionSummary, line_of
from pykasm.check.indirectcalls import IndirectCalls
from pykasm.check.lockflow import LockFlows
from pykasm.check.lockstate import ON, SAME
from pykasm.errors import Note
from pykasm.lang.locking import NO_LOCKS, LockAction
from pykasm.objects.debug import EntryFrame
from pykasm.source import line_span

_BY_INTERRUPT = (EntryFrame.INTERRUPT, EntryFrame.INTERRUPT_WITH_ERROR)


class Contexts:
    """The contexts of all routines of a build."""

    def __init__(
        self,
        summaries: Mapping[str, FunctionSummary],
        calls: CallGraph,
        paths: LockFlows,
        pointers: IndirectCalls,
    ) -> None:
        self._summaries = summaries
        self._calls = calls
        self._paths = paths
        self._pointers = pointers
        self._sleepers_under: dict[str, CallPaths] = {}

    @cached_property
    def entered_by_interrupts(self) -> list[str]:
        """Code that the processor enters by itself."""
        return [
            symbol
            for symbol, summary in self._summaries.items()
            if summary.routine.entered in _BY_INTERRUPT and not summary.routine.pushed
        ]

    @cached_property
    def entered_by_programs(self) -> list[str]:
        """Code that programs enter by `syscall`."""
        return [
            symbol
            for symbol, summary in self._summaries.items()
            if summary.routine.entered is EntryFrame.SYSCALL
        ]

    @cached_property
    def in_interrupts(self) -> dict[str, FunctionSummary]:
        """Code that runs where interrupts brought the processor, or says that it does."""
        return {
            symbol: summary
            for symbol, summary in self._summaries.items()
            if summary.routine.entered in _BY_INTERRUPT or summary.routine.context == "interrupt"
        }

    @cached_property
    def deferred(self) -> dict[str, FunctionSummary]:
        """Code that says that interrupts leave it for later, and what that calls by pointers."""
        stated = [one for one in self._summaries.values() if one.routine.context == "deferred"]
        pointed_to = [
            self._summaries[target]
            for one in stated
            for at in one.local.indirect_calls
            for target in self._pointers.targets(line_of(one.routine, at), one.routine) or ()
        ]
        return {one.symbol: one for one in (*stated, *pointed_to)}

    @cached_property
    def outside_threads(self) -> dict[str, FunctionSummary]:
        """Code that runs on top of whichever thread there is, which must not sleep there."""
        return self.in_interrupts | self.deferred

    # Sleeping, and other doings of threads

    @cached_property
    def sleepers(self) -> CallPaths:
        """What may sleep, by the call that leads there."""
        return self._calls.paths_to(self._sleeping)

    def sleepers_under(self, lock: str) -> CallPaths:
        """What may sleep while its caller holds a lock: not what releases it before."""
        if lock not in self._sleepers_under:
            self._sleepers_under[lock] = self._calls.paths_to(
                self._sleeping,
                except_for={
                    summary.symbol: None
                    for summary in self._entered_locked
                    if lock in summary.routine.locks.at_entry and self._releases(summary, lock)
                },
            )
        return self._sleepers_under[lock]

    @cached_property
    def _entered_locked(self) -> list[FunctionSummary]:
        return [
            summary for summary in self._summaries.values() if summary.routine.locks is not NO_LOCKS
        ]

    def _releases(self, summary: FunctionSummary, lock: str) -> bool:
        """Whether code that is entered with a lock may sleep after it has released it."""
        return not summary.routine.sleeps or any(
            one.action is LockAction.RELEASE and one.lock == lock
            for one in summary.routine.lock_events
        )

    @cached_property
    def sleepers_as_entered(self) -> CallPaths:
        """What may sleep with interrupts as they were when it was entered."""
        return self._calls.paths_to(
            self._sleeping, by=lambda call: bool(self._paths.at(call).interrupts & SAME)
        )

    @property
    def _sleeping(self) -> list[str]:
        return [symbol for symbol, summary in self._summaries.items() if summary.routine.sleeps]

    def path_to_sleep(self, symbol: str, sleepers: CallPaths) -> list[Note]:
        """How `symbol` comes to sleep."""
        notes, last = call_path(symbol, sleepers)
        declared = line_span(self._summaries[last].routine.declared)
        return [*notes, Note(declared, f"`{last}` sleeps")]

    @cached_property
    def thread_code(self) -> CallPaths:
        """What leads to functions that state that they run in a thread, by the call there."""
        return self._calls.paths_to(self._in_threads)

    @property
    def _in_threads(self) -> list[str]:
        return [
            symbol
            for symbol, summary in self._summaries.items()
            if summary.routine.context == "thread"
        ]

    # Interrupts on or off

    @cached_property
    def entered_interrupts_on(self) -> CallPaths:
        """What may be entered with interrupts on, by the call that does so."""
        found: CallPaths = dict.fromkeys([*self._in_threads, *self.deferred])
        for summary in self._paths.followed():
            for call in summary.calls:
                if self._paths.at(call).interrupts & ON:
                    found.setdefault(call.callee, call)
        waiting = list(found)
        for symbol in waiting:  # grows while callees are met
            for call in self._summaries[symbol].calls:
                if call.callee not in found and self._paths.at(call).interrupts & SAME:
                    found[call.callee] = call
                    waiting.append(call.callee)
        return found

    def interrupts_may_be_on(self, symbol: str, index: int) -> bool:
        """Whether interrupts may be on before the `index`th instruction of a routine."""
        interrupts = self._paths.before(symbol, index).interrupts
        return bool(interrupts & ON or (interrupts & SAME and symbol in self.entered_interrupts_on))

    def path_with_interrupts_on(self, symbol: str, index: int) -> list[Note]:
        """How interrupts come to be on: the calls from where they were turned on to the routine."""
        notes: list[Note] = []
        on_here = self._paths.before(symbol, index).interrupts & ON
        call = None if on_here else self.entered_interrupts_on[symbol]
        while call is not None:
            notes.insert(0, Note(span_of(call.line), f"`{call.caller}` calls `{call.callee}`"))
            on = self._paths.at(call).interrupts & ON
            call = None if on else self.entered_interrupts_on.get(call.caller)
        return notes
