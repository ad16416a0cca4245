"""E05x: locks are taken, held and released as they must be."""

from __future__ import annotations

from collections.abc import Iterator

from iced_x86 import FlowControl

from pykasm.check.finding import Finding, span_of
from pykasm.check.rule import applies_to_build, rule
from pykasm.check.subject import Build
from pykasm.check.summary import Facts, Summary
from pykasm.isa.code import Line
from pykasm.lang.locking import LockAction

E050 = rule(
    "E050",
    "a lock is not taken and released in turn on some path",
    """Whoever asks for a lock that was not released waits for ever, and so does who asks for one
    that he holds. A lock that is released twice lets two in.""",
)


@applies_to_build
def locks_are_released(build: Build) -> Iterator[Finding]:
    """Locks where a piece is left."""
    summary = build.summary
    for facts in summary.followed():
        for index, node in enumerate(summary.graph(facts.symbol).nodes):
            if node.leaves and node.effects.flow != FlowControl.EXCEPTION:
                held = summary.after(facts, index).may
                for lock in summary.names(held):
                    yield _kept(summary, facts, node.line, lock)


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
    for facts in summary.followed():
        for index, event in facts.reached_events():
            line = summary.graph(facts.symbol).nodes[index].line
            before, lock = facts.before(index), summary.bits[event.lock]
            if event.action is LockAction.TAKE and before.may & lock:
                yield Finding(
                    E050,
                    f"`{event.lock}` is taken while it is held",
                    span=span_of(line),
                    mark="some path to here holds it: this waits for ever",
                    fix="release it first",
                    symbol=facts.symbol,
                )
            if event.action is LockAction.RELEASE and not before.must & lock:
                yield Finding(
                    E050,
                    f"`{event.lock}` is released, but some path to here does not hold it",
                    span=span_of(line),
                    fix="take it on every path, and release it once",
                    symbol=facts.symbol,
                )


@applies_to_build
def callees_take_other_locks(build: Build) -> Iterator[Finding]:
    """Calls, under a lock, of code that takes it."""
    summary = build.summary
    for facts in summary.followed():
        for call in facts.calls:
            twice = facts.before(call.at).may & summary.taken_under(call.callee)
            for lock in summary.names(twice):
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
