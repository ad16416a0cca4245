"""Whose GS base is loaded on the paths through code that interrupts enter.

A path is told apart by where it came from: code that tests the privilege level in the CS that the
processor pushed does different things for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from iced_x86 import ConditionCode, Mnemonic, OpKind

from pykasm.check.facts import Facts
from pykasm.check.graph import Node
from pykasm.check.summary import Summary

PRIVILEGE = 3
"""The bits of a selector that are its privilege level (AMD64 APM vol. 2, 4.5.1)."""


class Path(NamedTuple):
    """What is known on a path: whether it came from user code, and whether GS is swapped.

    `tested` is whether ZF tells if it came from the kernel.
    """

    from_user: bool | None = None
    swapped: bool = False
    tested: bool = False


class Swaps:
    """The paths before each instruction of every piece that interrupts lead to."""

    def __init__(self, summary: Summary) -> None:
        self.summary = summary
        self.paths: dict[tuple[str, int], set[Path]] = {}
        self._waiting: list[tuple[str, int, Path]] = []
        if any(facts.behaviour.swaps_gs for facts in summary.facts.values()):
            self._waiting += [
                (symbol, 0, Path()) for symbol in summary.contexts.entered_by_interrupts
            ]
        while self._waiting:
            self._follow(*self._waiting.pop())

    def _follow(self, symbol: str, at: int, path: Path) -> None:
        known = self.paths.setdefault((symbol, at), set())
        nodes = self.summary.graph(symbol).nodes
        if path in known or at >= len(nodes):
            return
        known.add(path)
        node = nodes[at]
        after = _after(node, path)
        for following in node.following:
            further = _along(node, at, following, after)
            if further is not None:
                self._waiting.append((symbol, following, further))
        if node.leaves and node.callee in self.summary.facts:
            self._waiting.append((node.callee, 0, after._replace(tested=False)))

    def ends(self) -> Iterator[tuple[Facts, Node, set[Path]]]:
        """Where interrupts are returned from, and the paths to there."""
        for (symbol, at), paths in self.paths.items():
            node = self.summary.graph(symbol).nodes[at]
            if node.effects.instruction.mnemonic == Mnemonic.IRETQ:
                yield self.summary.facts[symbol], node, paths


def _after(node: Node, path: Path) -> Path:
    instruction = node.effects.instruction
    if instruction.mnemonic == Mnemonic.SWAPGS:
        return path._replace(swapped=not path.swapped)
    if node.effects.flags_written or node.effects.flags_undefined or node.is_call:
        return path._replace(tested=_tests_privilege(node))
    return path


def _tests_privilege(node: Node) -> bool:
    instruction = node.effects.instruction
    if instruction.mnemonic != Mnemonic.TEST or instruction.op1_kind == OpKind.REGISTER:
        return False
    return bool(instruction.immediate(1) == PRIVILEGE)


def _along(node: Node, at: int, following: int, path: Path) -> Path | None:
    """What is known on the way from an instruction to one behind it; None where it is never gone.

    A path that was told apart takes the same way at every later test.
    """
    condition = node.effects.instruction.condition_code
    if not path.tested or condition not in (ConditionCode.E, ConditionCode.NE):
        return path
    jumped = following != at + 1
    from_user = jumped == (condition == ConditionCode.NE)
    return path._replace(from_user=from_user) if path.from_user in (None, from_user) else None
