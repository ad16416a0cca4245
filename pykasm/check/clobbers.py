"""Which caller-saved registers functions clobber, themselves or by their callees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from iced_x86 import Mnemonic

from pykasm.check.build import Build
from pykasm.check.convention import CALLER_SAVED, Callee
from pykasm.check.graph import Node
from pykasm.check.registerflow import RegisterFlow
from pykasm.isa.code import Line
from pykasm.lang import convention

Registers: TypeAlias = frozenset[int]
"""Numbers of registers."""


class ClobberSite(NamedTuple):
    """The register `number` is changed at `line`, by the function `callee` if not None."""

    number: int
    line: Line
    callee: str | None


class ClobberAnalysis:
    """The registers that functions change and do not restore.

    A contract (`clobbers=`) is believed: it is verified where it is stated. For functions without
    one that call each other, the sets are a least fixed point.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._clobbered: dict[str, Registers] = {}

    def sites(self, symbol: str) -> Iterator[ClobberSite]:
        """Yield every register that a function clobbers, with where it does so first."""
        flow = self._flow(symbol)
        for number in sorted(self._clobbered_by(flow)):
            sites = [
                (state.registers[number].entry != number, index)
                for index, node, state in flow.visits()
                if self._changes(node, number)
            ]  # in a loop the register is another one already where it is changed first
            node = flow.graph.nodes[min(sites)[1]]
            yield ClobberSite(number, node.line, node.callee)

    def _changes(self, node: Node, number: int) -> bool:
        if node.callee is not None:
            return number in self._callee(node.callee).changed
        return node.is_call or bool(node.effects.may_write >> number & 1)

    def _flow(self, symbol: str) -> RegisterFlow:
        """Solve a function, with what is known so far of its callees."""
        analysis = self._build.analysis
        callees = {call.callee for call in analysis.summaries[symbol].calls}
        return RegisterFlow(analysis.graph(symbol), {one: self._callee(one) for one in callees})

    def _clobbered_by(self, flow: RegisterFlow) -> Registers:
        """Return the registers that differ from what they were at entry on some way out."""
        changed: set[int] = set()
        for _, node, state in flow.visits():
            # behind `ud2` nobody looks at registers any more
            if node.leaves and node.effects.mnemonic != Mnemonic.UD2:
                changed.update(n for n in CALLER_SAVED if state.registers[n].entry != n)
                if node.callee is not None:
                    changed.update(self._callee(node.callee).changed)
        return frozenset(changed)

    def _callee(self, symbol: str) -> Callee:
        """Return a function as callers find it: by its contract, or what it really changes."""
        callee = self._build.callees.get(symbol, Callee(None))
        signature = callee.signature
        if signature is None or signature.clobbers is not None:
            return callee
        changed = self._of(symbol)
        registers = tuple(one for one in convention.CALLER_SAVED if one.number in changed)
        return Callee(signature._replace(clobbers=registers))

    def _of(self, symbol: str) -> Registers:
        """Return what a function without a contract clobbers, so far as that is known."""
        if symbol not in self._clobbered:
            self._solve(symbol)
        return self._clobbered[symbol]

    def _solve(self, symbol: str) -> None:
        """Compute what functions that lead to each other clobber, until no set grows any more."""
        together = [one for one in self.open_callees(symbol) if one not in self._clobbered]
        self._clobbered.update(dict.fromkeys(together, Registers()))
        changed = True
        while changed:
            changed = False
            for one in reversed(together):  # callees first: fewer rounds
                clobbered = self._clobbered_by(self._flow(one))
                changed |= clobbered != self._clobbered[one]
                self._clobbered[one] = clobbered

    def open_callees(self, symbol: str) -> list[str]:
        """Return a function and those that it leads to, up to those with a contract."""
        found = {symbol}
        worklist = [symbol]
        for one in worklist:  # grows while callees are met
            for call in self._build.analysis.summaries[one].calls:
                if call.callee not in found and self._is_open(call.callee):
                    found.add(call.callee)
                    worklist.append(call.callee)
        return worklist

    def _is_open(self, symbol: str) -> bool:
        signature = self._build.callees[symbol].signature
        return signature is not None and signature.clobbers is None
