"""Whether some path through a function can be gone on which a rule is broken.

Rules look at each instruction with what holds on any path that leads there. Some of these are never
gone: a condition is tested once more that cannot have changed, or a loop has at least one round. So
where a rule finds something, this looks for a path on which it is so, before anybody is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from iced_x86 import FlowControl, Mnemonic, OpKind

from pykasm.check.build import FunctionAnalysis
from pykasm.check.dataflow import writes_memory
from pykasm.check.graph import Node
from pykasm.check.ranges import RangeFlow
from pykasm.check.valueflow import ValueFlow
from pykasm.check.valuepath import AT_ENTRY, Path, Value

_BEGUN = Value(AT_ENTRY, -100)
"""Stands for what has begun on a path."""

_FIRST_CONDITION = -200
"""What is known of conditions has states of its own, from this number downwards."""

_FALSE, _TRUE = 1, 2


class Question(NamedTuple):
    """Whether some path leads to the instruction `at` on which something has begun, at entry if
    `at_entry` or at one of the instructions `begins`, and has not ended since at one of `ends`.
    `behind` the instruction, or before it."""

    at: int
    begins: Collection[int]
    ends: Collection[int]
    at_entry: bool = False
    behind: bool = False


def can_happen(function: FunctionAnalysis, question: Question) -> bool:
    """Return whether there may be such a path."""
    search = _PathSearch(function, question)
    return not search.solve() or search.is_found


class _PathSearch(ValueFlow):
    """Follows what has begun, apart from where it has not, and conditions that are tested more than
    once."""

    def __init__(self, function: FunctionAnalysis, question: Question) -> None:
        super().__init__(function)
        self.is_found = False
        self._question = question
        self._ranges = RangeFlow(self.nodes, function.changed_by)
        self._repeated = _repeated(self.nodes)
        self._conditions = self._conditional_branches()

    def _conditional_branches(self) -> dict[int, tuple[int, int]]:
        """Return which comparison each branch goes by, and the index of the branch, by the identity
        of its node."""
        found = {}
        for start, end in self.function.graph.blocks.items():
            compared = None
            for index in range(start, end):
                node = self.nodes[index]
                if node.effects.flow == FlowControl.CONDITIONAL_BRANCH:
                    found[id(node)] = index, -1 if compared is None else compared
                elif node.effects.flags_written or node.is_call:
                    compared = self._repeated.get(index)
        return found

    def enter(self, path: Path) -> None:
        """Begin at entry."""
        if self._question.at_entry:
            path.states[_BEGUN] = 1

    def use(self, index: int, node: Node, path: Path) -> None:
        """Look for what is asked; begin, end, and forget conditions that may have changed."""
        question = self._question
        if index == question.at and not question.behind:
            self.is_found |= _BEGUN in path.states
        if index in question.begins:
            path.states[_BEGUN] = 1
        elif index in question.ends:
            path.states.pop(_BEGUN, None)
        if index == question.at and question.behind:
            self.is_found |= _BEGUN in path.states
        self._forget(node, path)

    def _forget(self, node: Node, path: Path) -> None:
        """Forget the conditions whose operands an instruction writes."""
        written = node.effects.may_write
        if node.is_call:
            written |= sum(1 << number for number in self.function.changed_by(node))
        stores = node.is_call or writes_memory(node)
        for one in [one for one in path.states if one.number <= _FIRST_CONDITION]:
            effects = self.nodes[one.site].effects
            is_memory = effects.instruction.op0_kind == OpKind.MEMORY
            is_memory = is_memory or effects.instruction.op1_kind == OpKind.MEMORY
            if effects.may_read & written or (stores and is_memory):
                del path.states[one]

    def _branches(self, node: Node, path: Path) -> Iterable[tuple[int, Path]]:
        index, compared = self._conditions[id(node)]
        possible = self._ranges.successors(index)
        return [
            (successor, after)
            for successor, after in super()._branches(node, path)
            if successor in possible
            and self._holds(node, after, compared, successor == node.successors[0])
        ]

    def _holds(self, node: Node, path: Path, compared: int, is_taken: bool) -> bool:
        """Take note of a condition. Return whether it can be so, as far as is known."""
        if compared < 0:
            return True
        kind, negated = divmod(int(node.effects.instruction.condition_code) - 1, 2)
        fact = Value(compared, _FIRST_CONDITION - kind)
        state = _TRUE if is_taken != bool(negated) else _FALSE
        return path.states.setdefault(fact, state) == state


def _repeated(nodes: list[Node]) -> dict[int, int]:
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
