"""Statements as text for Keystone: from typed operands only, numbers always as `0x…`.

Keystone reads a lone displacement in 64-bit code as RIP-relative; `riz*1` ("no index" of the SIB
byte) makes it the absolute address that is meant. Apart from that the text is written as iced-x86's
fast formatter writes it, so that code which is formatted back to the same text is proved right.
"""

from __future__ import annotations

from pykasm.isa.formtable import Form
from pykasm.isa.intel import WIDTH_WORDS, register_text
from pykasm.isa.kinds import OperandRule, signed
from pykasm.isa.registers import REGISTERS, Register, general
from pykasm.isa.statement import (
    Address,
    BranchTarget,
    FarPointer,
    Operand,
    Statement,
    SymbolImmediate,
)

PLACEHOLDERS = {1: 0x11, 2: 0x1122, 4: 0x11223344, 8: 0x1122334455667788}
"""Numbers that stand for an address in a field of so many bytes; none fits a smaller field."""

_SHORT_PLACEHOLDER = 0x10
"""The target of a short branch at address 0: near enough for every encoder."""


def with_placeholders(statement: Statement) -> Statement:
    """`statement` with numbers in place of symbols' addresses."""
    bits = statement.bits
    operands = tuple(_placeholder(operand, bits) for operand in statement.operands)
    return statement._replace(operands=operands)


def _placeholder(operand: Operand, bits: int) -> Operand:
    if isinstance(operand, SymbolImmediate):
        return PLACEHOLDERS[operand.size]
    if isinstance(operand, Address) and operand.symbolic:
        register = operand.base or operand.index
        width = register.size if register else bits // 8
        return operand._replace(displacement=PLACEHOLDERS[min(width, 4)], symbolic=False)
    if isinstance(operand, FarPointer) and operand.symbolic:
        return operand._replace(offset=PLACEHOLDERS[operand.size], symbolic=False)
    return operand


def branch_placeholder(size: int) -> int:
    """The target that stands for a symbol in a branch with a distance of `size` bytes."""
    return _SHORT_PLACEHOLDER if size == 1 else PLACEHOLDERS[size]


def render(statement: Statement, form: Form) -> str:
    """The text of `statement`, placeholders filled in, of which `form` is a form."""
    operands = statement.operands
    words = f"{statement.prefix} {statement.mnemonic}" if statement.prefix else statement.mnemonic
    if not operands:
        return words
    texts = []
    for position, operand in enumerate(operands):
        if type(operand) is Register:
            texts.append(_register(operand, statement.bits, form.rules[position]))
        elif type(operand) is Address:
            texts.append(_address(operand, statement.bits))
        else:
            texts.append(_number(operand, form.rules[position]))
    return f"{words} {', '.join(texts)}"


_REGISTER_TEXTS = {register: register_text(register) for register in REGISTERS.values()}
_WIDTH_TEXTS = {0: ""} | {size: f"{word} ptr " for size, word in WIDTH_WORDS.items()}


def _register(register: Register, bits: int, rule: OperandRule) -> str:
    if rule.any_width and bits != 16:
        return general(register.number, 4).name  # needs no operand-size prefix
    return _REGISTER_TEXTS[register]


def _address(address: Address, bits: int) -> str:
    size, segment, base, index, scale, displacement, _ = address
    text = _WIDTH_TEXTS.get(size, "")
    if segment is not None:
        text = f"{text}{segment.name}:"
    if index is not None:
        inside = f"{base.name}+{index.name}" if base is not None else index.name
        if scale > 1 or base is None:
            inside = f"{inside}*{scale}"
    elif base is not None:
        inside = base.name
    else:
        absolute = "riz*1+" if bits == 64 else ""
        return f"{text}[{absolute}{displacement:#x}]"
    if displacement:
        return f"{text}[{inside}{displacement:+#x}]"
    return f"{text}[{inside}]"


def _number(operand: Operand, rule: OperandRule) -> str:
    """A number; where the machine sign-extends, as a signed one, so that the short form fits."""
    if isinstance(operand, int):
        field = rule.immediate
        if field is not None and field.operand_bits > 8:
            return hex(signed(operand, field.operand_bits))
        return hex(operand)
    if isinstance(operand, BranchTarget):
        return hex(branch_placeholder(rule.branch))
    assert isinstance(operand, FarPointer)
    return f"{operand.selector:#x}:{operand.offset:#x}"
