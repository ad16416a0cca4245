"""Forward may-analysis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from iced_x86 import InstructionInfoFactory, OpAccess

from pykasm.check.graph import Node

T = TypeVar("T")

Transfer: TypeAlias = Callable[[int, Node, frozenset[T]], frozenset[T]]
"""The facts after an instruction, by its index, itself and the facts before it."""

STORES = frozenset(
    {OpAccess.WRITE, OpAccess.READ_WRITE, OpAccess.COND_WRITE, OpAccess.READ_COND_WRITE}
)

_FACTORY = InstructionInfoFactory()


def forward_may(
    nodes: Sequence[Node], at_entry: frozenset[T], transfer: Transfer[T]
) -> dict[int, frozenset[T]]:
    """Return the facts that hold on some path to each instruction that is reached, by its index.

    Sets join by union; they only grow, so the worklist runs empty.
    """
    before: dict[int, frozenset[T]] = {}
    worklist = [(0, at_entry)]
    while worklist:
        index, arriving = worklist.pop()
        known = before.get(index)
        # visited for the first time even with no facts: it may make some itself
        if known is None or not arriving <= known:
            before[index] = arriving | (known or frozenset())
            after = transfer(index, nodes[index], before[index])
            worklist += [(successor, after) for successor in nodes[index].successors]
    return before


def writes_memory(node: Node) -> bool:
    """Return whether an instruction stores by its operands: `push` and `call` do so by none."""
    instruction = node.effects.instruction
    if instruction.is_stack_instruction:
        return False
    return any(one.access in STORES for one in _FACTORY.info(instruction).used_memory())
