"""Which registers hold what was read from a per-processor variable while threads may be moved."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Set
from typing import NamedTuple

from iced_x86 import InstructionInfoFactory, Mnemonic, OpAccess

from pykasm.check.effects import RSP
from pykasm.check.graph import Node
from pykasm.check.summary import Summary
from pykasm.check.walk import CLOBBERED
from pykasm.isa.code import Line
from pykasm.isa.statement import Address
from pykasm.lang.piece import Piece

Copies = frozenset[tuple[int, str, int]]
"""Numbers of registers with the variable that each was read from, and at which instruction."""

_STORES = (OpAccess.WRITE, OpAccess.READ_WRITE)
_FACTORY = InstructionInfoFactory()


class WriteBack(NamedTuple):
    """A variable is written at `line` with what was read from it at `read`."""

    variable: str
    read: Line
    line: Line


def may_matter(piece: Piece, variables: Set[str]) -> bool:
    """Whether a piece makes the address of a variable, or has one where instructions write."""
    if variables.isdisjoint(piece.targets):
        return False
    return any(
        one.target in variables and (one.operand == 0 or not _is_read(item, one.operand))
        for item in piece.items
        if isinstance(item, Line)
        for one in item.references
    )


def _is_read(line: Line, operand: int) -> bool:
    is_memory = isinstance(line.statement.operands[operand], Address)
    return is_memory and line.statement.mnemonic != "lea"


class PerProcessor:
    """The uses of the `variables` (symbols) in one piece."""

    def __init__(self, summary: Summary, symbol: str, variables: Set[str]) -> None:
        self.summary = summary
        self.symbol = symbol
        self.variables = variables
        self.nodes = summary.graph(symbol).nodes
        self.copies: dict[int, Copies] = {}
        waiting: list[tuple[int, Copies]] = [(0, frozenset())]
        while waiting:
            at, copies = waiting.pop()
            known = self.copies.get(at)
            if known is None or not copies <= known:
                self.copies[at] = copies | (known or frozenset())
                after = self._after(at, self.nodes[at])
                waiting += [(following, after) for following in self.nodes[at].following]

    def write_backs(self) -> Iterator[WriteBack]:
        """Where a variable is written with what was read from it before."""
        for at, copies in self.copies.items():
            node = self.nodes[at]
            variable = self._variable(node)
            reads = {number for number, _ in node.effects.reads}
            for number, read_from, read_at in sorted(copies):
                if variable == read_from and number in reads and _only_stores(node):
                    yield WriteBack(variable, self.nodes[read_at].line, node.line)

    def addresses(self) -> Iterator[tuple[str, int]]:
        """The variables whose addresses, for the processor that runs the code, are made, and by
        which instruction."""
        for at in self.copies:
            node = self.nodes[at]
            for one in node.line.references:
                is_memory = isinstance(node.line.statement.operands[one.operand], Address)
                is_address = not is_memory or node.effects.mnemonic == Mnemonic.LEA
                if is_address and one.target in self.variables and self._may_move(at):
                    yield str(one.target), at

    def _after(self, at: int, node: Node) -> Copies:
        before = self.copies[at]
        if node.is_call:
            changed = self._changed(node)
            return frozenset(one for one in before if one[0] not in changed)
        written = {number for number, _ in node.effects.writes if number != RSP}
        read = {number for number, _ in node.effects.reads}
        made = {(name, place) for number, name, place in before if number in read}
        variable = self._variable(node)
        if variable is not None and self._may_move(at):
            made.add((variable, at))
        kept = {one for one in before if one[0] not in written}
        return frozenset(kept | {(number, *one) for number in written for one in made})

    def _changed(self, call: Node) -> Collection[int]:
        """The registers that a call may change."""
        callee = self.summary.facts.get(call.callee or "")
        if callee is None:
            return CLOBBERED
        return [register.number for register in callee.piece.signature.changed]

    def _may_move(self, at: int) -> bool:
        """Whether another thread, on another processor, may go on behind the instruction."""
        may_be_on = self.summary.contexts.may_be_on(self.symbol, at)
        before = self.summary.paths.before(self.symbol, at)
        return may_be_on and not before.may | self.summary.locks.held_before(self.symbol, at)

    def _variable(self, node: Node) -> str | None:
        """The per-processor variable that the instruction's memory operand lies in."""
        for one in node.line.references:
            is_memory = isinstance(node.line.statement.operands[one.operand], Address)
            if is_memory and one.target in self.variables:
                return str(one.target)
        return None


def _only_stores(node: Node) -> bool:
    """Whether the instruction writes memory, and no register."""
    memory = _FACTORY.info(node.effects.instruction).used_memory()
    return not node.effects.writes and any(one.access in _STORES for one in memory)
