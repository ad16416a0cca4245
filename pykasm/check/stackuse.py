"""What one routine does with the stack, in bytes below where rsp was at its entry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from iced_x86 import Mnemonic, OpKind
from iced_x86 import Register as IcedRegister

from pykasm.check.depths import Step
from pykasm.check.graph import Node
from pykasm.check.state import State
from pykasm.lang.convention import SLOT


class StackUse(NamedTuple):
    """The deepest that the routine itself gets, its steps to others, and the instructions that take
    as much stack as a register or memory says. Steps by `pointers` have no callee.

    Nothing here belongs to one process: later checks remember it.
    """

    own: int
    steps: tuple[Step, ...]
    pointers: tuple[Step, ...]
    varying: tuple[int, ...]

    @classmethod
    def of(cls, visits: Iterable[tuple[int, Node, State]]) -> StackUse:
        """What the instructions of a routine do, each with what holds before it.

        Where code has changed to another stack, that is as deep as its own ever got: the same code
        left it.
        """
        visits = list(visits)
        own = max((state.depth or 0 for _, _, state in visits), default=0)
        steps = [
            Step(node.callee or "", _depth(state, own) + SLOT * node.is_call, at)
            for at, node, state in visits
            if node.callee is not None or node.is_indirect
        ]
        return cls(
            own,
            tuple(one for one in steps if one.callee),
            tuple(one for one in steps if not one.callee),
            tuple(at for at, node, _ in visits if _varies(node)),
        )


def _depth(state: State, otherwise: int) -> int:
    return otherwise if state.depth is None else state.depth


def _varies(node: Node) -> bool:
    instruction = node.effects.instruction
    takes = node.effects.mnemonic == Mnemonic.SUB and instruction.op0_register == IcedRegister.RSP
    return takes and instruction.op1_kind in (OpKind.REGISTER, OpKind.MEMORY)
