"""E084: what somebody else chose is bounded before it is relied on."""

from __future__ import annotations

from collections.abc import Iterator

from pykasm.check.build import Build, FunctionAnalysis
from pykasm.check.finding import Finding
from pykasm.check.rule import build_check, function_check, rule
from pykasm.check.trust import Misuse, TrustFlow, follows_trust
from pykasm.check.trustcalls import Reliance, Reliances
from pykasm.check.trustuse import NO_TRUST, OWN, Passed
from pykasm.check.valuepath import AT_ENTRY
from pykasm.errors import Note
from pykasm.source import line_span

E084 = rule(
    "E084",
    "a number that somebody else chose is relied on before it is bounded",
    """A program, a device, or whoever wrote the disk or sent the packet can choose it such that the
    code reads or writes other memory than it means to, or faults.""",
)


FEW = 2
"""Where more functions than that pass on what they have not bounded, it is who relies on it that
has left out the bound."""


@function_check
def what_others_chose_is_bounded(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check untrusted numbers on every path."""
    if not follows_trust(function.routine, function.build):
        return
    flow = TrustFlow.solved(function)
    uses = function.build.trust_uses.setdefault(function.routine.symbol, {})
    uses[OWN] = NO_TRUST if flow is None else flow.summary(None)
    if flow is not None:
        yield from (_misused(function, one) for one in flow.misused.values())


@build_check
def what_others_chose_is_bounded_for_callees(build: Build) -> Iterator[Finding]:
    """Check the untrusted numbers that functions pass to others that are not told so."""
    reliances = Reliances(build)
    found: dict[Reliance, list[tuple[FunctionAnalysis, Passed]]] = {}
    for symbol, passed in reliances.passed().items():
        for one in passed:
            relied = reliances.of(one.callee, one.number)
            if relied is not None:
                found.setdefault(relied, []).append((build.function(symbol), one))
    for relied, passing in found.items():
        if len({function.routine.symbol for function, _ in passing}) > FEW:
            yield _relied(build, relied, *passing[0])
        else:
            yield from (_passed(build, relied, *one) for one in passing)


def _relied(build: Build, relied: Reliance, function: FunctionAnalysis, one: Passed) -> Finding:
    user = build.function(relied.symbol)
    passing = Note(
        function.place(one.at), f"`{function.routine.symbol}` passes `{one.name}` as it comes"
    )
    return Finding(
        E084,
        f"{relied.use} is what somebody else chose",
        span=user.place(relied.at),
        mark="on some path to here, nothing has bounded it",
        notes=[passing, _origin(function, one.site)],
        fix="compare it with a bound first, or say what bounds it: `trust(…, reason)`",
        symbol=relied.symbol,
    )


def _passed(build: Build, relied: Reliance, function: FunctionAnalysis, one: Passed) -> Finding:
    place = build.function(relied.symbol).place(relied.at)
    return Finding(
        E084,
        f"`{one.callee}` takes this for {relied.use}, and somebody else chose it",
        span=function.place(one.at),
        mark=f"on some path to here, nothing has bounded `{one.name}`",
        notes=[_origin(function, one.site), Note(place, f"`{relied.symbol}` relies on it here")],
        fix="compare it with a bound first, or say what bounds it: `trust(…, reason)`",
        symbol=function.routine.symbol,
    )


def _misused(function: FunctionAnalysis, one: Misuse) -> Finding:
    return Finding(
        E084,
        f"{one.use} is what somebody else chose",
        span=function.place(one.at),
        mark="on some path to here, nothing has bounded it",
        notes=[_origin(function, one.value.site)],
        fix="compare it with a bound first, or say what bounds it: `trust(…, reason)`",
        symbol=function.routine.symbol,
    )


def _origin(function: FunctionAnalysis, site: int) -> Note:
    """Return where the number came from."""
    if site != AT_ENTRY:
        return Note(function.place(site), "it comes from here")
    routine = function.routine
    is_distrusting = routine.symbol in function.build.distrusting
    what = "its address is given for what somebody else calls" if is_distrusting else ""
    is_told = any(one.type._untrusted for one in routine.signature.parameters)
    given = "a parameter is `Untrusted[…]`" if is_told else "a parameter is `User[…]`"
    return Note(line_span(routine.declared), what or given)
