"""iced-x86's encoder, for what Keystone does not know or gets wrong."""

from __future__ import annotations

from iced_x86 import Encoder, EncodingKind, Instruction, OpKind, RoundingControl

from pykasm.encode.render import branch_placeholder
from pykasm.encode.verify import ICED_REGISTERS, ROUNDING_CONTROLS, STRING_OPERANDS
from pykasm.isa.addresses import address_bits
from pykasm.isa.formtable import Form
from pykasm.isa.kinds import OperandRule, signed
from pykasm.isa.registers import REGISTERS, Register, general
from pykasm.isa.shapes import PREFIXES
from pykasm.isa.statement import (
    Address,
    BranchTarget,
    FarPointer,
    Operand,
    Statement,
    VectorOptions,
)

_IMMEDIATE_KINDS = {
    (8, 8): OpKind.IMMEDIATE8,
    (8, 16): OpKind.IMMEDIATE8TO16,
    (8, 32): OpKind.IMMEDIATE8TO32,
    (8, 64): OpKind.IMMEDIATE8TO64,
    (16, 16): OpKind.IMMEDIATE16,
    (32, 32): OpKind.IMMEDIATE32,
    (32, 64): OpKind.IMMEDIATE32TO64,
    (64, 64): OpKind.IMMEDIATE64,
}
_WORD_SIZES = {"R16": 2, "R32": 4, "R64": 8}
_BRANCH_KINDS = {16: OpKind.NEAR_BRANCH16, 32: OpKind.NEAR_BRANCH32, 64: OpKind.NEAR_BRANCH64}


def candidates(statement: Statement, forms: tuple[Form, ...]) -> list[bytes]:
    """The statement's machine code (at address 0) in each form that has one, shortest first."""
    found = (_encode(statement, form) for form in forms)
    return sorted((code for code in found if code is not None), key=len)


def _encode(statement: Statement, form: Form) -> bytes | None:
    instruction = _instruction(statement, form)
    try:
        length = Encoder(statement.bits).encode(instruction, 0)
        if instruction.is_ip_rel_memory_operand:
            instruction.memory_displacement = _target(statement, length)
        encoder = Encoder(statement.bits)
        encoder.encode(instruction, 0)
    except ValueError:
        return None
    return encoder.take_buffer()


def _target(statement: Statement, length: int) -> int:
    """What iced-x86 wants of a RIP-relative operand: the address that it comes to."""
    address = next(operand for operand in statement.operands if isinstance(operand, Address))
    width = address_bits(address, statement.bits)
    return (length + address.displacement) & ((1 << width) - 1)


def _instruction(statement: Statement, form: Form) -> Instruction:
    instruction = Instruction()
    instruction.code = form.code
    for position, kind in enumerate(form.kinds):
        _set_unwritten(instruction, position, kind, statement.bits)
    for position, rule, operand in zip(form.positions, form.rules, statement.operands, strict=True):
        _set_operand(instruction, position, rule, operand, statement.bits)
    for position, register in form.implied:
        instruction.set_op_register(position, ICED_REGISTERS[register])
    if form.tied:
        instruction.set_op_register(1, instruction.op_register(0))
    _set_prefix(instruction, PREFIXES[statement.prefix])
    if statement.options:
        _set_options(instruction, statement.options)
    return instruction


def _set_options(instruction: Instruction, options: VectorOptions) -> None:
    if options.mask:
        instruction.op_mask = ICED_REGISTERS[options.mask]
    instruction.zeroing_masking = options.zeroing
    instruction.is_broadcast = options.copies != 0
    instruction.suppress_all_exceptions = options.rounding == "sae"
    instruction.rounding_control = ROUNDING_CONTROLS.get(options.rounding, RoundingControl.NONE)


