"""Where addresses of per-CPU variables are used after what may have moved the thread."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from iced_x86 import Mnemonic

from pykasm.check.addressflow import AddressFlow, Origins
from pykasm.check.graph import Node

NOTHING_YET = -1

ENABLING = (Mnemonic.STI, Mnemonic.POPFQ)
"""Instructions that may turn interrupts on: the next one may move the thread."""


class AddressUse(NamedTuple):
    """The instruction `at` accesses memory by the address of `variable` that the one at `made` put
    in a register, on some path after the instruction `between`: a call, or one that may turn
    interrupts on or ends what kept the thread where it was."""

    variable: str
    made: int
    between: int
    at: int


class _MovedFlow(AddressFlow[tuple[int, int]]):
    """Addresses by the index of what made them, and by what may have moved the thread since: calls,
    what turns interrupts on, and the instructions `ends`."""

    def __init__(
        self,
        nodes: Sequence[Node],
        origin: Callable[[int, Node], tuple[int, int] | None],
        changed: Callable[[Node], Collection[int]],
        ends: Collection[int],
    ) -> None:
        self._ends = ends
        super().__init__(nodes, frozenset(), origin, changed)

    def _transfer(
        self, index: int, node: Node, before: Origins[tuple[int, int]]
    ) -> Origins[tuple[int, int]]:
        after = super()._transfer(index, node, before)
        is_enabling = node.effects.mnemonic in ENABLING
        if not node.is_call and not is_enabling and index not in self._ends:
            return after
        return after | {(place, (made, index)) for place, (made, _) in after}


def uses_after_moves(
    nodes: Sequence[Node],
    made: Mapping[int, str],
    changed: Callable[[Node], Collection[int]],
    ends: Collection[int],
) -> Iterator[AddressUse]:
    """Yield the uses, after calls, after instructions that may turn interrupts on and after `ends`
    of locks and states, of the addresses of variables that instructions of a function make: `made`
    by their indexes. `changed` returns the registers that a call may change."""

    def origin(index: int, _: Node) -> tuple[int, int] | None:
        return (index, NOTHING_YET) if index in made else None

    for at, (index, between) in _MovedFlow(nodes, origin, changed, ends).uses():
        if between != NOTHING_YET:
            yield AddressUse(made[index], index, between, at)
