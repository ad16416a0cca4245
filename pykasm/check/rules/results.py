"""E08x: errors are looked at and told as such, and null is not followed."""

from __future__ import annotations

from collections.abc import Iterator

from pykasm.check.build import FunctionAnalysis
from pykasm.check.finding import Finding
from pykasm.check.results import STORED, Followed, Mistaken, ResultFlow, follows_results
from pykasm.check.rule import function_check, rule
from pykasm.check.valuepath import AT_ENTRY, Value
from pykasm.errors import Note
from pykasm.source import line_span

E082 = rule(
    "E082",
    "an error is lost on some path",
    """The code goes on as if all had gone well, and whoever asked for it is told so.""",
)
E083 = rule(
    "E083",
    "a pointer that may be null is followed",
    """There is no memory at null: the access faults, where nobody has tested the case.""",
)

E087 = rule(
    "E087",
    "a function returns errors and does not say so",
    """Whoever calls it takes what it returns for a number as any other, and nobody asks whether it
    looks for errors.""",
)
E088 = rule(
    "E088",
    "an error is returned that is not negated",
    """Whoever looks for an error looks for a number below 0, and takes this one for success.""",
)

E091 = rule(
    "E091",
    "an error is made longer without its sign",
    """An error is a number below 0. With zeros above its 32 bits it is a large one above 0, which
    whoever asked takes for success.""",
)

E093 = rule(
    "E093",
    "an error is taken for a number",
    """It is a very large length, or one below 0: what is computed from it, or stored where others
    know of no errors, goes wrong far from here.""",
)


@function_check
def results_are_looked_at(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check results that may be errors, and pointers that may be null, on every path."""
    if not follows_results(function):
        return
    flow = ResultFlow.solved(function)
    if flow is not None:
        yield from (_dropped(function, *one) for one in flow.dropped.items())
        yield from (_followed(function, one) for one in flow.followed.values())
        if flow.undeclared:
            yield _undeclared(function, min(flow.undeclared))
        yield from (_positive(function, *one) for one in flow.positive.items())
        yield from (_widened(function, *one) for one in flow.widened.items())
        yield from (_mistaken(function, one) for one in flow.mistaken.values())


def _dropped(function: FunctionAnalysis, value: Value, at: int) -> Finding:
    callee = function.graph.nodes[value.site].callee
    made, lost = function.place(value.site), function.place(at)
    notes = [Note(lost, "here nothing has it any more")] if lost != made else []
    return Finding(
        E082,
        f"what `{callee or 'this'}` returns may be an error, and is lost",
        span=made,
        mark="some path from here does not look at it",
        notes=notes,
        fix="test it, return it, or say why it does not matter: `ignore(…, reason)`",
        symbol=function.routine.symbol,
    )


def _followed(function: FunctionAnalysis, one: Followed) -> Finding:
    what, told = "what may be null is followed", ""
    if one.callee == STORED:
        what = "what may be null is stored in a field that does not say so"
        told = ", or let the field be `OrNull[…]`"
    elif one.callee:
        what = f"what may be null is passed to `{one.callee}`"
        told = ", or let the parameter be `OrNull[…]`"
    return Finding(
        E083,
        what,
        span=function.place(one.at),
        mark="some path to here has not tested it",
        notes=[_origin(function, one.value)],
        fix="test it first: `try_(…)`, or `with if_(… == 0):`" + told,
        symbol=function.routine.symbol,
    )


def _undeclared(function: FunctionAnalysis, site: int) -> Finding:
    kinds = ", ".join(map(repr, function.routine.signature.results))
    return Finding(
        E087,
        f"`{function.routine.symbol}` returns an error, and does not say that it may",
        span=function.place(site),
        mark="this may be one",
        notes=[Note(line_span(function.routine.declared), f"it returns {kinds}")],
        fix="state `-> OrErrno[…]`",
        symbol=function.routine.symbol,
    )


def _positive(function: FunctionAnalysis, site: int, at: int) -> Finding:
    made, returned = function.place(site), function.place(at)
    return Finding(
        E088,
        "an error is returned that is not negated",
        span=made,
        notes=[Note(returned, "it is returned here")] if returned != made else [],
        fix="put a minus before it: `-Errno.…`",
        symbol=function.routine.symbol,
    )


def _mistaken(function: FunctionAnalysis, one: Mistaken) -> Finding:
    callee = function.graph.nodes[one.value.site].callee
    return Finding(
        E093,
        f"what `{callee or 'this'}` returns may be an error, and is taken for a number",
        span=function.place(one.at),
        mark=f"{one.how}, and on some path to here nothing has looked at it",
        notes=[Note(function.place(one.value.site), "it comes from here")],
        fix="test it first: `try_(…)`, or `with if_(… < 0):`",
        symbol=function.routine.symbol,
    )


def _widened(function: FunctionAnalysis, site: int, at: int) -> Finding:
    made, returned = function.place(site), function.place(at)
    return Finding(
        E091,
        "an error of 32 bits is returned as 64 without its sign",
        span=made,
        notes=[Note(returned, "it is returned here")] if returned != made else [],
        fix="extend the sign: `movsxd(rax, …)`",
        symbol=function.routine.symbol,
    )


def _origin(function: FunctionAnalysis, value: Value) -> Note:
    """Return where what may be null came from."""
    if value.site == AT_ENTRY:
        return Note(line_span(function.routine.declared), "a parameter may be null")
    node = function.graph.nodes[value.site]
    who = f"`{node.callee}` may give null" if node.is_call and node.callee else "it may be null"
    return Note(function.place(value.site), who)
