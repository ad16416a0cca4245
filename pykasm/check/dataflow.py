"""Forward may-analysis, and one that is made of it: which registers hold addresses from where."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from iced_x86 import InstructionInfoFactory, Mnemonic, OpAccess, OpKind, RegisterExt
from iced_x86 import Register as IcedRegister

from pykasm.check.effects import RSP
from pykasm.check.graph import Node
from pykasm.lang.convention import ARGUMENTS, SLOT

T = TypeVar("T")

Transfer: TypeAlias = Callable[[int, Node, frozenset[T]], frozenset[T]]
"""The facts after an instruction, by its index, itself and the facts before it."""

N = TypeVar("N")
"""What says where an address came from."""

Origins: TypeAlias = frozenset[tuple[int, N]]
"""Numbers of registers with where the addresses in them came from."""

STORES = frozenset(
    {OpAccess.WRITE, OpAccess.READ_WRITE, OpAccess.COND_WRITE, OpAccess.READ_COND_WRITE}
)

_ADDRESS_MAKERS = (Mnemonic.MOV, Mnemonic.LEA, Mnemonic.ADD)
"""Instructions that can put a new address in a register."""

_FACTORY = InstructionInfoFactory()


def forward_may(
    nodes: Sequence[Node], at_entry: frozenset[T], transfer: Transfer[T]
) -> dict[int, frozenset[T]]:
    """Return the facts that hold on some path to each instruction that is reached, by its index.

    Sets join by union; they only grow, so the worklist runs empty.
    """
    before: dict[int, frozenset[T]] = {}
    worklist = [(0, at_entry)]
    while worklist:
        index, arriving = worklist.pop()
        known = before.get(index)
        # visited for the first time even with no facts: it may make some itself
        if known is None or not arriving <= known:
            before[index] = arriving | (known or frozenset())
            after = transfer(index, nodes[index], before[index])
            worklist += [(successor, after) for successor in nodes[index].successors]
    return before


def writes_memory(node: Node) -> bool:
    """Return whether an instruction stores by its operands: `push` and `call` do so by none."""
    instruction = node.effects.instruction
    if instruction.is_stack_instruction:
        return False
    return any(one.access in STORES for one in _FACTORY.info(instruction).used_memory())


class AddressFlow(Generic[N]):
    """The addresses that registers may hold before each instruction.

    They are those `at_entry` and those that instructions make: `made` returns where the address
    that an instruction makes comes from, None if it makes none or that is of no interest. `changed`
    returns the registers that a call may change.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        at_entry: Origins[N],
        made: Callable[[int, Node], N | None],
        changed: Callable[[Node], Collection[int]],
    ) -> None:
        self._nodes = nodes
        self._made = made
        self._changed = changed
        self._before = forward_may(nodes, at_entry, self._transfer)

    def uses(self, *, stores: bool = False) -> Iterator[tuple[int, N]]:
        """Yield the index of each instruction that accesses memory at one of the addresses, and
        where that came from; only those that write there if `stores`."""
        for index, origins in self._before.items():
            if origins:
                bases = _bases(self._nodes[index], stores)
                yield from ((index, name) for number, name in sorted(origins) if number in bases)

    def arguments(self, count: Callable[[Node], int]) -> Iterator[tuple[int, N]]:
        """Yield the index of each call that one of the addresses is an argument of, and where that
        came from. `count` returns how many registers take arguments of a call."""
        for index, origins in self._before.items():
            if origins:
                passed = {one.number for one in ARGUMENTS[: count(self._nodes[index])]}
                yield from ((index, name) for number, name in sorted(origins) if number in passed)

    def held(self, registers: Collection[int], *, at: int) -> Iterator[tuple[int, N]]:
        """Yield the index of each instruction with the mnemonic `at` before which one of the
        `registers` holds an address, and where that came from."""
        for index, origins in self._before.items():
            if origins and self._nodes[index].effects.mnemonic == at:
                yield from ((index, name) for one, name in sorted(origins) if one in registers)

    def _transfer(self, index: int, node: Node, before: Origins[N]) -> Origins[N]:
        if not before and node.effects.mnemonic not in _ADDRESS_MAKERS:
            return before  # most instructions of most functions
        if node.is_call:
            changed = self._changed(node)
            return frozenset(one for one in before if one[0] not in changed)
        if not node.effects.writes:
            return before
        written = {number for number, _ in node.effects.writes if number != RSP}
        kept = frozenset(one for one in before if one[0] not in written)
        # only a whole register can hold an address: narrow writes leave none
        target = _target(node)
        if target is None:
            return kept
        name = self._made(index, node)
        names = [name] if name is not None else _derived(node, target, before)
        return kept | {(target, one) for one in names}


def _target(node: Node) -> int | None:
    """Return the register that an instruction gives an address: one that it writes whole."""
    instruction = node.effects.instruction
    if instruction.op0_kind != OpKind.REGISTER or not node.effects.writes:
        return None
    register: Any = instruction.op0_register
    is_whole = RegisterExt.is_gpr(register) and RegisterExt.size(register) == SLOT
    return RegisterExt.number(register) if is_whole else None


def _derived(node: Node, target: int, before: Origins[N]) -> list[N]:
    """Return where the address came from that an instruction leaves in `target`.

    An address stays one when a distance is added or subtracted; the difference of two is none.
    """
    instruction = node.effects.instruction
    other = _number(instruction.op1_register) if instruction.op1_kind == OpKind.REGISTER else None
    mine, others = _names(before, target), _names(before, other)
    match node.effects.mnemonic:
        case Mnemonic.MOV:
            return others
        case Mnemonic.LEA:
            return _names(before, _number(instruction.memory_base))
        case Mnemonic.ADD | Mnemonic.INC:
            return mine or others  # `add(offset, address)` makes one of the offset
        case Mnemonic.SUB | Mnemonic.DEC:
            return [] if others else mine
    return []


def _names(origins: Origins[N], number: int | None) -> list[N]:
    return [name for one, name in origins if one == number]


def _bases(node: Node, stores: bool) -> set[int | None]:
    """Return the base registers of the memory that an instruction accesses."""
    if node.effects.mnemonic == Mnemonic.LEA:
        return set()
    # implicit ones too: string instructions access memory by rsi and rdi
    used = _FACTORY.info(node.effects.instruction).used_memory()
    return {_number(one.base) for one in used if not stores or one.access in STORES} - {None, RSP}


def _number(register: Any) -> int | None:
    if register == IcedRegister.NONE or not RegisterExt.is_gpr(register):
        return None
    return int(RegisterExt.number(RegisterExt.full_register(register)))
