"""Which caller-saved registers functions change, by themselves or by what they call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from iced_x86 import Mnemonic

from pykasm.check.build import Build
from pykasm.check.graph import Node
from pykasm.check.registerflow import CLOBBERED, Callee, RegisterFlow
from pykasm.isa.code import Line
from pykasm.lang.convention import CALLER_SAVED

Changed = frozenset[int]
"""Numbers of registers."""


class Change(NamedTuple):
    """The register of this number is changed at `line`, by the function `callee` if not None."""

    number: int
    line: Line
    callee: str | None


class Clobbers:
    """What functions change. A contract is believed, as it is verified where it is stated."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._changed: dict[str, Changed] = {}

    def changes(self, symbol: str) -> Iterator[Change]:
        """Every register that a function changes and does not restore, and where it does first."""
        walk = self._walk(symbol)
        changed = self._left(symbol, walk)
        for number in sorted(changed):
            for _, node, state in walk.visits():
                if state.registers[number].entry == number and self._ends(node, number):
                    yield Change(number, node.line, node.callee)
                    break

    def _ends(self, node: Node, number: int) -> bool:
        if node.callee is not None:
            return number in self._callee(node.callee).changed
        return node.is_call or any(number == one for one, _ in node.effects.writes)

    def _walk(self, symbol: str) -> RegisterFlow:
        """The states of a function, as its callees are known so far to leave registers."""
        analysis = self._build.analysis
        callees = {call.callee for call in analysis.summaries[symbol].calls}
        return RegisterFlow(analysis.graph(symbol), {one: self._callee(one) for one in callees})

    def _left(self, symbol: str, walk: RegisterFlow) -> Changed:
        """The registers that differ from what they were at entry on some way out."""
        changed: set[int] = set()
        for _, node, state in walk.visits():
            if node.leaves and node.effects.mnemonic != Mnemonic.UD2:
                changed.update(n for n in CLOBBERED if state.registers[n].entry != n)
                if node.callee is not None:
                    changed.update(self._callee(node.callee).changed)
        return frozenset(changed)

    def _callee(self, symbol: str) -> Callee:
        """What is known of a function: its contract, or what it really changes."""
        callee = self._build.callees.get(symbol, Callee(None))
        signature = callee.signature
        if signature is None or signature.clobbers is not None:
            return callee
        changed = self._of(symbol)
        registers = tuple(one for one in CALLER_SAVED if one.number in changed)
        return Callee(replace(signature, clobbers=registers))

    def _of(self, symbol: str) -> Changed:
        """What a function without a contract changes; nothing as long as that is being settled."""
        if symbol not in self._changed:
            self._settle(symbol)
        return self._changed[symbol]

    def _settle(self, symbol: str) -> None:
        """Compute what functions that call each other change, until nothing new is found."""
        together = self._reachable(symbol)
        self._changed.update(dict.fromkeys(together, Changed()))
        waiting = True
        while waiting:
            waiting = False
            for one in reversed(together):
                changed = self._left(one, self._walk(one))
                waiting |= changed != self._changed[one]
                self._changed[one] = changed

    def _reachable(self, symbol: str) -> list[str]:
        """A function and those that it leads to, so far as what they change is not known."""
        found = [symbol]
        for one in found:  # grows while callees are met
            for call in self._build.analysis.summaries[one].calls:
                signature = self._build.callees[call.callee].signature
                is_open = signature is not None and signature.clobbers is None
                if is_open and call.callee not in self._changed and call.callee not in found:
                    found.append(call.callee)
        return found
