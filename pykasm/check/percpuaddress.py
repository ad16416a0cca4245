"""Where addresses of per-CPU variables are used after calls, which may have moved the thread."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from pykasm.check.dataflow import AddressFlow, Origins
from pykasm.check.graph import Node

NO_CALL = -1


class AddressUse(NamedTuple):
    """The instruction `at` accesses memory by the address of `variable` that the one at `made` put
    in a register, on some path after the call at `call`."""

    variable: str
    made: int
    call: int
    at: int


class _CalledFlow(AddressFlow[tuple[int, int]]):
    """Addresses by the index of what made them, and by a call since then."""

    def _transfer(
        self, index: int, node: Node, before: Origins[tuple[int, int]]
    ) -> Origins[tuple[int, int]]:
        after = super()._transfer(index, node, before)
        return after | {(number, (made, index)) for number, (made, _) in after if node.is_call}


def uses_after_calls(
    nodes: Sequence[Node],
    made: Mapping[int, str],
    changed: Callable[[Node], Collection[int]],
) -> Iterator[AddressUse]:
    """Yield the uses, after calls, of the addresses of variables that instructions of a function
    make: `made` by their indexes. `changed` returns the registers that a call may change."""

    def origin(index: int, _: Node) -> tuple[int, int] | None:
        return (index, NO_CALL) if index in made else None

    for at, (index, call) in _CalledFlow(nodes, frozenset(), origin, changed).uses():
        if call != NO_CALL:
            yield AddressUse(made[index], index, call, at)
