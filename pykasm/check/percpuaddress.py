"""Where addresses of per-CPU variables are used after what may have moved the thread."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from iced_x86 import Mnemonic

from pykasm.check.addressflow import AddressFlow, Origins
from pykasm.check.graph import Node

NOTHING_YET = -1

_ENABLING = (Mnemonic.STI, Mnemonic.POPFQ)
"""Instructions that may turn interrupts on: the next one may move the thread."""


class AddressUse(NamedTuple):
    """The instruction `at` accesses memory by the address of `variable` that the one at `made` put
    in a register, on some path after the instruction `between`: a call, or one that may turn
    interrupts on."""

    variable: str
    made: int
    between: int
    at: int


class _MovedFlow(AddressFlow[tuple[int, int]]):
    """Addresses by the index of what made them, and by what may have moved the thread since."""

    def _transfer(
        self, index: int, node: Node, before: Origins[tuple[int, int]]
    ) -> Origins[tuple[int, int]]:
        after = super()._transfer(index, node, before)
        if not node.is_call and node.effects.mnemonic not in _ENABLING:
            return after
        return after | {(place, (made, index)) for place, (made, _) in after}


def uses_after_moves(
    nodes: Sequence[Node],
    made: Mapping[int, str],
    changed: Callable[[Node], Collection[int]],
) -> Iterator[AddressUse]:
    """Yield the uses, after calls and after instructions that may turn interrupts on, of the
    addresses of variables that instructions of a function make: `made` by their indexes. `changed`
    returns the registers that a call may change."""

    def origin(index: int, _: Node) -> tuple[int, int] | None:
        return (index, NOTHING_YET) if index in made else None

    for at, (index, between) in _MovedFlow(nodes, frozenset(), origin, changed).uses():
        if between != NOTHING_YET:
            yield AddressUse(made[index], index, between, at)
