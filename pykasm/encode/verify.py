"""Whether decoded machine code means a statement: same opcode, same operands."""

from __future__ import annotations

from iced_x86 import FastFormatter, Instruction, OpKind, RoundingControl
from iced_x86 import Register as IcedRegister
from iced_x86 import Register_ as IcedNumber

from pykasm.encode.render import branch_placeholder
from pykasm.isa.addresses import address_bits
from pykasm.isa.formtable import Form
from pykasm.isa.kinds import OperandRule
from pykasm.isa.registers import REGISTERS, Register, RegisterKind
from pykasm.isa.shapes import PREFIXES
from pykasm.isa.statement import (
    Address,
    BranchTarget,
    FarPointer,
    Operand,
    Statement,
    VectorOptions,
)


def _iced_number(register: Register) -> IcedNumber:
    name = register.name.upper()
    if register.kind is RegisterKind.GENERAL and register.size == 1 and register.number >= 8:
        name = f"R{register.number}L"
    number: IcedNumber = getattr(IcedRegister, name)
    return number


ICED_REGISTERS: dict[Register, IcedNumber] = {
    register: _iced_number(register) for register in REGISTERS.values()
}
"""iced-x86's number of each register."""

_REGISTERS: dict[int, Register] = {number: register for register, number in ICED_REGISTERS.items()}

_MEMORY = OpKind.MEMORY
_RIP, _EIP = IcedRegister.RIP, IcedRegister.EIP
_FLAT_SEGMENTS = frozenset(ICED_REGISTERS[REGISTERS[name]] for name in ("es", "cs", "ss", "ds"))
"""Segments with base 0 in 64-bit code, so it is all one which is named (APM vol. 2, 4.5.3)."""

_DS, _SS = IcedRegister.DS, IcedRegister.SS
_STACK_BASES = frozenset(
    ICED_REGISTERS[REGISTERS[name]] for name in ("rsp", "rbp", "esp", "ebp", "bp")
)

STRING_OPERANDS = {
    "ES_RDI": {16: OpKind.MEMORY_ESDI, 32: OpKind.MEMORY_ESEDI, 64: OpKind.MEMORY_ESRDI},
    "SEG_RDI": {16: OpKind.MEMORY_SEG_DI, 32: OpKind.MEMORY_SEG_EDI, 64: OpKind.MEMORY_SEG_RDI},
    "SEG_RSI": {16: OpKind.MEMORY_SEG_SI, 32: OpKind.MEMORY_SEG_ESI, 64: OpKind.MEMORY_SEG_RSI},
}
"""iced-x86's operand kinds for memory at a register that the instruction implies, by width."""


ROUNDING_CONTROLS = {
    "rn-sae": RoundingControl.ROUND_TO_NEAREST,
    "rd-sae": RoundingControl.ROUND_DOWN,
    "ru-sae": RoundingControl.ROUND_UP,
    "rz-sae": RoundingControl.ROUND_TOWARD_ZERO,
}
"""iced-x86's number of each way to round."""


def _formatter() -> FastFormatter:
    formatter = FastFormatter()
    formatter.space_after_operand_separator = True
    formatter.use_hex_prefix = True
    formatter.uppercase_hex = False
    formatter.always_show_memory_size = True
    formatter.rip_relative_addresses = True
    return formatter


_FORMATTER = _formatter()


def matching_form(
    instruction: Instruction, statement: Statement, forms: tuple[Form, ...], text: str
) -> Form | None:
    """The form of `forms` by which `instruction` means `statement` (placeholders filled in).

    Of an opcode that the statement has, equal `text` proves equal operands; texts that differ
    can still mean the same, then the operands are compared one by one.
    """
    code = instruction.code
    plain = statement.options is None
    for form in forms:
        if form.code == code and (
            (plain and _FORMATTER.format(instruction) == text)
            or _agrees(instruction, statement, form)
        ):
            return form
    return None


def _agrees(instruction: Instruction, statement: Statement, form: Form) -> bool:
    if form.vector and not _same_options(instruction, statement.options or VectorOptions()):
        return False
    for position, rule, operand in zip(form.positions, form.rules, statement.operands, strict=True):
        if isinstance(operand, Register):
            register = instruction.op_register(position)
            if register != ICED_REGISTERS[operand] and not _same_number_of(register, operand, rule):
                return False
        elif isinstance(operand, Address):
            if not _same_memory(instruction, position, rule, operand, statement.bits):
                return False
        elif not _same_number(instruction, position, rule, operand):
            return False
    if form.implied or form.tied or len(form.kinds) > len(form.positions):
        return _implied_agree(instruction, statement, form) and _same_prefix(instruction, statement)
    return _same_prefix(instruction, statement)


