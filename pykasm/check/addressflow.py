"""Which registers, and which words of the frame, hold addresses from where."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from iced_x86 import Instruction, InstructionInfoFactory, Mnemonic, OpKind, RegisterExt
from iced_x86 import Register as IcedRegister

from pykasm.check.dataflow import STORES, forward_may
from pykasm.check.effects import RBP, RSP
from pykasm.check.graph import Node
from pykasm.check.operands import number_of, register_operand
from pykasm.lang.convention import ARGUMENTS, SLOT
from pykasm.lang.operands import RegisterOperand
from pykasm.lang.types import is_pointer

N = TypeVar("N")
"""What says where an address came from."""

Origins: TypeAlias = frozenset[tuple[int, N]]
"""Places with where the addresses in them came from: registers by their numbers, what was pushed by
how many pushes ago that was, as a negative number, other words of the frame from `FRAME` on."""

FRAME = 16
"""Places from here on are words of the frame, in order."""

_AT_RBP = 1 << 32
"""The word that rbp points to: more than any frame has lie below."""

_ADDRESS_MAKERS = (Mnemonic.MOV, Mnemonic.LEA, Mnemonic.ADD)
"""Instructions that can put a new address in a register."""

_LARGEST_ALIGNMENT = 64
"""An address that is rounded down to so many bytes is taken for one in the same object."""

_FACTORY = InstructionInfoFactory()


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
        self._exposed = min(map(_address_in_frame, nodes), default=_AT_RBP)
        """Words from here on may be written by who has their address."""
        self._before = forward_may(nodes, at_entry, self._transfer)

    def uses(self, *, stores: bool = False) -> Iterator[tuple[int, N]]:
        """Yield the index of each instruction that accesses memory at one of the addresses, and
        where that came from; only those that write there if `stores`."""
        for index, origins in self._before.items():
            if origins:
                bases = _bases(self._nodes[index], stores)
                yield from ((index, name) for number, name in sorted(origins) if number in bases)

    def arguments(self, registers: Callable[[Node], Collection[int]]) -> Iterator[tuple[int, N]]:
        """Yield the index of each call that one of the addresses is an argument of, and where that
        came from. `registers` returns those of the arguments of a call that matter."""
        for index, origins in self._before.items():
            if origins:
                passed = registers(self._nodes[index])
                yield from ((index, name) for number, name in sorted(origins) if number in passed)

    def stores(self) -> Iterator[tuple[int, N]]:
        """Yield the index of each instruction that stores one of the addresses in memory that is
        not the frame's, and where that came from."""
        for index, origins in self._before.items():
            effects = self._nodes[index].effects
            is_store = effects.mnemonic == Mnemonic.MOV and effects.frame_access is None
            if origins and is_store and effects.instruction.op0_kind == OpKind.MEMORY:
                source = register_operand(effects.instruction, 1)
                yield from ((index, name) for at, name in sorted(origins) if at == source)

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
        if node.effects.changes_frame and node.effects.stack_delta != 0:
            return _moved_on_stack(node, before)
        if node.effects.frame_store_size:
            before = self._stored(node, before)
        if not node.effects.writes and node.effects.mnemonic not in _CONDITIONAL:
            return before
        written = {number for number, _ in node.effects.writes if number != RSP}
        if node.effects.mnemonic == Mnemonic.XCHG:
            return _exchanged(node, before, written)
        kept = frozenset(one for one in before if one[0] not in written)
        # only a whole register can hold an address: narrow writes leave none
        target = _target(node)
        if target is None:
            return kept
        name = self._made(index, node)
        names = [name] if name is not None else self._derived(node, target, before)
        return kept | {(target, one) for one in names}

    def _stored(self, node: Node, before: Origins[N]) -> Origins[N]:
        """Return what is where after a store to a word of the frame."""
        place = _word(node.effects.instruction)
        if place is None:
            return before
        size = node.effects.frame_store_size
        kept = frozenset(one for one in before if not place - SLOT < one[0] < place + size)
        is_whole = node.effects.mnemonic == Mnemonic.MOV and size == SLOT
        if not is_whole or place >= self._exposed:
            return kept
        source = register_operand(node.effects.instruction, 1)
        return kept | {(place, one) for one in _names(before, source)}

    def _derived(self, node: Node, target: int, before: Origins[N]) -> list[N]:
        """Return where the address came from that an instruction leaves in `target`.

        An address stays one when a distance is added or subtracted; the difference of two is none.
        """
        instruction = node.effects.instruction
        other = register_operand(instruction, 1)
        place = _word(instruction) if other is None else other
        mine, others = _names(before, target), _names(before, place)
        match node.effects.mnemonic:
            case Mnemonic.MOV:
                return others
            case Mnemonic.LEA:
                return _names(before, number_of(instruction.memory_base))
            case Mnemonic.ADD | Mnemonic.INC:
                return mine or others  # `add(offset, address)` makes one of the offset
            case Mnemonic.SUB | Mnemonic.DEC:
                return [] if others or _is_less_an_address(node) else mine
            case Mnemonic.AND if _aligns(instruction):
                return mine
            case mnemonic if mnemonic in _CONDITIONAL:
                return [*mine, *others]
        return []


