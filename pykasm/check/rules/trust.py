"""E084: what somebody else chose is bounded before it is relied on."""

from __future__ import annotations

from collections.abc import Iterator

from pykasm.check.build import Build, FunctionAnalysis
from pykasm.check.finding import Finding
from pykasm.check.rule import build_check, function_check, rule
from pykasm.check.trust import Misuse, TrustFlow, follows_trust
from pykasm.check.trustcalls import Reliance, Reliances
from pykasm.check.valuepath import AT_ENTRY, Value
from pykasm.errors import Note
from pykasm.lang.convention import Kind
from pykasm.lang.routine import Routine
from pykasm.source import line_span

E084 = rule(
    "E084",
    "a number that somebody else chose is relied on before it is bounded",
    """A program, a device, or whoever wrote the disk or sent the packet can choose it such that the
    code reads or writes other memory than it means to, or faults.""",
)


@function_check
def what_others_chose_is_bounded(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check untrusted numbers on every path."""
    if not _is_followed(function.routine, function.build):
        return
    flow = TrustFlow.solved(function)
    if flow is not None:
        yield from (_misused(function, one) for one in flow.misused.values())


_PASSES_NOTHING = b"passes nothing untrusted"
"""Stands before the keys of functions of which that is known."""


def _is_followed(routine: Routine, build: Build) -> bool:
    return routine.kind is Kind.FUNCTION and follows_trust(routine, build.untrusted)


@build_check
def what_others_chose_is_bounded_for_callees(build: Build) -> Iterator[Finding]:
    """Check the untrusted numbers that functions pass to others that are not told so."""
    reliances = Reliances(build)
    for symbol, placed in build.analysis.routines.items():
        key = build.contracts.key((symbol,))
        if key and build.contracts.is_known(_PASSES_NOTHING + key):
            continue
        function = build.function(symbol)
        flow = TrustFlow.solved(function) if _is_followed(placed.routine, build) else None
        if key and (flow is None or not flow.passed):
            build.contracts.keep(_PASSES_NOTHING + key)
        for (callee, number), one in flow.passed.items() if flow is not None else ():
            relied = reliances.of(callee, number)
            if relied is not None:
                yield _passed(function, callee, one, relied)


def _passed(function: FunctionAnalysis, callee: str, one: Misuse, relied: Reliance) -> Finding:
    return Finding(
        E084,
        f"`{callee}` takes this for {relied.use}, and somebody else chose it",
        span=function.place(one.at),
        mark=f"on some path to here, nothing has bounded `{one.use}`",
        notes=[_origin(function, one.value), relied.note],
        fix="compare it with a bound first, or say what bounds it: `trust(…, reason)`",
        symbol=function.routine.symbol,
    )


def _misused(function: FunctionAnalysis, one: Misuse) -> Finding:
    return Finding(
        E084,
        f"{one.use} is what somebody else chose",
        span=function.place(one.at),
        mark="on some path to here, nothing has bounded it",
        notes=[_origin(function, one.value)],
        fix="compare it with a bound first, or say what bounds it: `trust(…, reason)`",
        symbol=function.routine.symbol,
    )


def _origin(function: FunctionAnalysis, value: Value) -> Note:
    """Return where the number came from."""
    if value.site == AT_ENTRY:
        return Note(line_span(function.routine.declared), "a parameter is `Untrusted[…]`")
    return Note(function.place(value.site), "it comes from here")
