"""E05x, of paired states: what is begun is ended, and interrupts that are turned off come back."""

from __future__ import annotations

from collections.abc import Iterator

from iced_x86 import Mnemonic

from pykasm.check.build import Build
from pykasm.check.finding import INTERRUPTS, Finding
from pykasm.check.functionsummary import CallSite, FunctionSummary
from pykasm.check.heldonpaths import may_hold
from pykasm.check.lockstate import OFF, ON
from pykasm.check.pathsearch import Question, can_happen
from pykasm.check.programanalysis import ProgramAnalysis
from pykasm.check.rule import build_check, rule
from pykasm.errors import Note
from pykasm.lang.convention import Kind
from pykasm.lang.locking import LockAction

E054 = rule(
    "E054",
    "a state is not begun and ended in turn on some path",
    """What was begun goes on for ever: the processor never turns to another thread, or programs'
    memory stays open. What is ended twice ends what somebody else has begun.""",
)
E055 = rule(
    "E055",
    "interrupts are not left as they were",
    """Left off, the processor hears of nothing until it turns to other code. Left on, a handler
    comes in where the caller relies on none, such as between it and a lock that it holds.""",
)


@build_check
def states_are_ended(build: Build) -> Iterator[Finding]:
    """Check the states that have begun where a function is left."""
    analysis = build.analysis
    for summary in analysis.lock_flows.tracked():
        for index, after in analysis.lock_flows.exits(summary.symbol):
            for state in sorted(after.may & analysis.locks.states):
                if not may_hold(build, summary, state, index, behind=True):
                    continue
                yield Finding(
                    E054,
                    f"`{state}` is not ended on some path to here",
                    span=analysis.span(summary.symbol, index),
                    mark="the function is left here",
                    notes=[analysis.where_taken(summary.symbol, state)],
                    fix="end it on every path",
                    symbol=summary.symbol,
                    state=state,
                    leaves=True,
                )


@build_check
def states_are_begun_once(build: Build) -> Iterator[Finding]:
    """Check states where they begin and end."""
    analysis = build.analysis
    for summary in analysis.lock_flows.tracked():
        for index, event in analysis.lock_flows.events(summary.symbol):
            before = analysis.lock_flows.before(summary.symbol, index)
            is_twice = event.action is LockAction.BEGIN and event.lock in before.may
            is_early = event.action is LockAction.END and event.lock not in before.must
            is_wrong = is_twice or is_early
            if is_wrong and may_hold(build, summary, event.lock, index, held=is_twice):
                yield Finding(
                    E054,
                    f"`{event.lock}` is begun, but has begun already on some path to here"
                    if is_twice
                    else f"`{event.lock}` is ended, but has not begun on some path to here",
                    span=analysis.place(summary.symbol, index),
                    fix="begin it once, and end it on every path",
                    symbol=summary.symbol,
                    state=event.lock if is_twice else "",
                )


@build_check
def interrupts_come_back(build: Build) -> Iterator[Finding]:
    """Check the interrupt flag where functions are left that turn interrupts off, and that may be
    entered with them on."""
    analysis = build.analysis
    for summary in analysis.lock_flows.tracked():
        symbol = summary.symbol
        if not _must_restore_interrupts(analysis, summary):
            continue
        for index, after in analysis.lock_flows.exits(symbol):
            if after.interrupts & OFF:
                first = _turned_off(build, summary, index)
                yield Finding(
                    E055,
                    "interrupts are left off on some path to here",
                    span=analysis.span(symbol, index),
                    mark="the function is left here",
                    notes=[Note(analysis.place(symbol, first), "they are turned off here")],
                    fix="turn them on again on every path, or let the function state "
                    '`context="interrupts off"`',
                    symbol=symbol,
                    state=INTERRUPTS,
                    leaves=True,
                )


def _turned_off(build: Build, summary: FunctionSummary, at: int) -> int:
    """Return where a function turns interrupts off that it has off where it is left."""
    nodes = build.graph(build.routines[summary.symbol]).nodes
    ends = {
        index for index, node in enumerate(nodes) if node.effects.mnemonic in _RESTORING_INTERRUPTS
    }
    found = (
        one
        for one in summary.local.interrupt_disables
        if can_happen(build.function(summary.symbol), Question(at, {one}, ends))
    )
    return next(found, min(summary.local.interrupt_disables))


_RESTORING_INTERRUPTS = (Mnemonic.STI, Mnemonic.POPFQ)


@build_check
def interrupts_stay_off(build: Build) -> Iterator[Finding]:
    """Check the interrupt flag where functions are left that turn interrupts on, and that may be
    entered with them off."""
    analysis = build.analysis
    for summary in analysis.lock_flows.tracked():
        symbol, enables = summary.symbol, summary.local.interrupt_enables
        if enables and _may_be_entered_off(analysis, summary):
            left_on = [
                at for at, after in analysis.lock_flows.exits(symbol) if after.interrupts & ON
            ]
            if left_on:
                yield Finding(
                    E055,
                    "interrupts are left on, and callers may have them off",
                    span=analysis.place(symbol, max(one for one in enables if one < left_on[-1])),
                    mark="they are turned on here",
                    notes=_why_off(analysis, summary),
                    fix="restore the flags of before: `pushfq()`, `cli()`, then `popfq()`",
                    symbol=symbol,
                )


_ENTERED_OFF = {"any", "interrupt", "interrupts off"}
"""Contexts in which interrupts may be off."""


def _may_be_entered_off(analysis: ProgramAnalysis, summary: FunctionSummary) -> bool:
    """Return whether a function returns to callers that may have interrupts off: by what it states,
    or since one holds a spin lock."""
    routine = summary.routine
    returns = routine.kind is Kind.FUNCTION and not routine.signature.never_returns
    states = not _ENTERED_OFF.isdisjoint(analysis.contexts.stated(summary.symbol))
    is_off = states or bool(_calls_under_locks(analysis, summary))
    return returns and not routine.sleeps and not routine.interruptible and is_off


def _calls_under_locks(analysis: ProgramAnalysis, summary: FunctionSummary) -> list[CallSite]:
    """Return the calls of a function where interrupts are off, and a lock is held that relies on
    it."""
    spinning = analysis.locks.classes - analysis.locks.sleeping
    return [
        call
        for call in analysis.calls.callers.get(summary.symbol, ())
        if analysis.lock_flows.at(call).interrupts == OFF
        and analysis.lock_flows.at(call).must & spinning
    ]


def _why_off(analysis: ProgramAnalysis, summary: FunctionSummary) -> list[Note]:
    """Return where a function is called with interrupts off, for a message."""
    found = _calls_under_locks(analysis, summary)
    return [Note(call.span, f"`{call.caller}` has them off here") for call in found[:1]]


def _must_restore_interrupts(analysis: ProgramAnalysis, summary: FunctionSummary) -> bool:
    """Return whether a function turns interrupts off, and returns to callers that may have them on.

    Where it calls through pointers, some function of their type may leave them off.
    """
    routine, local = summary.routine, summary.local
    returns = routine.kind is Kind.FUNCTION and not routine.signature.never_returns
    turns_off = bool(local.interrupt_disables) and not local.indirect_calls
    return returns and turns_off and analysis.contexts.interrupts_may_be_on(summary.symbol, 0)
