"""Conditions that a function tests more than once, and branches that it never takes."""

from __future__ import annotations

from collections.abc import Sequence

from iced_x86 import FlowControl, Mnemonic, OpKind

from pykasm.check.build import FunctionAnalysis
from pykasm.check.dataflow import writes_memory
from pykasm.check.graph import Node
from pykasm.check.ranges import RangeFlow
from pykasm.check.valuepath import Path


class Conditions:
    """What is known on paths of the conditions that are tested more than once, and which ways
    numbers rule out."""

    def __init__(self, function: FunctionAnalysis) -> None:
        self._function = function
        self._nodes = function.graph.nodes
        self._ranges = RangeFlow(self._nodes, function.changed_by)
        self._compared = self._compared_by(_repeated(self._nodes))

    def _compared_by(self, repeated: dict[int, int]) -> dict[int, int]:
        """Return which of the `repeated` comparisons each branch goes by, by its index."""
        found = {}
        for start, end in self._function.graph.blocks.items():
            compared = None
            for index in range(start, end):
                node = self._nodes[index]
                if node.effects.flow == FlowControl.CONDITIONAL_BRANCH and compared is not None:
                    found[index] = compared
                elif node.effects.flags_written or node.is_call:
                    compared = repeated.get(index)
        return found

    def forget(self, node: Node, path: Path) -> None:
        """Forget the conditions that an instruction may change, by writing what they are of."""
        if not path.conditions:
            return
        written = node.effects.may_write
        if node.is_call:
            written |= sum(1 << number for number in self._function.changed_by(node))
        stores = node.is_call or writes_memory(node)
        for one in [*path.conditions]:
            effects = self._nodes[one[0]].effects
            if effects.may_read & written or (stores and _is_of_memory(self._nodes[one[0]])):
                del path.conditions[one]

    def holds(self, index: int, path: Path, is_taken: bool) -> bool:
        """Take note of the way that a branch goes. Return whether it can, as far as is known."""
        node = self._nodes[index]
        if node.successors[not is_taken] not in self._ranges.successors(index):
            return False
        compared = self._compared.get(index)
        if compared is None:
            return True
        kind, is_opposite = divmod(int(node.effects.instruction.condition_code) - 1, 2)
        is_true = is_taken != bool(is_opposite)
        return path.conditions.setdefault((compared, kind), is_true) == is_true


def _is_of_memory(node: Node) -> bool:
    instruction = node.effects.instruction
    return OpKind.MEMORY in (instruction.op0_kind, instruction.op1_kind)


def _repeated(nodes: Sequence[Node]) -> dict[int, int]:
    """Return the comparisons that a function makes more than once, by their indexes, with that of
    the first like each."""
    first: dict[object, int] = {}
    found: dict[int, int] = {}
    for index, node in enumerate(nodes):
        if node.effects.mnemonic in (Mnemonic.CMP, Mnemonic.TEST):
            like = first.setdefault((node.line.statement, node.line.references), index)
            if like != index:
                found[index] = found[like] = like
    return found
