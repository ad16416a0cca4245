"""The control flow graph of a function: which instruction can come after which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from iced_x86 import FlowControl

from pykasm.check.effects import Effects, effects
from pykasm.isa.code import Label, Line, Reference
from pykasm.isa.statement import BranchTarget, SymbolImmediate
from pykasm.lang.builder import InlineCode
from pykasm.lang.data import DataReference, LabelAddress
from pykasm.lang.objects import PlacedRoutine
from pykasm.lang.operand import Operand
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.types import Fn

CALLS = (FlowControl.CALL, FlowControl.INDIRECT_CALL)
INDIRECT = (FlowControl.INDIRECT_BRANCH, FlowControl.INDIRECT_CALL)

JumpTables = Mapping[str, list[Label]]
"""The labels that each table of code addresses points to, by the table's symbol."""


@dataclass(slots=True)
class Node:
    """An instruction: its line, its effects, its byte `offset`, the indexes of its successors.

    `is_call` says that control comes back to the next instruction. `callee` is the symbol that it
    calls or jumps to, None if it goes by a pointer; `callee_offset` the distance from there in
    bytes. `leaves` says that control goes out of the function here, `falls_off` that it runs past
    the end, `unknown_target` that nothing says where a jump goes.
    """

    line: Line
    effects: Effects
    offset: int
    successors: list[int]
    callee: str | None = None
    callee_offset: int = 0
    leaves: bool = False
    falls_off: bool = False
    unknown_target: bool = False
    is_call: bool = False

    @property
    def is_indirect(self) -> bool:
        """Whether it goes to another function by a pointer."""
        elsewhere = self.is_call or self.leaves
        return elsewhere and self.callee is None and self.effects.flow in INDIRECT


class Graph:
    """The instructions of a function in order, with the edges between them."""

    def __init__(self, placed: PlacedRoutine, tables: JumpTables) -> None:
        self.routine = placed.routine
        code = placed.code
        bits, raw, offsets = self.routine.bits, code.code, code.offsets
        self.nodes = [
            Node(item, effects(raw[offsets[at] : offsets[at + 1]], bits), offsets[at], [])
            for at, item in enumerate(code.body)
            if isinstance(item, Line)
        ]
        self._at = {node.offset: index for index, node in enumerate(self.nodes)}
        self._labels = code.labels
        self._tables = tables
        for index, node in enumerate(self.nodes, 1):
            if node.effects.flow == FlowControl.NEXT and index < len(self.nodes):
                node.successors.append(index)  # most of them: written out to be fast
            else:
                self._connect(index - 1, node)

    def _connect(self, index: int, node: Node) -> None:
        flow = node.effects.flow
        node.is_call = flow in CALLS
        reference = _branch_target(node.line) or self._loaded_target(index, node)
        target = reference.target if reference else None
        if isinstance(target, Label):
            node.successors.append(self._at.get(self._labels[target], len(self.nodes)))
        elif reference is not None:
            node.callee, node.callee_offset = target, reference.addend
        if flow in (FlowControl.UNCONDITIONAL_BRANCH, FlowControl.INDIRECT_BRANCH):
            self._connect_jump(node, target)
        elif flow in (FlowControl.RETURN, FlowControl.EXCEPTION):
            node.leaves = True
        # branches that are not taken, calls, and software interrupts go on behind
        elif not _never_returns(node.line):
            node.successors.append(index + 1)
        node.falls_off = len(self.nodes) in node.successors
        node.successors = [one for one in node.successors if one < len(self.nodes)]

    def _connect_jump(self, node: Node, target: str | Label | None) -> None:
        if isinstance(target, Label):
            return
        table = _table_of(node.line, self._tables)
        if table is not None:  # a `switch`: the only indirect jump that stays inside
            node.successors += [self._at[self._labels[one]] for one in table]
            return
        node.leaves = True
        node.unknown_target = target is None and not _is_typed(node.line)

    def _loaded_target(self, index: int, node: Node) -> Reference | None:
        """Return the address that the instruction before loads for this indirect branch.

        Far code is reached so in two instructions; nothing may enter between them.
        """
        is_entered = node.offset in self._labels.values()
        if node.effects.flow not in INDIRECT or not index or is_entered:
            return None
        line = self.nodes[index - 1].line
        through = node.line.statement.operands[0]
        if not line.references or line.statement.operands[0] != through:
            return None
        is_address = isinstance(line.statement.operands[-1], SymbolImmediate)
        reference = line.references[0]
        is_label = isinstance(reference.target, Label)
        loads = is_address or line.statement.mnemonic == "lea"
        return reference if loads and not is_label else None

    @cached_property
    def inlined(self) -> list[tuple[InlineCode, range]]:
        """The code of inline functions, each with the indexes of its instructions."""
        if not self.routine.inlined:
            return []
        at = {id(node.line): index for index, node in enumerate(self.nodes)}
        return [
            (one, range(at[id(one.first)], at[id(one.last)] + 1)) for one in self.routine.inlined
        ]

    @cached_property
    def reachable(self) -> set[int]:
        """The instructions that control can get to from the entry."""
        found: set[int] = set()
        worklist = [0] if self.nodes else []
        while worklist:
            index = worklist.pop()
            if index not in found:
                found.add(index)
                worklist += self.nodes[index].successors
        return found

    @cached_property
    def blocks(self) -> dict[int, int]:
        """The basic blocks: the index behind the last instruction, by that of the first."""
        # a block ends where control may go elsewhere than to the next instruction, and one begins
        # wherever it may go then; calls come back, so they end none
        starts = {0}
        for index, node in enumerate(self.nodes, 1):
            if node.successors != [index]:
                starts.update(node.successors, (index,))
        return dict(pairwise(sorted(starts | {len(self.nodes)})))


def _branch_target(line: Line) -> Reference | None:
    for one in line.references:
        if isinstance(line.statement.operands[one.operand], BranchTarget):
            return one
    return None


def _never_returns(line: Line) -> bool:
    signature = getattr(line.written[0], "_signature", None) if line.written else None
    return signature is not None and bool(signature.never_returns)


def _is_typed(line: Line) -> bool:
    """Whether an indirect jump goes by a pointer of a type that says which functions it is of."""
    pointer = line.written[0] if line.written else None
    return isinstance(pointer, Operand) and issubclass(pointer._kind, Fn)


def _table_of(line: Line, tables: JumpTables) -> list[Label] | None:
    """Return the labels that an indirect jump can go to, None if it uses none of the `tables`."""
    operand = line.written[0]
    if not isinstance(operand, MemoryOperand) or operand._reference is None:
        return None
    target = operand._reference._target()
    return tables.get(target) if isinstance(target, str) else None


def jump_tables(references: Mapping[str, Sequence[DataReference]]) -> JumpTables:
    """Return the data that are tables of labels, from the references in each by its symbol."""
    return {
        symbol: labels
        for symbol, found in references.items()
        if (labels := [one.target.label for one in found if isinstance(one.target, LabelAddress)])
        and len(labels) == len(found)
    }
