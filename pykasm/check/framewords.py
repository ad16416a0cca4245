"""The words of a function's frame that only its own instructions with their places reach."""

from __future__ import annotations

from collections.abc import Iterable

from iced_x86 import Mnemonic
from iced_x86 import Register as IcedRegister

from pykasm.check.build import FunctionAnalysis
from pykasm.check.effects import RSP
from pykasm.check.graph import Node
from pykasm.check.valuepath import FRAME
from pykasm.lang.convention import SLOT


class FrameWords:
    """Finds the words that instructions store in the frame and load from there, as places of
    `valuepath.Path`. Locals whose addresses are taken, and those that are indexed, are none."""

    def __init__(self, function: FunctionAnalysis) -> None:
        self._states = function.registers.states
        self._exposed: set[int] = set()
        """The displacements of bytes that may be reached by addresses."""
        for node in function.graph.nodes:
            instruction = node.effects.instruction
            is_indexed = instruction.memory_index != IcedRegister.NONE
            if instruction.memory_base == IcedRegister.RBP and (
                is_indexed or node.effects.mnemonic == Mnemonic.LEA
            ):
                self._expose(function, instruction.memory_displacement)

    def _expose(self, function: FunctionAnalysis, displacement: int) -> None:
        first = displacement - ((displacement >> 63) << 64)
        for one in function.routine.locals:
            start, end = one._displacement, one._displacement + one._kind._size
            if start <= first < end:
                self._exposed.update(range(start, end))

    def word(self, index: int, node: Node) -> int | None:
        """Return the place of the word that an instruction accesses, None if nothing is known."""
        access, state = node.effects.frame_access, self._states.get(index)
        if access is None or state is None:
            return None
        base, displacement = access
        start = state.depth if base == RSP else state.base
        if start is None or (base != RSP and displacement in self._exposed):
            return None
        return FRAME + start - displacement

    def overlapping(self, index: int, node: Node, places: Iterable[int]) -> list[int]:
        """Return which of `places` an instruction overwrites."""
        place, size = self.word(index, node), node.effects.frame_store_size
        if place is None:
            return []
        return [one for one in places if one >= FRAME and place - size < one < place + SLOT]

    def pushed(self, index: int) -> int | None:
        """Return the place of what a `push` stores."""
        state = self._states.get(index)
        return None if state is None or state.depth is None else FRAME + state.depth + SLOT

    def top(self, index: int) -> int | None:
        """Return the place of what a `pop` loads."""
        state = self._states.get(index)
        return None if state is None or state.depth is None else FRAME + state.depth
