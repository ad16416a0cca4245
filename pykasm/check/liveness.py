"""Which registers and flags are still read on some path from an instruction on."""

from __future__ import annotations

from collections.abc import Iterable

from pykasm.check.build import FRAMED, FunctionAnalysis
from pykasm.check.effects import RSP, STATUS_FLAGS
from pykasm.check.graph import Node
from pykasm.check.registerflow import CLOBBERED, RESULTS, SAVED
from pykasm.lang.convention import ARGUMENTS

FLAGS = 1 << 16
"""Stands for the status flags, beside the bits of the general registers by their numbers."""

ALL = FLAGS | (FLAGS - 1)
"""Every general register, and the flags."""

_SAVED = sum(1 << number for number in (*SAVED, RSP))
_ARGUMENTS = sum(1 << register.number for register in ARGUMENTS)
_POINTER_CALL = _ARGUMENTS | 1  # rax counts vector arguments of functions with many


class Liveness:
    """For each instruction of a routine, the registers, or `FLAGS`, that are read `after` it."""

    def __init__(self, function: FunctionAnalysis) -> None:
        self.function = function
        nodes = function.graph.nodes
        self._effects = [(self._read(node), ~self._ended(node)) for node in nodes]
        self._before = [0] * len(nodes)
        self.after = [self._live_at_end(node) for node in nodes]
        loops = {
            following
            for index, node in enumerate(nodes)
            for following in node.successors
            if following <= index
        }
        changed = True
        while changed:  # only what the start of a loop reads is news to code that is done already
            changed = False
            for index in range(len(nodes) - 1, -1, -1):
                changed |= self._update(index, nodes[index]) and index in loops

    def _update(self, index: int, node: Node) -> bool:
        after = self.after[index]
        for following in node.successors:
            after |= self._before[following]
        read, kept = self._effects[index]
        before = (after & kept) | read
        self.after[index] = after
        if before == self._before[index]:
            return False
        self._before[index] = before
        return True

    def _live_at_end(self, node: Node) -> int:
        """What code behind the routine reads, where control leaves it."""
        if not node.leaves:
            return 0
        if not self.function.is_framed or node.callee is not None:
            return ALL  # whoever comes next may read anything
        count = len(self.function.routine.signature.results)
        left_alone = set(CLOBBERED).difference(self.function.own.changed)
        return _SAVED | _set(RESULTS[:count]) | _set(left_alone)

    def _ended(self, node: Node) -> int:
        """Registers whose values from before the instruction are gone after it."""
        effects = node.effects
        if node.is_call:
            callee = self.function.build.callees.get(node.callee or "")
            return FLAGS | _set(CLOBBERED if callee is None else callee.changed)
        left = STATUS_FLAGS & ~(effects.flags_written | effects.flags_undefined)
        return effects.kills if left else effects.kills | FLAGS

    def _read(self, node: Node) -> int:
        read = node.effects.may_read
        if node.effects.flags_read & STATUS_FLAGS:
            read |= FLAGS
        if not node.is_call:
            return read
        placed = self.function.build.routines.get(node.callee or "")
        if placed is None:
            return read | _POINTER_CALL
        if placed.routine.kind not in FRAMED:
            return ALL
        count = len(placed.routine.signature.parameters)
        return read | _set(register.number for register in ARGUMENTS[:count])


def _set(numbers: Iterable[int]) -> int:
    return sum(1 << number for number in numbers)
