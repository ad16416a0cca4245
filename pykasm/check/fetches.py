"""Which calls fetch a program's memory that was fetched before, by the same pointer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from iced_x86 import Mnemonic, RegisterExt

from pykasm.check.build import FunctionAnalysis
from pykasm.check.dataflow import forward_may
from pykasm.check.graph import Node
from pykasm.check.operands import register_operand
from pykasm.check.said import said
from pykasm.lang.convention import SLOT

Fetched: TypeAlias = frozenset[tuple[int, int]]
"""Numbers of registers with the indexes of calls that fetched what their pointers lead to."""


class SecondFetch(NamedTuple):
    """The call `at` fetches what the one at `first` did."""

    first: int
    at: int


class FetchFlow:
    """Follows pointers from calls that fetch what they lead to. One that is changed is another."""

    def __init__(self, function: FunctionAnalysis) -> None:
        self._function = function
        self._nodes = function.graph.nodes
        self._again = said(function.routine, "refetch")

    def second_fetches(self) -> Iterator[SecondFetch]:
        """Yield the calls that fetch something again, without a reason."""
        before = forward_may(self._nodes, frozenset(), self._transfer)
        for at, fetched in sorted(before.items()):
            arguments = self._arguments(self._nodes[at])
            if fetched and arguments and at not in self._again:
                first = [call for number, call in sorted(fetched) if number in arguments]
                yield from (SecondFetch(one, at) for one in first[:1])

    def _arguments(self, node: Node) -> set[int]:
        """Return the registers with pointers whose memory a callee fetches."""
        callee = self._function.build.callees.get(node.callee or "")
        signature = callee.signature if callee is not None else None
        return {
            one.register.number
            for one in (signature.parameters if signature is not None else ())
            if one.register is not None and one.type._fetched
        }

    def _transfer(self, at: int, node: Node, before: Fetched) -> Fetched:
        again = self._again.get(at, ())
        before = frozenset(one for one in before if one[0] not in again)
        if node.is_call:
            changed = self._function.changed_by(node)
            sources = {self._source(at, number) for number in self._arguments(node)}
            made = {(number, at) for number in sources if number not in (None, *changed)}
            kept = {one for one in before if one[0] not in changed}
            return frozenset(kept.union((number, at) for number, at in made if number is not None))
        if not before or not node.effects.may_write:
            return before
        kept = {one for one in before if not node.effects.may_write >> one[0] & 1}
        target, source = self._moved(node)
        return frozenset(kept | {(target, call) for one, call in before if one == source})

    def _source(self, call: int, number: int) -> int | None:
        """Return the register that an argument was moved from, in the straight code before."""
        start = max(one for one in self._function.graph.blocks if one <= call)
        written = 0
        for index in range(call - 1, start - 1, -1):
            node = self._nodes[index]
            if node.effects.may_write >> number & 1:
                target, source = self._moved(node)
                return source if target == number and not written >> source & 1 else None
            written |= node.effects.may_write
        return None

    def _moved(self, node: Node) -> tuple[int, int]:
        """Return the target and the source of a move between whole registers, else 0 and -1."""
        instruction = node.effects.instruction
        target, source = register_operand(instruction, 0), register_operand(instruction, 1)
        is_move = node.effects.mnemonic == Mnemonic.MOV and target is not None
        if not is_move or source is None or RegisterExt.size(instruction.op0_register) != SLOT:
            return 0, -1
        assert target is not None
        return target, source


def follows_fetches(function: FunctionAnalysis) -> bool:
    """Return whether a function calls what fetches memory of programs."""
    return not function.build.fetching.isdisjoint(function.routine.targets)
