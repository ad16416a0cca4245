"""E02x, of locals: they are written before they are read, and nobody has them afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from iced_x86 import Mnemonic, OpKind
from iced_x86 import Register as IcedRegister

from pykasm.check.addressflow import AddressFlow
from pykasm.check.build import FunctionAnalysis
from pykasm.check.convention import RESULTS
from pykasm.check.finding import Finding, span_of
from pykasm.check.graph import Node
from pykasm.check.localflow import LocalFlow
from pykasm.check.pathsearch import Question, can_happen
from pykasm.check.rule import function_check, rule

E026 = rule(
    "E026",
    "a local is read that some path never wrote",
    """It holds what calls before left on the stack, which differs from run to run.""",
)
E027 = rule(
    "E027",
    "the address of a local is returned",
    """The local ends with the function: the next call or interrupt overwrites what lies there.""",
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
def locals_end_with_their_function(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check results where a function returns."""
    if not function.routine.locals or not function.routine.signature.results:
        return
    flow = AddressFlow(function.graph.nodes, frozenset(), _local_address, function.changed_by)
    names = {one._displacement: one._name for one in function.routine.locals}
    results = RESULTS[: len(function.routine.signature.results)]
    for index, distance in flow.held(results, at=Mnemonic.RET):
        first = max(one for one in names if one <= distance)
        yield Finding(
            E027,
            f"the address of `{names[first]}` is returned",
            span=span_of(function.graph.nodes[index].line),
            mark="the local ends here",
            fix="let the caller pass the memory",
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
