"""Liveness: which registers and flags are still read on some path from an instruction on.

A backward may-analysis over bit sets.
"""

from __future__ import annotations

from collections.abc import Iterable

from pykasm.check.build import FunctionAnalysis
from pykasm.check.convention import CALLEE_SAVED, CALLER_SAVED, FRAMED, RESULTS
from pykasm.check.effects import RSP, STATUS_FLAGS
from pykasm.check.graph import Node
from pykasm.lang.convention import ARGUMENTS

FLAGS = 1 << 16
"""Stands for the status flags, beside the bits of the general registers by their numbers."""

ALL = FLAGS | (FLAGS - 1)
"""Every general register, and the flags."""

_CALLEE_SAVED = sum(1 << number for number in (*CALLEE_SAVED, RSP))
_ARGUMENTS = sum(1 << register.number for register in ARGUMENTS)
_POINTER_CALL = _ARGUMENTS | 1  # rax counts vector arguments of functions with many


class Liveness:
    """The registers, or `FLAGS`, that are live `after` each instruction of a function."""

    def __init__(self, function: FunctionAnalysis) -> None:
        self.function = function
        nodes = function.graph.nodes
        self._effects = [(self._uses(node), ~self._kills(node)) for node in nodes]
        self._before = [0] * len(nodes)
        self.after = [self._live_out(node) for node in nodes]
        loop_heads = {
            successor
            for index, node in enumerate(nodes)
            for successor in node.successors
            if successor <= index
        }
        changed = True
        while changed:  # another round only if a loop's head reads more: only back edges go up
            changed = False
            for index in range(len(nodes) - 1, -1, -1):
                changed |= self._update(index, nodes[index]) and index in loop_heads

    def _update(self, index: int, node: Node) -> bool:
        after = self.after[index]
        for successor in node.successors:
            after |= self._before[successor]
        uses, kept = self._effects[index]
        before = (after & kept) | uses
        self.after[index] = after
        if before == self._before[index]:
            return False
        self._before[index] = before
        return True

    def _live_out(self, node: Node) -> int:
        """Return what code after the function reads, where control leaves it."""
        if not node.leaves:
            return 0
        if not self.function.is_framed or node.callee is not None or node.is_indirect:
            return ALL  # whoever comes next may read anything
        count = len(self.function.routine.signature.results)
        preserved = set(CALLER_SAVED).difference(self.function.own.changed)
        return _CALLEE_SAVED | _set(RESULTS[:count]) | _set(preserved)

    def _kills(self, node: Node) -> int:
        """Return the registers whose values from before the instruction are gone after it."""
        effects = node.effects
        if node.is_call:
            callee = self.function.build.callees.get(node.callee or "")
            return _set(CALLER_SAVED if callee is None else callee.changed)  # E013 tells of flags
        kept = STATUS_FLAGS & ~(effects.flags_written | effects.flags_undefined)
        instruction = effects.instruction
        kept |= instruction.has_rep_prefix or instruction.has_repne_prefix  # none if rcx is 0
        return effects.kills if kept else effects.kills | FLAGS

    def _uses(self, node: Node) -> int:
        uses = node.effects.may_read
        if node.effects.flags_read & STATUS_FLAGS:
            uses |= FLAGS
        if not node.is_call:
            return uses
        placed = self.function.build.routines.get(node.callee or "")
        if placed is None:
            return uses | _POINTER_CALL
        if placed.routine.kind not in FRAMED:
            return ALL
        count = len(placed.routine.signature.parameters)
        return uses | _set(register.number for register in ARGUMENTS[:count])


def _set(numbers: Iterable[int]) -> int:
    return sum(1 << number for number in numbers)
