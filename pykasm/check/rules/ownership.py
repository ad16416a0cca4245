"""E08x: what is owned is given away once, and not used afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from pykasm.check.build import FunctionAnalysis
from pykasm.check.finding import Finding
from pykasm.check.ownership import Lost, OwnershipFlow, UsedAfter, follows_ownership
from pykasm.check.rule import function_check, rule
from pykasm.check.valuepath import AT_ENTRY, Value
from pykasm.errors import Note
from pykasm.lang.convention import Kind
from pykasm.source import line_span

E080 = rule(
    "E080",
    "something that a function owns is lost on some path",
    """Nobody can free it any more. Paths on which something failed are where this happens most, and
    where no test shows it.""",
)
E081 = rule(
    "E081",
    "something is used after it was given away",
    """Whoever got it may have freed it, and its memory may be somebody else's by now.""",
)


@function_check
def ownership_is_kept(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check what functions own, on every path."""
    if function.routine.kind is not Kind.FUNCTION or not follows_ownership(function):
        return
    flow = OwnershipFlow(function)
    if flow.solve():
        yield from (_lost(function, one) for one in _first_of_each(flow))
        yield from (_used(function, one) for one in flow.used.values())


def _first_of_each(flow: OwnershipFlow) -> Iterator[Lost]:
    yield from sorted(flow.lost.values(), key=lambda one: one.at)


def _lost(function: FunctionAnalysis, one: Lost) -> Finding:
    name, note = _origin(function, one.value)
    mark = "on some path, nothing leads to it any more"
    if one.is_result:
        mark = "this returns it, and the function does not say so"
    elif one.is_exit:
        mark = "on some path to here, the function has it still"
    fix = "free it, give it to who owns it from then on, or say who does: `disown(…)`"
    return Finding(
        E080,
        f"{name} is lost",
        span=function.place(one.at),
        mark=mark,
        notes=[note],
        fix="let the function return an `Owned[…]`" if one.is_result else fix,
        symbol=function.routine.symbol,
    )


def _used(function: FunctionAnalysis, one: UsedAfter) -> Finding:
    given = function.graph.nodes[one.given]
    who = f"`{given.callee}`" if given.callee is not None else "this"
    return Finding(
        E081,
        f"what was given away is {'given away once more' if one.again else 'used'}",
        span=function.place(one.at),
        notes=[Note(function.place(one.given), f"{who} takes it over here")],
        fix="use it first, or not at all",
        symbol=function.routine.symbol,
    )


def _origin(function: FunctionAnalysis, value: Value) -> tuple[str, Note]:
    """Return what is owned, in words, and where it came from."""
    if value.site == AT_ENTRY:
        parameters = function.routine.signature.parameters
        name = next(
            one.name
            for one in parameters
            if one.register is not None and one.register.number == value.number
        )
        declared = line_span(function.routine.declared)
        return f"`{name}`", Note(declared, "the function takes it over")
    node = function.graph.nodes[value.site]
    if node.callee is None:
        return "what was taken here", Note(function.place(value.site), "it is taken here")
    note = Note(function.place(value.site), f"`{node.callee}` gives it to this function")
    return f"what `{node.callee}` gave", note
