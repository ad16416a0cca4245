"""E08x: what is owned is given away once, and not used afterwards, and so are references."""

from __future__ import annotations

from collections.abc import Iterator

from iced_x86 import Mnemonic

from pykasm.check.build import FunctionAnalysis
from pykasm.check.convention import register_name
from pykasm.check.filledlocals import FilledFlow
from pykasm.check.finding import Finding
from pykasm.check.ownership import Lost, OwnershipFlow, Unowned, UsedAfter, follows_ownership
from pykasm.check.references import Unfreed
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
E085 = rule(
    "E085",
    "something is given away that the function does not own",
    """Somebody else goes on using it, and gives it away once more: it is freed twice, or while
    others have it.""",
)
E086 = rule(
    "E086",
    "the last reference to something is dropped, and nobody frees it",
    """Nobody can find it any more. What frees it has to undo all that its maker did, so a type has
    one function for that.""",
)

E089 = rule(
    "E089",
    "what a field owned is lost when the field is overwritten, or its struct is freed",
    """Nobody can free it any more. Errors on the way to a complete struct are where this happens
    most: what it has already is forgotten when its memory is given back.""",
)


@function_check
def ownership_is_kept(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check what functions own, on every path."""
    if function.routine.kind is not Kind.FUNCTION or not follows_ownership(function):
        return
    flow = FilledFlow.solved(function)
    if flow is not None:
        yield from (_lost(function, one) for one in _first_of_each(flow))
        yield from (_used(function, one) for one in flow.used.values())
        yield from (_unowned(function, one) for one in flow.unowned.values())
        yield from (_unfreed(function, one) for one in flow.unfreed.values())
        yield from (_emptied(function, *one) for one in flow.lost_contents.items())


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
    who = f"`{given.callee}` takes it over" if given.callee is not None else "it is given away"
    who = "the function disowns it" if one.is_disowned else who
    return Finding(
        E081,
        f"what was given away is {'given away once more' if one.again else 'used'}",
        span=function.place(one.at),
        notes=[Note(function.place(one.given), f"{who} here")],
        fix="say why the function owns it again: `take_over(…, reason)`"
        if one.is_disowned
        else "use it first, or not at all",
        symbol=function.routine.symbol,
    )


def _unowned(function: FunctionAnalysis, one: Unowned) -> Finding:
    node, note = function.graph.nodes[one.at], _origin(function, one.value)[1]
    if one.value.site == AT_ENTRY:
        note = Note(line_span(function.routine.declared), "the caller goes on owning it")
    what = "a reference is dropped"
    if one.is_disowned:
        what = "something is disowned"
    elif node.effects.mnemonic == Mnemonic.RET:
        what = "a reference is returned"
    elif node.callee is not None:
        what = f"something is given to `{node.callee}`"
    return Finding(
        E085,
        f"{what} that somebody else owns",
        span=function.place(one.at),
        notes=[note],
        fix="take it over as an `Owned[…]`, or say who had this reference: `take_over(…)`",
        symbol=function.routine.symbol,
    )


def _unfreed(function: FunctionAnalysis, one: Unfreed) -> Finding:
    dropped = Note(function.place(one.dropped), "the last reference is dropped here")
    freed_by = f"`{one.freed_by}`" if one.freed_by else "what frees it"
    is_other = one.at != one.dropped
    return Finding(
        E086,
        f"{freed_by} frees this, and nothing else" if is_other else "nobody frees what this drops",
        span=function.place(one.at),
        mark="" if is_other else "nothing looks whether it was the last reference",
        notes=[dropped] if is_other else [],
        fix=f"call {freed_by}" if is_other else f"`with if_(…):` around this, then {freed_by}",
        symbol=function.routine.symbol,
    )


def _emptied(function: FunctionAnalysis, at: int, value: Value) -> Finding:
    _, note = _origin(function, value)
    return Finding(
        E089,
        "what a field owned is lost",
        span=function.place(at),
        mark="its field has it no more, and nobody gets it",
        notes=[note],
        fix="free it, give it to who owns it from then on, or say who does: `disown(…)`",
        symbol=function.routine.symbol,
    )


def _origin(function: FunctionAnalysis, value: Value) -> tuple[str, Note]:
    """Return what is owned, in words, and where it came from."""
    if value.site == AT_ENTRY:
        parameters = function.routine.signature.parameters
        names = (
            one.name
            for one in parameters
            if one.register is not None and one.register.number == value.number
        )
        name = next(names, register_name(value.number))
        declared = line_span(function.routine.declared)
        return f"`{name}`", Note(declared, "the function takes it over")
    node = function.graph.nodes[value.site]
    if not node.is_call or node.callee is None:
        return "what was taken here", Note(function.place(value.site), "it is taken here")
    note = Note(function.place(value.site), f"`{node.callee}` gives it to this function")
    return f"what `{node.callee}` gave", note
