"""E09x: numbers fit what they are used for."""

from __future__ import annotations

from collections.abc import Iterator

from pykasm.check.build import FunctionAnalysis
from pykasm.check.finding import Finding, span_of
from pykasm.check.ranges import RangeFlow
from pykasm.check.remoteaddresses import RemoteFlow, follows_remote
from pykasm.check.rule import function_check, rule
from pykasm.check.stores import stores_too_far
from pykasm.errors import Note
from pykasm.isa.code import Line
from pykasm.lang.builder import ElementAccess
from pykasm.source import line_span

E090 = rule(
    "E090",
    "an index or a store goes past the end of its memory",
    """What lies behind an array belongs to something else. The bound that the code itself has for
    the index or the count, by a comparison, a mask or a loop, lets it go there.""",
)

E094 = rule(
    "E094",
    "an address is followed that only others go by",
    """What a device or a page table finds by it lies elsewhere for code: there it finds nothing, or
    something else.""",
)


@function_check
def remote_addresses_are_not_followed(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check the addresses that instructions go by."""
    if not follows_remote(function):
        return
    flow = RemoteFlow.solved(function)
    for at, site in flow.followed.items() if flow is not None else ():
        origin = line_span(function.routine.declared) if site < 0 else function.place(site)
        yield Finding(
            E094,
            "an address is followed that only others go by",
            span=function.place(at),
            notes=[Note(origin, "it comes from here")],
            fix="turn it into an address of the kernel's first",
            symbol=function.routine.symbol,
        )


@function_check
def stores_lie_within(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check stores to data and locals, whose sizes are known."""
    for one in stores_too_far(function):
        yield Finding(
            E090,
            f"this stores behind the end of `{one.name}`",
            span=span_of(function.graph.nodes[one.at].line),
            mark=f"`{one.name}` has {one.size} bytes, and this may write up to byte {one.end}",
            fix="store no more than there is room for, which `sizeof(…)` tells",
            symbol=function.routine.symbol,
        )


@function_check
def indexes_lie_within(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check the registers that choose elements of arrays whose lengths are known."""
    accesses = function.routine.element_accesses
    if not accesses:
        return
    flow = RangeFlow(function.graph.nodes, function.changed_by)
    items = function.routine.items
    for access in accesses:
        index = sum(isinstance(one, Line) for one in items[: access.at])
        state = flow.states.get(index)
        if state is not None:
            low, high, stated = state.range(access.number)
            if low >= access.length or (stated and high >= access.length):
                yield _past_the_end(function, access, index, high)


def _past_the_end(
    function: FunctionAnalysis, access: ElementAccess, index: int, high: int
) -> Finding:
    node = function.graph.nodes[index]
    return Finding(
        E090,
        f"`{access.array}` may go past the end of its array",
        span=span_of(node.line),
        mark=f"the array has {access.length} elements, and the index may be {high}",
        fix="bound the index by the number of elements, which `len(…)` or a constant names",
        symbol=function.routine.symbol,
    )
