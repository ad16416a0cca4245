"""Which bytes of the locals of a function have been written before each instruction.

A forward must-analysis on bit sets, a bit a byte. Who has the address of a local may write it: from
there on all of it counts as written. Nothing is said of arrays that are written by an index: which
elements that was depends on loops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from iced_x86 import InstructionInfoFactory, MemorySizeExt, Mnemonic, OpAccess
from iced_x86 import Register as IcedRegister

from pykasm.check.dataflow import STORES
from pykasm.check.graph import Node
from pykasm.lang.operands import MemoryOperand

LOADS = frozenset({OpAccess.READ, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE})

_FACTORY = InstructionInfoFactory()


class _Place(NamedTuple):
    """Bytes of the frame, from a distance from rbp on, and whether more lie behind by an index."""

    start: int
    size: int
    indexed: bool


class LocalFlow:
    """The bytes that are written on every path to an instruction."""

    def __init__(self, nodes: Sequence[Node], locals_: Sequence[MemoryOperand]) -> None:
        self._nodes = nodes
        self._locals = locals_
        self._filled = {
            one._name
            for node in nodes
            for place, access in _places(node)
            if place.indexed and access in STORES and (one := self._at(place.start)) is not None
        }
        self._lowest = min(one._displacement for one in locals_)
        self._before: dict[int, int] = {}
        self._solve()

    def unwritten(self) -> Iterator[tuple[int, MemoryOperand, set[int]]]:
        """Yield the instructions that read what no byte of is sure to be written, by their indexes,
        the local that it belongs to, and the instructions that may write some of it."""
        for index, written in sorted(self._before.items()):
            for place, access in _places(self._nodes[index]):
                local = self._at(place.start)
                if local is None or place.indexed or local._name in self._filled:
                    continue
                read = self._bits(place.start, place.size)
                if access in LOADS and not written & read:
                    yield index, local, self._writers(read)

    def first_unwritten(self, at: int, size: int) -> tuple[MemoryOperand, int, set[int]] | None:
        """Return the local whose address the instruction `at` makes, the offset there of the first
        of so many bytes that is not sure to be written, and the instructions that may write it;
        None if all are, or if there are not so many."""
        start = _displacement(self._nodes[at])
        local, written = self._at(start), self._before.get(at)
        if local is None or written is None or local._name in self._filled:
            return None
        if start + size > local._displacement + local._kind._size:
            return None
        missing = self._bits(start, size) & ~written
        if not missing:
            return None
        first = missing & -missing
        offset = first.bit_length() - 1 + self._lowest - local._displacement
        return local, offset, self._writers(first) - {at}

    def _writers(self, bits: int) -> set[int]:
        return {index for index, node in enumerate(self._nodes) if self._written(node) & bits}

    def _solve(self) -> None:
        """Sets only shrink where paths meet, so the worklist runs empty."""
        worklist = [(0, 0)]
        while worklist:
            index, arriving = worklist.pop()
            known = self._before.get(index)
            state = arriving if known is None else known & arriving
            if state != known:
                self._before[index] = state
                after = state | self._written(self._nodes[index])
                worklist += [(one, after) for one in self._nodes[index].successors]

    def _written(self, node: Node) -> int:
        """Return the bytes that an instruction writes, or may have written by others."""
        if node.effects.mnemonic == Mnemonic.LEA:
            return self._whole(_displacement(node)) if _is_in_frame(node) else 0
        found = 0
        for place, access in _places(node):
            if access in STORES:
                found |= self._bits(place.start, place.size)
        return found

    def _at(self, distance: int) -> MemoryOperand | None:
        """Return the local that has a byte at a distance from rbp."""
        for one in self._locals:
            if one._displacement <= distance < one._displacement + one._kind._size:
                return one
        return None

    def _whole(self, distance: int) -> int:
        """Return all bytes of the local that has a byte at a distance from rbp."""
        one = self._at(distance)
        return 0 if one is None else self._bits(one._displacement, one._kind._size)

    def _bits(self, start: int, size: int) -> int:
        return (1 << size) - 1 << start - self._lowest if start >= self._lowest else 0


def _places(node: Node) -> Iterator[tuple[_Place, int]]:
    """Yield the places in the frame that an instruction accesses, and how."""
    if not _is_in_frame(node) or node.effects.mnemonic == Mnemonic.LEA:
        return
    distance = _displacement(node)
    for one in _FACTORY.info(node.effects.instruction).used_memory():
        if one.base == IcedRegister.RBP:
            indexed = one.index != IcedRegister.NONE
            yield _Place(distance, MemorySizeExt.size(one.memory_size), indexed), one.access


def _is_in_frame(node: Node) -> bool:
    return bool(node.effects.instruction.memory_base == IcedRegister.RBP)


def _displacement(node: Node) -> int:
    distance: int = node.effects.instruction.memory_displacement
    return distance - ((distance >> 63) << 64)
