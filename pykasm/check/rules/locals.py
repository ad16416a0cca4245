"""E02x, of locals: they are written before they are read, and nobody has them afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from iced_x86 import Mnemonic, OpKind
from iced_x86 import Register as IcedRegister

from pykasm.check.addressflow import AddressFlow
from pykasm.check.build import FunctionAnalysis
from pykasm.check.convention import RESULTS
from pykasm.check.disclosures import disclosures
from pykasm.check.finding import Finding, span_of
from pykasm.check.graph import Node
from pykasm.check.localflow import LocalFlow
from pykasm.check.pathsearch import Question, can_happen
from pykasm.check.rule import function_check, rule
from pykasm.lang.convention import ARGUMENTS

E026 = rule(
    "E026",
    "a local is read that some path never wrote",
    """It holds what calls before left on the stack, which differs from run to run.""",
)
E027 = rule(
    "E027",
    "the address of a local is returned, or passed to a function that follows",
    """The local ends with the function: the next call or interrupt overwrites what lies there.""",
)

E092 = rule(
    "E092",
    "bytes of a local are shown to somebody else that nobody wrote",
    """They tell a program what calls before left on the kernel's stack: addresses, or secrets of
    others.""",
)


@function_check
def locals_are_written_first(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check loads from locals."""
    if not function.routine.locals:
        return
    flow = LocalFlow(function.graph.nodes, function.routine.locals)
    for index, local, writers in flow.unwritten():
        if not can_happen(function, Question(index, (), writers, at_entry=True)):
            continue
        yield Finding(
            E026,
            f"`{local._name}` is read before it has a value",
            span=span_of(function.graph.nodes[index].line, local._name),
            mark="it was not written on some path to here",
            fix=f"give `{local._name}` a value on every path",
            symbol=function.routine.symbol,
        )


@function_check
def locals_are_written_before_others_see_them(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check locals that functions are given to show to somebody else."""
    if not function.routine.locals:
        return
    for one in disclosures(function):
        if can_happen(function, Question(one.at, (), one.writers, at_entry=True)):
            yield Finding(
                E092,
                f"`{one.local._name}` is shown to somebody else before all of it has a value",
                span=function.place(one.at),
                mark=f"byte {one.offset} of it was not written on some path to here",
                fix="write all of it first, also what lies between its fields",
                symbol=function.routine.symbol,
            )


@function_check
def locals_end_with_their_function(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check results where a function returns, and arguments where it goes on in another one."""
    if not function.routine.locals:
        return
    flow = AddressFlow(function.graph.nodes, frozenset(), _local_address, function.changed_by)
    results = RESULTS[: len(function.routine.signature.results)]
    for index, distance in flow.held(results, at=Mnemonic.RET):
        what, fix = "is returned", "let the caller pass the memory"
        yield _outlived(function, index, distance, what, fix)
    for index, distance in flow.held([one.number for one in ARGUMENTS], at=Mnemonic.JMP):
        # what a tail call does not pass may still be in a register from before
        if function.graph.nodes[index].leaves and _is_passed(function, flow, index, distance):
            what, fix = "is passed on", "call the function instead, then `ret` with its result"
            yield _outlived(function, index, distance, what, fix)


def _is_passed(
    function: FunctionAnalysis, flow: AddressFlow[int], index: int, distance: int
) -> bool:
    """Return whether one of the arguments of the function that a jump goes on in is the address at
    `distance`."""
    callee = function.build.routines.get(function.graph.nodes[index].callee or "")
    if callee is None:
        return True
    taken = [
        one.register.number
        for one in callee.routine.signature.parameters
        if one.register is not None
    ]
    return (index, distance) in flow.held(taken, at=Mnemonic.JMP)


def _outlived(
    function: FunctionAnalysis, index: int, distance: int, what: str, fix: str
) -> Finding:
    names = {one._displacement: one._name for one in function.routine.locals}
    first = max(one for one in names if one <= distance)
    return Finding(
        E027,
        f"the address of `{names[first]}` {what}",
        span=span_of(function.graph.nodes[index].line),
        mark="the local ends here",
        fix=fix,
        symbol=function.routine.symbol,
    )


def _local_address(_: int, node: Node) -> int | None:
    """Return the distance from rbp whose address an instruction makes."""
    instruction = node.effects.instruction
    is_address = node.effects.mnemonic == Mnemonic.LEA and instruction.op0_kind == OpKind.REGISTER
    if not is_address or instruction.memory_base != IcedRegister.RBP:
        return None
    distance: int = instruction.memory_displacement
    return distance - ((distance >> 63) << 64)
