"""E03x: control goes where code is."""

from __future__ import annotations

from collections.abc import Iterator

from iced_x86 import Mnemonic

from pykasm.check.build import FunctionAnalysis
from pykasm.check.finding import Finding, span_of
from pykasm.check.rule import function_check, rule
from pykasm.lang.convention import Kind
from pykasm.source import line_span

E030 = rule(
    "E030",
    "code runs off its end",
    """What lies behind it is another function, or padding.""",
)
E031 = rule(
    "E031",
    "code can't be reached",
    """It was written to run. A jump before it goes elsewhere than its author thought.""",
)
E032 = rule(
    "E032",
    "an indirect jump without declared targets",
    """Nothing can be proved about code that may continue anywhere.""",
)
E033 = rule(
    "E033",
    "a function is left by the return of an interrupt",
    """`iretq` takes five values off the stack where the caller left one.""",
)

E034 = rule(
    "E034",
    "a jump into the middle of another function",
    """What stands there is not made to be entered: its prologue has not run, and the next change of
    the function moves it.""",
)


@function_check
def ends_are_not_passed(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check the last instructions of functions."""
    if not function.graph.nodes:
        yield Finding(
            E030,
            f"`{function.routine.symbol}` runs off its end",
            span=line_span(function.routine.declared),
            mark="it has no instructions",
            fix="end with `ret()`, a jump, or a call that never returns",
            symbol=function.routine.symbol,
        )
    for _, node, _ in function.visits():
        if node.falls_off:
            yield Finding(
                E030,
                f"`{function.routine.symbol}` runs off its end",
                span=span_of(node.line),
                mark="nothing stands behind this",
                fix="end with `ret()`, a jump, or a call that never returns",
                symbol=function.routine.symbol,
            )


@function_check
def all_code_is_reached(function: FunctionAnalysis) -> Iterator[Finding]:
    """Find the first instruction of each run that no path leads to."""
    reachable = function.graph.reachable
    for index, node in enumerate(function.graph.nodes):
        if index not in reachable and (index == 0 or index - 1 in reachable):
            yield Finding(
                E031,
                "no path leads to this code",
                span=span_of(node.line),
                fix="take it out, or mend the branch that should lead here",
                symbol=function.routine.symbol,
            )


@function_check
def targets_are_known(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check jumps through registers and memory."""
    for _, node, _ in function.visits():
        if node.unknown_target:
            yield Finding(
                E032,
                "nothing says where this jump goes",
                span=span_of(node.line),
                fix="use `switch`, or a call through a typed function pointer",
                symbol=function.routine.symbol,
            )


@function_check
def functions_return(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check for `iretq` in code that is called."""
    if function.routine.kind is not Kind.FUNCTION:
        return
    for _, node, _ in function.visits():
        if node.effects.instruction.mnemonic in (Mnemonic.IRETQ, Mnemonic.IRETD):
            yield Finding(
                E033,
                "a function is left by the return of an interrupt",
                span=span_of(node.line),
                fix="mark it `@interrupt`, or end it with `ret()`",
                symbol=function.routine.symbol,
            )


@function_check
def functions_are_entered_at_their_start(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check jumps to, and calls of, the address of a function with an offset added."""
    for _, node, _ in function.visits():
        if node.callee_offset and node.callee in function.build.routines:
            yield Finding(
                E034,
                f"`{node.callee}` is entered in its middle",
                span=span_of(node.line),
                mark=f"this goes to byte {node.callee_offset} of it",
                fix="make what stands there a function of its own",
                symbol=function.routine.symbol,
            )
