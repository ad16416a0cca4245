"""E05x: locks are taken, held and released as they must be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from pykasm.check.build import Build
from pykasm.check.finding import Finding
from pykasm.check.functionsummary import CallSite, FunctionSummary
from pykasm.check.guards import Guards
from pykasm.check.heldonpaths import may_hold
from pykasm.check.indirectcalls import OF_TYPE, OWN_TYPE
from pykasm.check.lockorder import LockOrder, OrderEdge
from pykasm.check.lockstate import NO_LOCKS as NO_NAMES
from pykasm.check.programanalysis import ProgramAnalysis
from pykasm.check.rule import build_check, rule
from pykasm.errors import Note
from pykasm.lang.builder import GuardedAccess
from pykasm.lang.function import INIT_TEXT
from pykasm.lang.locking import NO_LOCKS, LockAction, class_of
from pykasm.source import line_span

E050 = rule(
    "E050",
    "a lock is not taken and released in turn on some path",
    """Whoever asks for a lock that was not released waits for ever, and so does who asks for one
    that he holds. A lock that is released twice lets two in.""",
)

E051 = rule(
    "E051",
    "a datum is touched without its lock",
    """Somebody else may be in the middle of changing it. Code that only starting up runs needs no
    lock: there is nobody else yet.""",
)
E052 = rule(
    "E052",
    "the order in which locks are taken goes round",
    """Two processors that each hold the lock that the other one asks for wait for ever.""",
)
E053 = rule(
    "E053",
    "a lock is taken with interrupts on, though interrupts take it or its code needs them off",
    """A handler that interrupts the holder waits for the lock, and the holder never runs on.""",
)


@build_check
def locks_are_released(build: Build) -> Iterator[Finding]:
    """Check the locks that are held where a function is left: those that it states, no others."""
    analysis = build.analysis
    for summary in analysis.lock_flows.tracked():
        stated = summary.routine.locks.at_exit
        for index, after in analysis.lock_flows.exits(summary.symbol):
            if stated or after.may:
                for lock in sorted(after.may - stated - analysis.locks.states):
                    if may_hold(build, summary, lock, index, behind=True):
                        yield _kept(analysis, summary, index, lock)
                for lock in sorted(stated - after.must):
                    if may_hold(build, summary, lock, index, behind=True, held=False):
                        yield _missing(analysis, summary, index, lock)


def _kept(analysis: ProgramAnalysis, summary: FunctionSummary, index: int, lock: str) -> Finding:
    return Finding(
        E050,
        f"`{lock}` is not released on some path to here",
        span=analysis.span(summary.symbol, index),
        mark="the function is left here",
        notes=[analysis.where_taken(summary.symbol, lock)],
        fix="release it on every path",
        symbol=summary.symbol,
        state=lock,
        leaves=True,
    )


def _missing(analysis: ProgramAnalysis, summary: FunctionSummary, index: int, lock: str) -> Finding:
    is_new = lock in summary.routine.locks.acquires
    return Finding(
        E050,
        f"`{lock}` is not held on some path to here",
        span=analysis.span(summary.symbol, index),
        mark=f"the function is left here, and states `{'acquires' if is_new else 'holds'}=`",
        fix="take it on every path" if is_new else "take it again on every path that releases it",
        symbol=summary.symbol,
    )


@build_check
def locks_are_taken_in_turn(build: Build) -> Iterator[Finding]:
    """Check locks where they are taken and released."""
    analysis = build.analysis
    for summary in analysis.lock_flows.tracked():
        for index, event in analysis.lock_flows.events(summary.symbol):
            before = analysis.lock_flows.before(summary.symbol, index)
            is_twice = event.action is LockAction.TAKE and event.lock in before.may
            if is_twice and may_hold(build, summary, event.lock, index):
                yield _twice(analysis, summary, index, event.lock)
            is_known = event.lock in before.must or event.lock in before.unsure
            is_free = event.action is LockAction.RELEASE and not is_known
            if is_free and may_hold(build, summary, event.lock, index, held=False):
                yield Finding(
                    E050,
                    f"`{event.lock}` is released, but some path to here does not hold it",
                    span=analysis.place(summary.symbol, index),
                    fix="take it on every path, and release it once"
                    + (", or state `tries=` where it may be taken" if event.by_call else ""),
                    symbol=summary.symbol,
                )


def _twice(analysis: ProgramAnalysis, summary: FunctionSummary, index: int, lock: str) -> Finding:
    is_class = lock in analysis.locks.of_many
    return Finding(
        E050,
        f"`{lock}` is taken while {'one of its kind' if is_class else 'it'} is held",
        span=analysis.place(summary.symbol, index),
        mark="some path to here holds it: this waits for ever"
        if not is_class
        else "unless all take the two in one order, this waits for ever",
        fix="release it first" + (", or tell which is which by a `rank=`" if is_class else ""),
        symbol=summary.symbol,
        state=lock,
    )


@build_check
def callees_take_other_locks(build: Build) -> Iterator[Finding]:
    """Check calls, under a lock, of code that takes it."""
    analysis = build.analysis
    for summary in analysis.lock_flows.tracked():
        for call in summary.calls:
            yield from _taken_again(analysis, call, f"`{call.callee}`", "")
        by_pointer = {
            call.at: finding
            for call in analysis.pointer_calls(summary)
            for finding in _taken_again(analysis, call, f"{OF_TYPE} `{call.callee}`", OWN_TYPE)
        }
        yield from by_pointer.values()


def _taken_again(
    analysis: ProgramAnalysis, call: CallSite, who: str, way_out: str
) -> Iterator[Finding]:
    held = analysis.lock_flows.at(call).may
    for lock in sorted(held & analysis.locks.taken_under(call.callee)) if held else ():
        yield Finding(
            E050,
            f"`{lock}` is held, and {who} takes it",
            span=call.place,
            mark="this waits for ever",
            notes=[
                analysis.where_taken(call.caller, lock),
                *analysis.path_to_lock(call.callee, lock),
            ],
            fix=f"release it first, or call code that expects it to be held{way_out}",
            symbol=call.caller,
            state=lock,
        )


@build_check
def guarded_data_is_locked(build: Build) -> Iterator[Finding]:
    """Check accesses to fields and data that name their lock."""
    analysis = build.analysis
    guards = Guards(build.data)
    yield from (_no_lock(build, datum, path) for datum, path in guards.unresolved.items())
    for summary in analysis.summaries.values():
        if summary.routine.section != INIT_TEXT:
            for access in summary.local.accesses:
                lock = guards.lock_of(access)
                if (
                    lock is not None
                    and not _is_held(analysis, summary, access, lock)
                    and may_hold(build, summary, lock, access.at, held=False)
                ):
                    yield _unlocked(analysis, summary, access, lock)


def _is_held(
    analysis: ProgramAnalysis, summary: FunctionSummary, access: GuardedAccess, lock: str
) -> bool:
    """Return whether a lock is held at an access, or taken by the callee that it passes to."""
    locks = analysis.locks
    callees = [one.callee for one in summary.calls if one.at == access.at and access.address]
    held = locks.held_before(summary.symbol, access.at).union(*map(locks.taken_under, callees))
    return lock in map(class_of, held)


def _no_lock(build: Build, datum: str, path: str) -> Finding:
    moment = build.data[datum]._moment
    assert moment is not None
    assert moment.span is not None
    return Finding(
        E051,
        f"`{datum}` names no lock: `{path}`",
        span=moment.span,
        fix=_suggestion(build.analysis, path) or "name an attribute beside it",
    )


def _suggestion(analysis: ProgramAnalysis, lock: str) -> str:
    """Return what may have been meant by the name of a lock that no code takes."""
    if lock in analysis.locks.classes:
        return ""
    near = get_close_matches(lock, sorted(analysis.locks.classes), n=1)
    return f"did you mean `{near[0]}`?" if near else ""


def _unlocked(
    analysis: ProgramAnalysis, summary: FunctionSummary, access: GuardedAccess, lock: str
) -> Finding:
    place, within = (
        analysis.place(summary.symbol, access.at),
        analysis.span(summary.symbol, access.at),
    )
    in_place = [] if within == place else [Note(within, "this touches it")]
    return Finding(
        E051,
        f"the address of `{access.field}` is passed on without `{lock}`"
        if access.address
        else f"`{access.field}` is touched without `{lock}`",
        span=place,
        mark="some path to here does not hold it",
        notes=[
            *in_place,
            *(
                Note(call.span, f"`{call.caller}` does not hold it here")
                for call in analysis.calls.callers.get(summary.symbol, ())
                if lock not in map(class_of, analysis.locks.held_at(call))
            ),
        ],
        fix=_suggestion(analysis, lock)
        or "take the lock, or state that callers hold it: `@function(holds=…)`",
        symbol=summary.symbol,
    )


@build_check
def promised_locks_are_held(build: Build) -> Iterator[Finding]:
    """Check calls of functions that state that their callers hold a lock."""
    analysis = build.analysis
    wanted = {
        summary.symbol: summary.routine.locks.at_entry
        for summary in analysis.summaries.values()
        if summary.routine.locks is not NO_LOCKS
    }
    for summary in analysis.summaries.values():
        for call in summary.calls:
            missing = wanted.get(call.callee, NO_NAMES)
            for lock in sorted(missing - _classes_held(analysis, call)) if missing else ():
                yield Finding(
                    E051,
                    f"`{call.callee}` is called without `{lock}`",
                    span=call.place,
                    mark="it says that its callers hold it",
                    fix="take the lock first",
                    symbol=call.caller,
                    path=[call],
                    does=f"states `holds={lock}`",
                )


def _classes_held(analysis: ProgramAnalysis, call: CallSite) -> set[str]:
    held = analysis.locks.held_at(call)
    return {*held, *map(class_of, held)}


@build_check
def stated_locks_are_known(build: Build) -> Iterator[Finding]:
    """Check the names of locks that functions state."""
    analysis = build.analysis
    for summary in analysis.summaries.values():
        for lock in summary.routine.locks.by_name:
            if class_of(lock) not in analysis.locks.classes:
                yield Finding(
                    E051,
                    f"`{summary.symbol}` names the lock `{lock}`, which nothing takes",
                    span=line_span(summary.routine.declared),
                    fix=_suggestion(analysis, lock) or "name a lock that some code takes",
                    symbol=summary.symbol,
                )


@build_check
def locks_have_one_order(build: Build) -> Iterator[Finding]:
    """Check the order of locks that are taken under each other."""
    order = LockOrder(build.analysis)
    for cycle in order.cycles():
        first, *others = cycle
        yield Finding(
            E052,
            f"the order of locks goes round: {_names(cycle)}",
            span=build.analysis.place(first.symbol, first.at),
            notes=[
                *order.notes(first)[1:],
                *(note for edge in others for note in order.notes(edge)),
            ],
            fix="take them in the same order everywhere",
            symbol=first.symbol,
        )


def _names(cycle: Sequence[OrderEdge]) -> str:
    return ", ".join(f"`{lock}`" for lock in [one.first for one in cycle] + [cycle[0].first])


@build_check
def interrupts_are_off(build: Build) -> Iterator[Finding]:
    """Check locks that interrupt handlers take, wherever they are taken."""
    analysis = build.analysis
    takers = {
        lock: symbol
        for symbol in analysis.contexts.in_interrupts
        for lock in analysis.locks.taken_under(symbol)
    }
    for summary in analysis.summaries.values():
        for at, event in analysis.lock_flows.events(summary.symbol):
            is_taken = event.lock in takers and event.action is LockAction.TAKE
            if is_taken and analysis.contexts.interrupts_may_be_on(summary.symbol, at):
                yield _interruptible(analysis, summary, at, event.lock, takers[event.lock])


def _interruptible(
    analysis: ProgramAnalysis, summary: FunctionSummary, at: int, lock: str, handler: str
) -> Finding:
    return Finding(
        E053,
        f"`{lock}` is taken with interrupts on, but an interrupt handler takes it too",
        span=analysis.place(summary.symbol, at),
        mark="a handler that interrupts what follows waits for ever",
        notes=[
            *analysis.contexts.path_with_interrupts_on(summary.symbol, at),
            *analysis.path_to_lock(handler, lock),
        ],
        fix="turn interrupts off first, and back on when it is released",
        symbol=summary.symbol,
    )


@build_check
def interrupts_are_off_where_a_lock_relies_on_it(build: Build) -> Iterator[Finding]:
    """Check locks that are taken by code that relies on interrupts being off."""
    analysis = build.analysis
    for summary in analysis.summaries.values():
        for at, event in analysis.lock_flows.events(summary.symbol):
            if event.interrupts_off and analysis.contexts.interrupts_may_be_on(summary.symbol, at):
                yield Finding(
                    E053,
                    f"`{event.lock}` is taken as if interrupts were off, but they may be on",
                    span=analysis.place(summary.symbol, at),
                    notes=analysis.contexts.path_with_interrupts_on(summary.symbol, at),
                    fix="turn them off as it is taken, as `held` does",
                    symbol=summary.symbol,
                )
