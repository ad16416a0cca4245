"""What one function does with the stack, in bytes below where rsp was at its entry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from iced_x86 import Mnemonic, OpKind
from iced_x86 import Register as IcedRegister

from pykasm.check.depths import CallEdge
from pykasm.check.graph import Node
from pykasm.check.state import State
from pykasm.lang.convention import SLOT


class StackUse(NamedTuple):
    """The deepest point that the function itself comes to, its calls, and the instructions that
    allocate as much stack as a register or memory says. Edges of `indirect_calls` have no callee.

    Nothing here belongs to one process: the cache keeps it for later checks.
    """

    own: int
    calls: tuple[CallEdge, ...]
    indirect_calls: tuple[CallEdge, ...]
    dynamic: tuple[int, ...]

    @classmethod
    def of(cls, visits: Iterable[tuple[int, Node, State]]) -> StackUse:
        """Summarise the instructions of a function, each with its index and the state before it.

        A stack that code has switched to counts as deep as its own ever got: the same code left it.
        """
        visits = list(visits)
        own = max((state.depth or 0 for _, _, state in visits), default=0)
        calls = [
            CallEdge(node.callee or "", _depth(state, own) + SLOT * node.is_call, index)
            for index, node, state in visits
            if node.callee is not None or node.is_indirect
        ]
        return cls(
            own,
            tuple(one for one in calls if one.callee),
            tuple(one for one in calls if not one.callee),
            tuple(index for index, node, _ in visits if _allocates_dynamically(node)),
        )


NO_STACK_USE = StackUse(0, (), (), ())


def _depth(state: State, otherwise: int) -> int:
    return otherwise if state.depth is None else state.depth


def _allocates_dynamically(node: Node) -> bool:
    instruction = node.effects.instruction
    takes = node.effects.mnemonic == Mnemonic.SUB and instruction.op0_register == IcedRegister.RSP
    return takes and instruction.op1_kind in (OpKind.REGISTER, OpKind.MEMORY)
