"""E09x: numbers fit what they are used for."""

from __future__ import annotations

from collections.abc import Iterator

from pykasm.check.build import FunctionAnalysis
from pykasm.check.finding import Finding, span_of
from pykasm.check.ranges import RangeFlow
from pykasm.check.rule import function_check, rule
from pykasm.check.stores import stores_too_far
from pykasm.isa.code import Line
from pykasm.lang.builder import ElementAccess

E090 = rule(
    "E090",
    "an index or a store goes past the end of its memory",
    """What lies behind an array belongs to something else. The bound that the code itself has for
    the index or the count, by a comparison, a mask or a loop, lets it go there.""",
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
