"""Which lines of Python the instructions that ran came from."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from typing import Any

from pykasm.hostrun.placement import Placement
from pykasm.hostrun.position import Position
from pykasm.lang.objects import AssembledUnit

BLOCKS_KEPT = 64
"""How many straight runs of instructions a trace remembers."""


class Trace:
    """Counts instructions block by block and remembers the last blocks."""

    def __init__(self, units: list[AssembledUnit], placement: Placement) -> None:
        self._positions = sorted(_positions(units, placement))
        self._addresses = [one.address for one in self._positions]
        self._counts: dict[tuple[int, int], int] = {}
        self._blocks: deque[tuple[int, int]] = deque(maxlen=BLOCKS_KEPT)
        self.instructions = 0

    def clear(self) -> None:
        """Begin a new call."""
        self._blocks.clear()
        self.instructions = 0

    def enter(self, _: Any, address: int, size: int, __: Any) -> None:
        """Take note that the instructions in `size` bytes at `address` are about to run."""
        block = address, size
        count = self._counts.get(block)
        if count is None:
            first, last = self._within(address, address + size)
            count = self._counts[block] = last - first
        if count:
            self.instructions += count
            self._blocks.append(block)

    def _within(self, start: int, end: int) -> tuple[int, int]:
        return bisect_left(self._addresses, start), bisect_left(self._addresses, end)

    def at(self, address: int) -> Position | None:
        """The instruction that `address` is in, or that ends there as a call before it does."""
        place = bisect_right(self._addresses, address) - 1
        if place < 0:
            return None
        found = self._positions[place]
        return found if address - found.address < LONGEST_INSTRUCTION else None

    def last_positions(self, end: int) -> list[Position]:
        """The instructions that ran, oldest first; those of the last block up to `end`."""
        found: list[Position] = []
        for number, (address, size) in enumerate(self._blocks, 1):
            stop = address + size
            if number == len(self._blocks) and address <= end < stop:
                stop = end + 1
            first, last = self._within(address, stop)
            found += self._positions[first:last]
        return found


LONGEST_INSTRUCTION = 15
"""Bytes (AMD64 APM vol. 3, 1.1)."""


def _positions(units: list[AssembledUnit], placement: Placement) -> Iterator[Position]:
    for unit in units:
        for placed in unit.routines:
            region, start = placement.starts[placed.section]
            base = region.address + start + placed.offset
            for one in placed.code.lines:
                yield Position(
                    base + one.offset, placed.routine.symbol, one.offset, one.line.source
                )
