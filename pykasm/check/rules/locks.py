"""E05x: locks are taken, held and released as they must be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pykasm.check.facts import Facts
from pykasm.check.finding import Finding, span_of
from pykasm.check.lockorder import LockOrder, Step
from pykasm.check.rule import applies_to_build, rule
from pykasm.check.subject import Build
from pykasm.check.summary import Summary
from pykasm.errors import Note
from pykasm.isa.code import Line
from pykasm.isa.statement import Address
from pykasm.lang.functions import INIT_TEXT
from pykasm.lang.locking import LockAction, guard_of

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
    "a lock that interrupts take is taken with interrupts on",
    """A handler that interrupts the holder waits for the lock, and the holder never runs on.""",
)


@applies_to_build
def locks_are_released(build: Build) -> Iterator[Finding]:
    """Locks where a piece is left."""
    summary = build.summary
    for facts in summary.paths.followed():
        for index in facts.behaviour.exits:
            for lock in sorted(summary.paths.held_after(facts.symbol, index)):
                yield _kept(summary, facts, summary.line(facts.symbol, index), lock)


def _kept(summary: Summary, facts: Facts, line: Line, lock: str) -> Finding:
    return Finding(
        E050,
        f"`{lock}` is not released on some path to here",
        span=span_of(line),
        mark="the function is left here",
        notes=[summary.where_taken(facts.symbol, lock)],
        fix="release it on every path",
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
                yield Finding(
                    E050,
                    f"`{event.lock}` is taken while it is held",
                    span=summary.place(facts.symbol, index),
                    mark="some path to here holds it: this waits for ever",
                    fix="release it first",
                    symbol=facts.symbol,
                )
            if event.action is LockAction.RELEASE and event.lock not in before.must:
                yield Finding(
                    E050,
                    f"`{event.lock}` is released, but some path to here does not hold it",
                    span=summary.place(facts.symbol, index),
                    fix="take it on every path, and release it once",
                    symbol=facts.symbol,
                )


@applies_to_build
def callees_take_other_locks(build: Build) -> Iterator[Finding]:
    """Calls, under a lock, of code that takes it."""
    summary = build.summary
    for facts in summary.paths.followed():
        for call in facts.calls:
            twice = summary.paths.at(call).may & summary.locks.taken_under(call.callee)
            for lock in sorted(twice):
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
    found = {symbol: guard_of(datum) for symbol, datum in build.data.items()}
    guards = {symbol: lock for symbol, lock in found.items() if lock is not None}
    for facts in summary.facts.values():
        if facts.piece.section == INIT_TEXT or guards.keys().isdisjoint(facts.piece.targets):
            continue
        for at, line in enumerate(one for one in facts.piece.items if isinstance(one, Line)):
            for symbol in _touched(line) & guards.keys():
                if guards[symbol] not in summary.locks.held_before(facts.symbol, at):
                    yield _unlocked(summary, facts, line, symbol, guards[symbol])


def _touched(line: Line) -> set[str]:
    """The data in which the instruction reads or writes."""
    if line.statement.mnemonic == "lea":
        return set()
    return {
        one.target
        for one in line.references
        if isinstance(one.target, str) and isinstance(line.statement.operands[one.operand], Address)
    }


def _unlocked(summary: Summary, facts: Facts, line: Line, datum: str, lock: str) -> Finding:
    return Finding(
        E051,
        f"`{datum}` is touched without `{lock}`",
        span=span_of(line),
        mark="some path to here does not hold it",
        notes=[
            Note(span_of(call.line), f"`{call.caller}` does not hold it here")
            for call in summary.calls.callers.get(facts.symbol, ())
            if lock not in summary.locks.held_at(call)
        ],
        fix="take the lock, or state that callers hold it: `@function(holds=…)`",
        symbol=facts.symbol,
    )


@applies_to_build
def promised_locks_are_held(build: Build) -> Iterator[Finding]:
    """Calls of functions that say that their callers hold a lock."""
    summary = build.summary
    for facts in summary.facts.values():
        for call in facts.calls:
            lock = summary.facts[call.callee].piece.holds
            if lock and lock not in summary.locks.held_at(call):
                yield Finding(
                    E051,
                    f"`{call.callee}` is called without `{lock}`",
                    span=span_of(call.line),
                    mark="it says that its callers hold it",
                    fix="take the lock first",
                    symbol=call.caller,
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