def _same_options(instruction: Instruction, options: VectorOptions) -> bool:
    rounding = ROUNDING_CONTROLS.get(options.rounding, RoundingControl.NONE)
    return (
        instruction.op_mask == (ICED_REGISTERS[options.mask] if options.mask else 0)
        and instruction.zeroing_masking == options.zeroing
        and instruction.is_broadcast == (options.copies != 0)
        and instruction.rounding_control == rounding
        and instruction.suppress_all_exceptions == (options.rounding == "sae")
    )


def _same_number_of(register: int, operand: Register, rule: OperandRule) -> bool:
    found = _REGISTERS.get(register)
    return rule.any_width and found is not None and found.number == operand.number


def _same_number(
    instruction: Instruction, position: int, rule: OperandRule, operand: Operand
) -> bool:
    if isinstance(operand, int):
        bits = rule.immediate.operand_bits if rule.immediate else 8
        return (instruction.immediate(position) - operand) & ((1 << bits) - 1) == 0
    if isinstance(operand, BranchTarget):
        return instruction.near_branch_target == branch_placeholder(rule.branch)
    if isinstance(operand, FarPointer):
        offset = instruction.far_branch16 if operand.size == 2 else instruction.far_branch32
        return (instruction.far_branch_selector, offset) == (operand.selector, operand.offset)
    return False


def _same_memory(
    instruction: Instruction, position: int, rule: OperandRule, address: Address, bits: int
) -> bool:
    width = address_bits(address, bits)
    kind = instruction.op_kind(position)
    if kind != _MEMORY:
        wanted = STRING_OPERANDS.get(rule.kind, {}).get(width)
        in_es = rule.kind == "ES_RDI"  # no prefix changes this segment
        return kind == wanted and (in_es or _same_segment(instruction, address, bits))
    return (
        _same_registers(instruction, address)
        and (_displacement(instruction) - address.displacement) & ((1 << width) - 1) == 0
        and (address.base or address.index or instruction.memory_displ_size * 8 == bits)
        and _same_segment(instruction, address, bits)
    )


def _displacement(instruction: Instruction) -> int:
    if instruction.memory_base in (_RIP, _EIP):
        return instruction.memory_displacement - instruction.next_ip
    return instruction.memory_displacement


def _same_registers(instruction: Instruction, address: Address) -> bool:
    base, index = instruction.memory_base, instruction.memory_index
    wanted_base = ICED_REGISTERS[address.base] if address.base else 0
    wanted_index = ICED_REGISTERS[address.index] if address.index else 0
    scale = instruction.memory_index_scale
    if base == wanted_base and index == wanted_index and scale == address.scale:
        return True
    return _sum(base, index, scale) == _sum(wanted_base, wanted_index, address.scale)


def _sum(base: int, index: int, scale: int) -> dict[int, int]:
    """How often each register enters the address: `[rax + rax]` is `[rax*2]`."""
    terms = {base: 1}
    terms[index] = terms.get(index, 0) + scale
    terms.pop(0, None)
    return terms


def _same_segment(instruction: Instruction, address: Address, bits: int) -> bool:
    found = instruction.memory_segment
    if address.segment is not None:
        wanted = ICED_REGISTERS[address.segment]
    else:
        base = ICED_REGISTERS[address.base] if address.base else 0
        wanted = _SS if base in _STACK_BASES else _DS
    if found == wanted:
        return True
    return bits == 64 and found in _FLAT_SEGMENTS and wanted in _FLAT_SEGMENTS


def _implied_agree(instruction: Instruction, statement: Statement, form: Form) -> bool:
    """Operands that are not written must be what leaving them out means."""
    if any(instruction.op_register(p) != ICED_REGISTERS[r] for p, r in form.implied):
        return False
    if form.tied and instruction.op_register(1) != instruction.op_register(0):
        return False
    for position, kind in enumerate(form.kinds):
        if kind in STRING_OPERANDS and position not in form.positions:
            natural = STRING_OPERANDS[kind][statement.bits]
            if instruction.op_kind(position) != natural or instruction.segment_prefix:
                return False
    return True


def _same_prefix(instruction: Instruction, statement: Statement) -> bool:
    wanted = PREFIXES[statement.prefix]
    return (
        instruction.has_lock_prefix == ("lock" in wanted)
        and instruction.has_rep_prefix == ("rep" in wanted or "xrelease" in wanted)
        and instruction.has_repne_prefix
        == ("repne" in wanted or "bnd" in wanted or "xacquire" in wanted)
        and ("notrack" not in wanted or instruction.segment_prefix == _DS)
    )
