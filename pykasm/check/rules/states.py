"""E05x, of paired states: what is begun is ended."""

from __future__ import annotations

from collections.abc import Iterator

from pykasm.check.build import Build
from pykasm.check.finding import Finding
from pykasm.check.rule import build_check, rule
from pykasm.lang.locking import LockAction

E054 = rule(
    "E054",
    "a state is not begun and ended in turn on some path",
    """What was begun goes on for ever: the processor never turns to another thread, or programs'
    memory stays open. What is ended twice ends what somebody else has begun.""",
)


@build_check
def states_are_ended(build: Build) -> Iterator[Finding]:
    """Check the states that have begun where a function is left."""
    analysis = build.analysis
    for summary in analysis.lock_flows.tracked():
        for index, after in analysis.lock_flows.exits(summary.symbol):
            for state in sorted(after.may & analysis.locks.states):
                yield Finding(
                    E054,
                    f"`{state}` is not ended on some path to here",
                    span=analysis.span(summary.symbol, index),
                    mark="the function is left here",
                    notes=[analysis.where_taken(summary.symbol, state)],
                    fix="end it on every path",
                    symbol=summary.symbol,
                )


@build_check
def states_are_begun_once(build: Build) -> Iterator[Finding]:
    """Check states where they begin and end."""
    analysis = build.analysis
    for summary in analysis.lock_flows.tracked():
        for index, event in analysis.lock_flows.events(summary.symbol):
            before = analysis.lock_flows.before(summary.symbol, index)
            is_twice = event.action is LockAction.BEGIN and event.lock in before.may
            if is_twice or (event.action is LockAction.END and event.lock not in before.must):
                yield Finding(
                    E054,
                    f"`{event.lock}` is begun, but has begun already on some path to here"
                    if is_twice
                    else f"`{event.lock}` is ended, but has not begun on some path to here",
                    span=analysis.place(summary.symbol, index),
                    fix="begin it once, and end it on every path",
                    symbol=summary.symbol,
                )