_CONDITIONAL = {getattr(Mnemonic, name) for name in dir(Mnemonic) if name.startswith("CMOV")}


def _is_less_an_address(node: Node) -> bool:
    """Return whether an instruction subtracts an address, as far as types tell, or the frame's."""
    subtracted = node.line.written[1] if len(node.line.written) > 1 else None
    is_pointed = isinstance(subtracted, RegisterOperand) and is_pointer(subtracted._kind)
    return is_pointed or register_operand(node.effects.instruction, 1) in (RBP, RSP)


def _aligns(instruction: Instruction) -> bool:
    """Return whether an `and` rounds an address down within its object."""
    is_number = instruction.op1_kind not in (OpKind.REGISTER, OpKind.MEMORY)
    return is_number and (1 << 64) - int(instruction.immediate(1)) <= _LARGEST_ALIGNMENT


def _moved_on_stack(node: Node, before: Origins[N]) -> Origins[N]:
    """Return what is where after an instruction that changes rsp, such as `push` and `pop`."""
    mnemonic, delta = node.effects.mnemonic, node.effects.stack_delta
    number = register_operand(node.effects.instruction, 0)
    if delta is None or mnemonic == Mnemonic.LEAVE:
        return frozenset(one for one in before if 0 <= one[0] < FRAME)
    distance = delta // SLOT
    kept = {
        (at + distance if at < 0 else at, name)
        for at, name in before
        if (at >= 0 or at + distance < 0) and not (mnemonic == Mnemonic.POP and at == number)
    }
    if mnemonic == Mnemonic.PUSH:
        return frozenset(kept | {(-1, one) for one in _names(before, number)})
    if mnemonic == Mnemonic.POP and number is not None:
        return frozenset(kept | {(number, one) for one in _names(before, -1)})
    return frozenset(kept)


def _exchanged(node: Node, before: Origins[N], written: Collection[int]) -> Origins[N]:
    """Return what is where after `xchg`."""
    instruction = node.effects.instruction
    first, second = register_operand(instruction, 0), register_operand(instruction, 1)
    kept = frozenset(one for one in before if one[0] not in written)
    if first is None or second is None:
        return kept
    swapped = {first: second, second: first}
    return kept | {(swapped[at], name) for at, name in before if at in swapped}


def _address_in_frame(node: Node) -> int:
    """Return the word of the frame whose address an instruction makes; `_AT_RBP` if it makes
    none."""
    is_address = node.effects.mnemonic == Mnemonic.LEA
    is_here = is_address and node.effects.instruction.memory_base == IcedRegister.RBP
    return _AT_RBP + _distance(node.effects.instruction) if is_here else _AT_RBP


def _word(instruction: Instruction) -> int | None:
    """Return the word of the frame that an instruction accesses by its distance from rbp."""
    if instruction.memory_base != IcedRegister.RBP or instruction.memory_index:
        return None
    return _AT_RBP + _distance(instruction)


def _distance(instruction: Instruction) -> int:
    distance: int = instruction.memory_displacement
    return distance - ((distance >> 63) << 64)


def _target(node: Node) -> int | None:
    """Return the register that an instruction gives an address: one that it writes whole."""
    instruction = node.effects.instruction
    if instruction.op0_kind != OpKind.REGISTER:
        return None
    register: Any = instruction.op0_register
    is_whole = RegisterExt.is_gpr(register) and RegisterExt.size(register) == SLOT
    return RegisterExt.number(register) if is_whole else None


def _names(origins: Origins[N], place: int | None) -> list[N]:
    """Return where the addresses came from that are in a place."""
    return [name for one, name in origins if one == place]


def _bases(node: Node, stores: bool) -> set[int | None]:
    """Return the base registers of the memory that an instruction accesses."""
    if node.effects.mnemonic == Mnemonic.LEA:
        return set()
    # implicit ones too: string instructions access memory by rsi and rdi
    used = _FACTORY.info(node.effects.instruction).used_memory()
    return {number_of(one.base) for one in used if not stores or one.access in STORES} - {None, RSP}


def argument_registers(count: int) -> set[int]:
    """Return the numbers of the registers of so many arguments."""
    return {one.number for one in ARGUMENTS[:count]}
