"""What tests of places in memory say of what is loaded from there, as long as nobody changes it."""

from __future__ import annotations

from typing import NamedTuple

from iced_x86 import Register as IcedRegister

from pykasm.check.build import FunctionAnalysis
from pykasm.check.dataflow import writes_memory
from pykasm.check.graph import Node
from pykasm.check.operands import number_of
from pykasm.check.valueflow import ValueFlow
from pykasm.check.valuepath import WIDE, ZERO, Path, Value
from pykasm.isa.code import Line
from pykasm.lang.data import Data
from pykasm.lang.locking import LockAction
from pykasm.lang.operands import MemoryOperand

_FIRST = -2
"""Places from here on downwards are such places in memory."""

_SIZE = 8
"""Bytes of a pointer."""


class MemoryPlace(NamedTuple):
    """Where a pointer lies: in the datum `symbol`, or in what `base` points to."""

    symbol: str
    base: Value | None
    displacement: int

    def may_be(self, other: MemoryPlace) -> bool:
        """Return whether a store to `other` may change what is here."""
        is_beside = (self.symbol, self.base) == (other.symbol, other.base)
        return not is_beside or abs(self.displacement - other.displacement) < _SIZE


class TestedPlaces(ValueFlow):
    """Knows which pointers in memory have been tested. That holds until something is stored that
    may be the pointer, another function is called, or a lock is taken. Of fields that are read
    without their lock it never holds."""

    def __init__(self, function: FunctionAnalysis, is_exact: bool = False) -> None:
        super().__init__(function, is_exact)
        self._known: list[MemoryPlace] = []
        events = function.routine.lock_events
        items = function.routine.items
        self._locking = {
            sum(isinstance(item, Line) for item in items[: one.index])
            for one in events
            if one.action in (LockAction.TAKE, LockAction.TRY)
        }

    def forget_places(self, index: int, node: Node, path: Path) -> None:
        """Forget the tests of what an instruction is about to change."""
        if not self._known or not any(place <= _FIRST for place, _ in path.signs):
            return
        if node.is_call or index in self._locking:
            path.drop(range(_FIRST - len(self._known) + 1, _FIRST + 1))
        written = None
        if node.effects.frame_access is None and writes_memory(node):
            written = self._memory_place(node, path)
        for number, one in enumerate(self._known):
            is_written = written is not None and one.may_be(written)
            if is_written or (one.base is not None and one.base.site == index):
                path.drop((_FIRST - number,))

    def memory_place(self, node: Node, path: Path) -> int | None:
        """Return the place that stands for what a comparison looks at in memory."""
        if node.effects.frame_access is not None or not _is_tellable(node):
            return None
        place = self._memory_place(node, path)
        if place not in self._known:
            self._known.append(place)
        return _FIRST - self._known.index(place)

    def is_tested(self, node: Node, path: Path) -> bool:
        """Return whether a test has told that what an instruction loads is not null."""
        if not self._known or node.effects.frame_access is not None:
            return False
        place = self._memory_place(node, path)
        known = self._known.index(place) if place in self._known else None
        return known is not None and not path.sign(_FIRST - known, WIDE) & ZERO

    def _memory_place(self, node: Node, path: Path) -> MemoryPlace:
        instruction = node.effects.instruction
        symbol = next((str(one.target) for one in node.line.references), "")
        base = number_of(instruction.memory_base) if not symbol else None
        value = path.values.get(base) if base is not None else None
        addend = next((one.addend for one in node.line.references), 0)
        displacement = addend if symbol else int(instruction.memory_displacement)
        return MemoryPlace(symbol, value, displacement - ((displacement >> 63) << 64))


def _is_tellable(node: Node) -> bool:
    """Return whether a comparison looks at a whole pointer, at a place that is known, and that
    nobody changes who holds no lock."""
    memory = next((one for one in node.line.written if isinstance(one, MemoryOperand)), None)
    if memory is None or not memory._kind._nullable or memory._index is not None:
        return False
    instruction = node.effects.instruction
    guarded = memory._within.guarded if memory._within is not None else ()
    is_plain = instruction.memory_index == IcedRegister.NONE
    is_free = isinstance(memory, Data) and memory._unlocked_reads
    return is_plain and not is_free and not any(one.unlocked_reads for one in guarded)
