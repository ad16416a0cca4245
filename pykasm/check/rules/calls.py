"""E07x: calls and what they take and give.

Arguments, their number and widths, are checked by the language at the line that calls; here is
what only the finished code shows.
"""

from __future__ import annotations

from collections.abc import Iterator

from pykasm.check.build import FunctionAnalysis
from pykasm.check.convention import register_name
from pykasm.check.finding import Finding, span_of
from pykasm.check.graph import Node
from pykasm.check.rule import function_check, rule
from pykasm.check.state import State
from pykasm.lang.convention import ARGUMENTS, Kind
from pykasm.lang.symbolic import BranchOperand

E070 = rule(
    "E070",
    "a function is called without one of its arguments",
    """The callee reads whatever the register holds. It happens where `call` is used as an
    instruction instead of calling the function by its name.""",
)
E071 = rule(
    "E071",
    "what is called is no function of the image",
    """The linker would fill in any symbol of that name, with any convention. An interrupt handler
    would take the return address for what the processor pushes.""",
)


@function_check
def arguments_are_given(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check the registers of parameters at every call of a function."""
    for _, node, state in function.visits():
        for number, name in _undefined(function, node, state):
            yield Finding(
                E070,
                f"`{node.callee}` is called without its `{name}`",
                span=span_of(node.line),
                mark=f"some path to here leaves {register_name(number)} without a value",
                fix=f"call it with arguments: `{_call_of(node)}`",
                symbol=function.routine.symbol,
            )


def _undefined(function: FunctionAnalysis, node: Node, state: State) -> Iterator[tuple[int, str]]:
    placed = function.build.routines.get(node.callee or "")
    if not node.is_call or placed is None or placed.routine.kind is not Kind.FUNCTION:
        return
    parameters = placed.routine.signature.parameters
    in_place = {operand._register.number for operand in node.line.in_place}
    for register, parameter in zip(ARGUMENTS, parameters, strict=False):
        if register.number not in in_place and state.registers[register.number].undefined:
            yield register.number, parameter.name


def _call_of(node: Node) -> str:
    return f"{(node.callee or '').split('.')[-1]}(…)"


@function_check
def callees_are_declared(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check calls of symbols that are neither code of the image nor declared with `symbol`, and of
    code that only the processor enters."""
    for _, node, _ in function.visits():
        if node.callee is None:
            continue
        placed = function.build.routines.get(node.callee)
        if placed is not None:
            if node.is_call and placed.routine.kind is Kind.INTERRUPT:
                yield _called_handler(node, function)
            continue
        if node.callee not in function.build.data and not _is_declared(node):
            yield Finding(
                E071,
                f"nothing declares `{node.callee}`",
                span=span_of(node.line),
                mark="no subsystem of the image has it",
                fix="list its subsystem in the image, or name it with `symbol(…)`",
                symbol=function.routine.symbol,
            )


def _called_handler(node: Node, function: FunctionAnalysis) -> Finding:
    return Finding(
        E071,
        f"`{node.callee}` is an interrupt handler",
        span=span_of(node.line),
        mark="it leaves by `iretq`, which takes the return address for a frame",
        fix="put what both need into a `@function` that the handler calls",
        symbol=function.routine.symbol,
    )


def _is_declared(node: Node) -> bool:
    """Return whether the author named a symbol, such as the linker's, in place of a function."""
    return bool(node.line.written) and isinstance(node.line.written[0], BranchOperand)
