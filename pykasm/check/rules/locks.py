"""E05x: locks are taken, held and released as they must be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from pykasm.check.facts import Call, Facts
from pykasm.check.finding import Finding, span_of
from pykasm.check.guards import Guards
from pykasm.check.lockorder import LockOrder, Step
from pykasm.check.rule import applies_to_build, rule
from pykasm.check.situation import NO_LOCKS as NOTHING
from pykasm.check.subject import Build
from pykasm.check.summary import Summary
from pykasm.errors import Note
from pykasm.lang.builder import Touch
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


@applies_to_build
def locks_are_released(build: Build) -> Iterator[Finding]:
    """Locks where a piece is left: those that it states, and no others."""
    summary = build.summary
    for facts in summary.paths.followed():
        stated = facts.piece.locks.at_exit
        for index, after in summary.paths.exits(facts.symbol):
            if stated or after.may:
                for lock in sorted(after.may - stated):
                    yield _kept(summary, facts, index, lock)
                for lock in sorted(stated - after.must):
                    yield _missing(summary, facts, index, lock)


def _kept(summary: Summary, facts: Facts, index: int, lock: str) -> Finding:
    return Finding(
        E050,
        f"`{lock}` is not released on some path to here",
        span=span_of(summary.line(facts.symbol, index)),
        mark="the function is left here",
        notes=[summary.where_taken(facts.symbol, lock)],
        fix="release it on every path",
        symbol=facts.symbol,
    )


def _missing(summary: Summary, facts: Facts, index: int, lock: str) -> Finding:
    is_new = lock in facts.piece.locks.acquires
    return Finding(
        E050,
        f"`{lock}` is not held on some path to here",
        span=span_of(summary.line(facts.symbol, index)),
        mark=f"the function is left here, and states `{'acquires' if is_new else 'holds'}=`",
        fix="take it on every path" if is_new else "take it again on every path that releases it",
        symbol=facts.symbol,
    )


@applies_to_build
def locks_are_taken_in_turn(build: Build) -> Iterator[Finding]:
    """Locks where they are taken and released."""
    summary = build.summary
    for facts in summary.paths.followed():
        for index, event in summary.paths.events(facts.symbol):
            before = summary.paths.before(facts.symbol, index)
            if event.action is LockAction.TAKE and event.lock in before.may:
                yield _twice(summary, facts, index, event.lock)
            if event.action is LockAction.RELEASE and event.lock not in before.must:
                yield Finding(
                    E050,
                    f"`{event.lock}` is released, but some path to here does not hold it",
                    span=summary.place(facts.symbol, index),
                    fix="take it on every path, and release it once",
                    symbol=facts.symbol,
                )


def _twice(summary: Summary, facts: Facts, index: int, lock: str) -> Finding:
    is_class = lock in summary.locks.of_many
    return Finding(
        E050,
        f"`{lock}` is taken while {'one of its kind' if is_class else 'it'} is held",
        span=summary.place(facts.symbol, index),
        mark="some path to here holds it: this waits for ever"
        if not is_class
        else "unless all take the two in one order, this waits for ever",
        fix="release it first" + (", or tell which is which by a `rank=`" if is_class else ""),
        symbol=facts.symbol,
    )


@applies_to_build
def callees_take_other_locks(build: Build) -> Iterator[Finding]:
    """Calls, under a lock, of code that takes it."""
    summary = build.summary
    for facts in summary.paths.followed():
        for call in facts.calls:
            held = summary.paths.at(call).may
            for lock in sorted(held & summary.locks.taken_under(call.callee)) if held else ():
                yield Finding(
                    E050,
                    f"`{lock}` is held, and `{call.callee}` takes it",
                    span=span_of(call.line),
                    mark="this waits for ever",
                    notes=[
                        summary.where_taken(facts.symbol, lock),
                        *summary.way_to_lock(call.callee, lock),
                    ],
                    fix="release it first, or call code that expects it to be held",
                    symbol=facts.symbol,
                )


@applies_to_build
def guarded_data_is_locked(build: Build) -> Iterator[Finding]:
    """Memory operands in data that name their lock."""
    summary = build.summary
    guards = Guards(build.data)
    yield from (_no_lock(build, datum, path) for datum, path in guards.wrong.items())
    for facts in summary.facts.values():
        if facts.piece.section != INIT_TEXT:
            for touch in facts.behaviour.touches:
                lock = guards.lock_of(touch)
                held = summary.locks.held_before(facts.symbol, touch.at)
                if lock is not None and lock not in map(class_of, held):
                    yield _unlocked(summary, facts, touch, lock)


def _no_lock(build: Build, datum: str, path: str) -> Finding:
    moment = build.data[datum]._moment
    assert moment is not None
    assert moment.span is not None
    return Finding(
        E051,
        f"`{datum}` names no lock: `{path}`",
        span=moment.span,
        fix=_suggestion(build.summary, path) or "name an attribute beside it",
    )


def _suggestion(summary: Summary, lock: str) -> str:
    """What may have been meant by the name of a lock that no code takes."""
    if lock in summary.locks.classes:
        return ""
    near = get_close_matches(lock, sorted(summary.locks.classes), n=1)
    return f"did you mean `{near[0]}`?" if near else ""


def _unlocked(summary: Summary, facts: Facts, touch: Touch, lock: str) -> Finding:
    return Finding(
        E051,
        f"`{touch.field}` is touched without `{lock}`",
        span=span_of(summary.line(facts.symbol, touch.at)),
        mark="some path to here does not hold it",
        notes=[
            Note(span_of(call.line), f"`{call.caller}` does not hold it here")
            for call in summary.calls.callers.get(facts.symbol, ())
            if lock not in map(class_of, summary.locks.held_at(call))
        ],
        fix=_suggestion(summary, lock)
        or "take the lock, or state that callers hold it: `@function(holds=…)`",
        symbol=facts.symbol,
    )


@applies_to_build
def promised_locks_are_held(build: Build) -> Iterator[Finding]:
    """Calls of functions that say that their callers hold a lock."""
    summary = build.summary
    wanted = {
        facts.symbol: facts.piece.locks.at_entry
        for facts in summary.facts.values()
        if facts.piece.locks is not NO_LOCKS
    }
    for facts in summary.facts.values():
        for call in facts.calls:
            missing = wanted.get(call.callee, NOTHING)
            for lock in sorted(missing - _classes_held(summary, call)) if missing else ():
                yield Finding(
                    E051,
                    f"`{call.callee}` is called without `{lock}`",
                    span=span_of(call.line),
                    mark="it says that its callers hold it",
                    fix="take the lock first",
                    symbol=call.caller,
                )


def _classes_held(summary: Summary, call: Call) -> set[str]:
    held = summary.locks.held_at(call)
    return {*held, *map(class_of, held)}


@applies_to_build
def stated_locks_are_known(build: Build) -> Iterator[Finding]:
    """The names of locks that functions state."""
    summary = build.summary
    for facts in summary.facts.values():
        for lock in facts.piece.locks.by_name:
            if class_of(lock) not in summary.locks.classes:
                yield Finding(
                    E051,
                    f"`{facts.symbol}` names the lock `{lock}`, which nothing takes",
                    span=line_span(facts.piece.declared),
                    fix=_suggestion(summary, lock) or "name a lock that some code takes",
                    symbol=facts.symbol,
                )


@applies_to_build
def locks_have_one_order(build: Build) -> Iterator[Finding]:
    """Locks that are taken under each other."""
    order = LockOrder(build.summary)
    for cycle in order.cycles():
        first, *others = cycle
        yield Finding(
            E052,
            f"the order of locks goes round: {_names(cycle)}",
            span=build.summary.place(first.symbol, first.at),
            notes=[
                *order.notes(first)[1:],
                *(note for step in others for note in order.notes(step)),
            ],
            fix="take them in the same order everywhere",
            symbol=first.symbol,
        )


def _names(cycle: Sequence[Step]) -> str:
    return ", ".join(f"`{lock}`" for lock in [one.first for one in cycle] + [cycle[0].first])


@applies_to_build
def interrupts_are_off(build: Build) -> Iterator[Finding]:
    """Locks that interrupt handlers take, wherever they are taken."""
    summary = build.summary
    takers = {
        lock: symbol
        for symbol in summary.contexts.in_interrupts
        for lock in summary.locks.taken_under(symbol)
    }
    for facts in summary.facts.values():
        for at, event in summary.paths.events(facts.symbol):
            is_taken = event.lock in takers and event.action is LockAction.TAKE
            if is_taken and summary.contexts.may_be_on(facts.symbol, at):
                yield _interruptible(summary, facts, at, event.lock, takers[event.lock])


def _interruptible(summary: Summary, facts: Facts, at: int, lock: str, handler: str) -> Finding:
    return Finding(
        E053,
        f"`{lock}` is taken with interrupts on, but an interrupt handler takes it too",
        span=summary.place(facts.symbol, at),
        mark="a handler that interrupts what follows waits for ever",
        notes=[
            *summary.contexts.turned_on_before(facts.symbol, at),
            *summary.way_to_lock(handler, lock),
        ],
        fix="turn interrupts off first, and back on when it is released",
        symbol=facts.symbol,
    )


@applies_to_build
def interrupts_are_off_where_a_lock_relies_on_it(build: Build) -> Iterator[Finding]:
    """Locks that are taken without turning interrupts off."""
    summary = build.summary
    for facts in summary.facts.values():
        for at, event in summary.paths.events(facts.symbol):
            if event.uninterrupted and summary.contexts.may_be_on(facts.symbol, at):
                yield Finding(
                    E053,
                    f"`{event.lock}` is taken as if interrupts were off, but they may be on",
                    span=summary.place(facts.symbol, at),
                    notes=summary.contexts.turned_on_before(facts.symbol, at),
                    fix="turn them off as it is taken, as `held` does",
                    symbol=facts.symbol,
                )
