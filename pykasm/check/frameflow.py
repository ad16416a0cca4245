"""The stack's part of the register analysis: rsp, rbp, and values saved in the frame."""

from __future__ import annotations

from iced_x86 import Instruction, Mnemonic, OpKind
from iced_x86 import Register as IcedRegister

from pykasm.check.effects import ALL_LANES, RBP, RSP
from pykasm.check.graph import Node
from pykasm.check.operandroles import written_roles
from pykasm.check.state import UNKNOWN, Clobber, State, Value
from pykasm.isa.registers import Register, RegisterKind
from pykasm.lang.convention import SLOT


def move_stack(index: int, node: Node, state: State) -> None:
    """Apply what the instruction at `index` does to rsp and rbp; of `push` and `pop`, all of it."""
    instruction = node.effects.instruction
    mnemonic = node.effects.mnemonic
    if mnemonic == Mnemonic.PUSH:
        _push(node, state)
    elif mnemonic == Mnemonic.POP:
        _pop(index, node, state)
    elif mnemonic == Mnemonic.LEAVE:
        # rsp goes to rbp, then rbp is popped from there
        state.depth = None if state.base is None else state.base - SLOT
        state.base = None
        state.registers[RBP] = state.slots.get((state.depth or 0) + SLOT, UNKNOWN)
    elif mnemonic == Mnemonic.MOV and _writes_whole(instruction, IcedRegister.RSP):
        # from anything but rbp: another stack, of which nothing is known
        state.depth = state.base if instruction.op1_register == IcedRegister.RBP else None
    elif mnemonic == Mnemonic.MOV and _writes_whole(instruction, IcedRegister.RBP):
        state.base = state.depth if instruction.op1_register == IcedRegister.RSP else None
    elif mnemonic == Mnemonic.LEA and _writes_whole(instruction, IcedRegister.RSP):
        state.depth = _depth_after_lea(instruction, state)
    elif node.effects.stack_delta is None:
        state.depth = None
    elif state.depth is not None:
        state.depth -= node.effects.stack_delta
    _drop_below(state)


def _drop_below(state: State) -> None:
    """Forget what was saved below rsp: an interrupt may overwrite it at any time."""
    depth = state.depth
    if depth is not None and any(at > depth for at in state.slots):
        state.slots = {at: value for at, value in state.slots.items() if at <= depth}


def _push(node: Node, state: State) -> None:
    if state.depth is None:
        return
    state.depth += SLOT
    instruction = node.effects.instruction
    if instruction.op0_kind == OpKind.REGISTER:
        number = _general_register(node)
        if number is not None:
            state.slots = {**state.slots, state.depth: state.registers[number]}


def _pop(index: int, node: Node, state: State) -> None:
    number = _general_register(node)
    saved = None
    if state.depth is None:
        saved = UNKNOWN  # anything may lie there, also what belongs in the register
    else:
        saved = state.slots.get(state.depth)
        state.slots = {at: one for at, one in state.slots.items() if at != state.depth}
        state.depth -= SLOT
    if number is not None and number != RSP:
        _restore(index, node, state, number, saved)
        if number == RBP:
            state.base = None


def _restore(index: int, node: Node, state: State, number: int, saved: Value | None) -> None:
    """Give a register a value from the stack; None if nothing is known to be saved there."""
    role = written_roles(node).get(number)
    if saved is None:
        state.define(number, ALL_LANES, role, Clobber(index))
    elif saved.role is not None or role is None:
        # the role that was pushed, whatever name it is popped by: pops may be in the wrong order
        state.registers[number] = saved
    else:
        state.registers[number] = saved._replace(role=role, stale=False)


def store_in_frame(node: Node, state: State) -> None:
    """Apply a store to the frame: a register may be saved, and what was there is overwritten."""
    at, size = _slot_of(node, state), node.effects.frame_store_size
    if at is None:
        return
    # slots count from their deepest byte: those that overlap begin less than a slot below
    slots = {one: value for one, value in state.slots.items() if not at - size < one < at + SLOT}
    source = _moved_register(node, 1)
    # only what belongs to the caller has to be restored: other values are data of the function
    if source is not None and state.registers[source].entry is not None:
        slots[at] = state.registers[source]
    if slots != state.slots:
        state.slots = slots


def load_from_frame(node: Node, state: State) -> None:
    """Apply a load from the frame: a register that was saved there is restored."""
    target, at = _moved_register(node, 0), _slot_of(node, state)
    saved = state.slots.get(at) if target is not None and at is not None else None
    if target is not None and saved is not None:
        role = written_roles(node).get(target)
        state.registers[target] = saved if role is None else saved._replace(role=role, stale=False)


def _slot_of(node: Node, state: State) -> int | None:
    """Return the depth of the memory that an instruction uses in the frame, None if unknown."""
    access = node.effects.frame_access
    if access is None:
        return None
    base, displacement = access
    start = state.depth if base == RSP else state.base
    return None if start is None else start - displacement


def _moved_register(node: Node, operand: int) -> int | None:
    """Return the number of the 64-bit register that is this operand of a `mov`."""
    if node.effects.mnemonic != Mnemonic.MOV:
        return None
    one = node.line.statement.operands[operand]
    if isinstance(one, Register) and one.kind is RegisterKind.GENERAL and one.size == SLOT:
        return one.number
    return None


def _general_register(node: Node) -> int | None:
    """Return the number of the first operand if it is a general register."""
    operand = node.line.statement.operands[0]
    if isinstance(operand, Register) and operand.kind is RegisterKind.GENERAL:
        return operand.number
    return None


def _writes_whole(instruction: Instruction, register: int) -> bool:
    return instruction.op0_kind == OpKind.REGISTER and bool(instruction.op0_register == register)


def _depth_after_lea(instruction: Instruction, state: State) -> int | None:
    """Return the depth after `lea rsp, [rbp - n]` or `lea rsp, [rsp + n]`."""
    base = instruction.memory_base
    start = {IcedRegister.RBP: state.base, IcedRegister.RSP: state.depth}.get(base)
    if start is None or instruction.memory_index != IcedRegister.NONE:
        return None
    displacement: int = instruction.memory_displacement
    return start - (displacement - ((displacement >> 63) << 64))