def _set_unwritten(instruction: Instruction, position: int, kind: str, bits: int) -> None:
    """What an operand is unless the statement writes it out."""
    if kind in STRING_OPERANDS:
        instruction.set_op_kind(position, STRING_OPERANDS[kind][bits])
    elif kind == "SEG_RBX_AL":
        instruction.set_op_kind(position, OpKind.MEMORY)
        base = {16: "bx", 32: "ebx", 64: "rbx"}[bits]
        instruction.memory_base = ICED_REGISTERS[REGISTERS[base]]
        instruction.memory_index = ICED_REGISTERS[REGISTERS["al"]]
    elif kind.lower() in REGISTERS:
        instruction.set_op_register(position, ICED_REGISTERS[REGISTERS[kind.lower()]])


def _set_operand(
    instruction: Instruction, position: int, rule: OperandRule, operand: Operand, bits: int
) -> None:
    if isinstance(operand, Register):
        if rule.any_width:
            operand = general(operand.number, _WORD_SIZES[rule.kind.partition("_")[0]])
        instruction.set_op_register(position, ICED_REGISTERS[operand])
    elif isinstance(operand, Address):
        _set_memory(instruction, position, rule, operand, bits)
    elif isinstance(operand, int):
        _set_immediate(instruction, position, rule, operand)
    elif isinstance(operand, BranchTarget):
        instruction.set_op_kind(position, _BRANCH_KINDS[bits])
        instruction.near_branch64 = branch_placeholder(rule.branch)
    elif isinstance(operand, FarPointer):
        _set_far_pointer(instruction, position, operand)


def _set_memory(
    instruction: Instruction, position: int, rule: OperandRule, address: Address, bits: int
) -> None:
    width = address_bits(address, bits)
    if address.segment is not None:
        instruction.segment_prefix = ICED_REGISTERS[address.segment]
    if rule.kind in STRING_OPERANDS:
        instruction.set_op_kind(position, STRING_OPERANDS[rule.kind][width])
        return
    instruction.set_op_kind(position, OpKind.MEMORY)
    if address.base is not None:
        instruction.memory_base = ICED_REGISTERS[address.base]
    if address.index is not None:
        instruction.memory_index = ICED_REGISTERS[address.index]
        instruction.memory_index_scale = address.scale
    displacement = address.displacement & ((1 << width) - 1)
    relative = instruction.is_ip_rel_memory_operand
    instruction.memory_displacement = 0 if relative else displacement
    scaled = instruction.encoding == EncodingKind.EVEX
    value = signed(displacement, width)
    instruction.memory_displ_size = _displacement_size(address, width, value, scaled)


def _displacement_size(address: Address, width: int, value: int, scaled: bool) -> int:
    """The bytes of the displacement; 1 lets the encoder take what the form needs at least.

    A `scaled` one counts in widths of the operand where it is a multiple (Intel SDM vol. 2, 2.7.5).
    """
    if address.base is None:
        return width // 8
    if value == 0:
        return 0
    return 1 if scaled or -0x80 <= value < 0x80 else width // 8


def _set_immediate(instruction: Instruction, position: int, rule: OperandRule, value: int) -> None:
    field = rule.immediate
    shape = (field.bits, field.operand_bits) if field else (8, 8)
    instruction.set_op_kind(position, _IMMEDIATE_KINDS[shape])
    instruction.set_immediate_u64(position, value & ((1 << shape[1]) - 1))


def _set_far_pointer(instruction: Instruction, position: int, pointer: FarPointer) -> None:
    if pointer.size == 2:
        instruction.set_op_kind(position, OpKind.FAR_BRANCH16)
        instruction.far_branch16 = pointer.offset
    else:
        instruction.set_op_kind(position, OpKind.FAR_BRANCH32)
        instruction.far_branch32 = pointer.offset
    instruction.far_branch_selector = pointer.selector


def _set_prefix(instruction: Instruction, words: tuple[str, ...]) -> None:
    instruction.has_lock_prefix = "lock" in words
    instruction.has_rep_prefix = "rep" in words or "xrelease" in words
    instruction.has_repne_prefix = not {"repne", "bnd", "xacquire"}.isdisjoint(words)
    if "notrack" in words:
        instruction.segment_prefix = ICED_REGISTERS[REGISTERS["ds"]]
