"""Follows what registers hold through a routine, and which hold addresses from somewhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

from iced_x86 import InstructionInfoFactory, Mnemonic, OpAccess, OpKind, RegisterExt
from iced_x86 import Register as IcedRegister

from pykasm.check.effects import RSP
from pykasm.check.graph import Node
from pykasm.lang.convention import SLOT

T = TypeVar("T")

Held: TypeAlias = frozenset[tuple[int, str]]
"""Numbers of registers with where the address in each came from."""

STORES = frozenset(
    {OpAccess.WRITE, OpAccess.READ_WRITE, OpAccess.COND_WRITE, OpAccess.READ_COND_WRITE}
)
_MAKERS = (Mnemonic.MOV, Mnemonic.LEA)
"""Instructions that can put an address in a register."""

_FACTORY = InstructionInfoFactory()


def follow(
    nodes: Sequence[Node],
    first: frozenset[T],
    after: Callable[[int, Node, frozenset[T]], frozenset[T]],
) -> dict[int, frozenset[T]]:
    """What some path brings to each instruction that is reached, by its number: `first` to the
    first one, and what `after` says that each leaves of what came to it."""
    found: dict[int, frozenset[T]] = {}
    waiting = [(0, first)]
    while waiting:
        at, come = waiting.pop()
        known = found.get(at)
        if known is None or not come <= known:
            found[at] = come | (known or frozenset())
            left = after(at, nodes[at], found[at])
            waiting += [(following, left) for following in nodes[at].successors]
    return found


class AddressFlow:
    """The addresses that registers hold: those `at_entry`, and those that `mov` and `lea` make, as
    `made` tells. `changed` are the registers that a call may change."""

    def __init__(
        self,
        nodes: Sequence[Node],
        at_entry: Held,
        made: Callable[[int, Node], str | None],
        changed: Callable[[Node], Collection[int]],
    ) -> None:
        self._nodes = nodes
        self._made = made
        self._changed = changed
        self._held = follow(nodes, at_entry, self._after)

    def uses(self, *, stores: bool = False) -> Iterator[tuple[int, str]]:
        """The instructions that use memory at one of the addresses, by their numbers, and where it
        came from; only those that write there if only `stores` are asked for."""
        for at, held in self._held.items():
            if held:
                bases = _bases(self._nodes[at], stores)
                yield from ((at, name) for number, name in sorted(held) if number in bases)

    def _after(self, at: int, node: Node, held: Held) -> Held:
        if not held and node.effects.mnemonic not in _MAKERS:
            return held
        if node.is_call:
            changed = self._changed(node)
            return frozenset(one for one in held if one[0] not in changed)
        if not node.effects.writes:
            return held
        written = {number for number, _ in node.effects.writes if number != RSP}
        left = frozenset(one for one in held if one[0] not in written)
        target = _target(node)
        if target is None:
            return left
        name = self._made(at, node)
        names = [name] if name is not None else _passed(node, target, held)
        return left | {(target, one) for one in names}


def _target(node: Node) -> int | None:
    """The register that an instruction gives an address: one that it writes whole."""
    instruction = node.effects.instruction
    if instruction.op0_kind != OpKind.REGISTER or not node.effects.writes:
        return None
    register: Any = instruction.op0_register
    is_whole = RegisterExt.is_gpr(register) and RegisterExt.size(register) == SLOT
    return RegisterExt.number(register) if is_whole else None


def _passed(node: Node, target: int, held: Held) -> list[str]:
    """Where the address came from that an instruction leaves in `target`: distances from an
    address are added to it or taken off, and the difference of two is none."""
    instruction = node.effects.instruction
    other = _number(instruction.op1_register) if instruction.op1_kind == OpKind.REGISTER else None
    mine, others = _names(held, target), _names(held, other)
    match node.effects.mnemonic:
        case Mnemonic.MOV:
            return others
        case Mnemonic.LEA:
            return _names(held, _number(instruction.memory_base))
        case Mnemonic.ADD | Mnemonic.INC:
            return mine or others
        case Mnemonic.SUB | Mnemonic.DEC:
            return [] if others else mine
    return []


def _names(held: Held, number: int | None) -> list[str]:
    return [name for one, name in held if one == number]


def _bases(node: Node, stores: bool) -> set[int | None]:
    """The registers with the addresses of the memory that an instruction uses."""
    if node.effects.mnemonic == Mnemonic.LEA:
        return set()
    used = _FACTORY.info(node.effects.instruction).used_memory()
    return {_number(one.base) for one in used if not stores or one.access in STORES} - {None, RSP}


def _number(register: Any) -> int | None:
    if register == IcedRegister.NONE or not RegisterExt.is_gpr(register):
        return None
    return int(RegisterExt.number(RegisterExt.full_register(register)))
