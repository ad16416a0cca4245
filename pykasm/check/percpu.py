"""What a function does with per-CPU variables that goes wrong if its thread is moved meanwhile.

A forward may-analysis tells which registers hold what was read from a variable.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Set
from typing import NamedTuple

from iced_x86 import InstructionInfoFactory, Mnemonic, OpAccess

from pykasm.check.dataflow import forward_may
from pykasm.check.effects import RSP
from pykasm.check.graph import Graph, Node
from pykasm.check.percpuaddress import ENABLING, NOTHING_YET, AddressUse, uses_after_moves
from pykasm.isa.code import Line
from pykasm.isa.statement import Address
from pykasm.lang.locking import LockAction
from pykasm.lang.routine import Routine

Copies = frozenset[tuple[int, str, int, int]]
"""Numbers of registers with the variable that each was read from, the index of the reader, and that
of an instruction that may have let the thread move since, or `NOTHING_YET`."""

ChangedBy = Callable[[Node], Collection[int]]
"""Gives the registers that a call may change."""

_STORES = (OpAccess.WRITE, OpAccess.READ_WRITE)
_ENDING = (LockAction.RELEASE, LockAction.END)
_FACTORY = InstructionInfoFactory()


class ReadModifyWrite(NamedTuple):
    """A variable is written by the instruction `at` with what the one at `read` read from it, or
    from `source`, another one; on some path after the instruction `between`, one that may turn
    interrupts on or ends what kept the thread where it was."""

    variable: str
    source: str
    read: int
    at: int
    between: int


class AddressTaken(NamedTuple):
    """The address of the running processor's variable is put in a register."""

    variable: str
    at: int


class PerCpuUse(NamedTuple):
    """What a function does with per-CPU variables that can go wrong where its thread may be moved.
    Instructions go by their indexes.

    Nothing here belongs to one process: the cache keeps it for later checks.
    """

    updates: tuple[ReadModifyWrite, ...] = ()
    addresses: tuple[AddressTaken, ...] = ()
    uses: tuple[AddressUse, ...] = ()


NO_USE = PerCpuUse()


def per_cpu_use(
    routine: Routine, graph: Callable[[str], Graph], variables: Set[str], changed: ChangedBy
) -> PerCpuUse:
    """Return what a function does with the per-CPU `variables` (symbols)."""
    if not _may_matter(routine, variables):
        return NO_USE
    ends = frozenset(_ends(routine))
    flow = _CopyFlow(graph(routine.symbol), variables, changed, ends)
    addresses = tuple(flow.addresses())
    made = {one.at: one.variable for one in addresses}
    uses = uses_after_moves(flow.nodes, made, changed, ends) if made else ()
    return PerCpuUse(tuple(flow.updates()), addresses, tuple(uses))


def _ends(routine: Routine) -> Iterator[int]:
    """Yield the instructions that release a lock or end a state."""
    at = [event.index for event in routine.lock_events if event.action in _ENDING]
    if at:
        lines = [isinstance(item, Line) for item in routine.items]
        yield from (sum(lines[:index]) for index in at)


def _may_matter(routine: Routine, variables: Set[str]) -> bool:
    """Return whether a function makes the address of a variable, or may write one."""
    if variables.isdisjoint(routine.targets):
        return False
    return any(
        one.target in variables and (one.operand == 0 or not _is_read(item, one.operand))
        for item in routine.items
        if isinstance(item, Line)
        for one in item.references
    )


def _is_read(line: Line, operand: int) -> bool:
    is_memory = isinstance(line.statement.operands[operand], Address)
    return is_memory and line.statement.mnemonic != "lea"


class _CopyFlow:
    """Which registers may hold copies of the `variables` before each instruction."""

    def __init__(
        self, graph: Graph, variables: Set[str], changed: ChangedBy, ends: Collection[int]
    ) -> None:
        self.variables = variables
        self.nodes = graph.nodes
        self._changed = changed
        self._ends = ends
        self.copies: dict[int, Copies] = forward_may(self.nodes, frozenset(), self._transfer)

    def updates(self) -> Iterator[ReadModifyWrite]:
        """Yield where a variable is written with what was read from one before."""
        for at, copies in self.copies.items():
            node = self.nodes[at]
            variable = self._variable(node)
            reads = {number for number, _ in node.effects.reads}
            for number, read_from, read, between in sorted(copies):
                # an instruction that reads the variable itself, such as `xadd`, is done at once
                if variable is not None and number in reads and _only_stores(node):
                    yield ReadModifyWrite(variable, read_from, read, at, between)

    def addresses(self) -> Iterator[AddressTaken]:
        """Yield where the addresses of variables are made."""
        for at, copies in self.copies.items():
            node = self.nodes[at]
            for one in node.line.references:
                is_memory = isinstance(node.line.statement.operands[one.operand], Address)
                is_address = not is_memory or node.effects.mnemonic == Mnemonic.LEA
                if is_address and one.target in self.variables and _is_own(node, copies):
                    yield AddressTaken(str(one.target), at)

    def _transfer(self, at: int, node: Node, before: Copies) -> Copies:
        if node.is_call:
            changed = self._changed(node)
            return frozenset(one for one in before if one[0] not in changed)
        # whatever is computed from a copy is one: `inc`, `lea`, a sum with something else
        written = {number for number, _ in node.effects.writes if number != RSP}
        read = {number for number, _ in node.effects.reads}
        copied = {one[1:] for one in before if one[0] in read}
        variable = self._variable(node)
        if variable is not None:
            copied.add((variable, at, NOTHING_YET))
        after = {one for one in before if one[0] not in written}
        after |= {(number, *one) for number in written for one in copied}
        if at in self._ends or node.effects.mnemonic in ENABLING:
            after |= {(number, name, place, at) for number, name, place, _ in after}
        return frozenset(after)

    def _variable(self, node: Node) -> str | None:
        """Return the per-CPU variable that the instruction's memory operand lies in."""
        for one in node.line.references:
            is_memory = isinstance(node.line.statement.operands[one.operand], Address)
            if is_memory and one.target in self.variables:
                return str(one.target)
        return None


def _is_own(node: Node, copies: Copies) -> bool:
    """Return whether an instruction that makes the address of a variable may make that of this
    processor's: what is added to a block of variables which this processor did not find by itself
    leads into another one's."""
    written = {number for number, _ in node.effects.writes}
    found_here = any(one[0] in written for one in copies)
    return node.effects.mnemonic != Mnemonic.ADD or found_here


def _only_stores(node: Node) -> bool:
    """Return whether the instruction writes memory, and no register."""
    memory = _FACTORY.info(node.effects.instruction).used_memory()
    return not node.effects.writes and any(one.access in _STORES for one in memory)
