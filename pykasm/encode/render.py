"""Statements as text for Keystone: from typed operands only, numbers always as `0x…`.

Keystone reads a lone displacement in 64-bit code as RIP-relative; `riz*1` ("no index" of the SIB
byte) makes it the absolute address that is meant.
"""

from __future__ import annotations

from pykasm.isa.formtable import Form
from pykasm.isa.intel import address_text, register_text
from pykasm.isa.kinds import signed
from pykasm.isa.registers import Register, general
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
    if not operands:
        return f"{statement.prefix} {statement.mnemonic}"
    texts = [
        _operand(operand, statement.bits, form, position)
        for position, operand in enumerate(operands)
    ]
    return f"{statement.prefix} {statement.mnemonic} {', '.join(texts)}"


def _operand(operand: Operand, bits: int, form: Form, position: int) -> str:
    if isinstance(operand, Register):
        if form.rules[position].any_width and bits != 16:
            return general(operand.number, 4).name  # needs no operand-size prefix
        return register_text(operand)
    if isinstance(operand, Address):
        return address_text(operand, "riz*1" if bits == 64 else "")
    if isinstance(operand, int):
        return _number(operand, form, position)
    if isinstance(operand, BranchTarget):
        return hex(branch_placeholder(form.rules[position].branch))
    if isinstance(operand, FarPointer):
        return f"{operand.selector:#x}:{operand.offset:#x}"
    raise AssertionError("symbols are replaced by placeholders before rendering")


def _number(value: int, form: Form, position: int) -> str:
    """An immediate; where the machine sign-extends, as a signed number, so the short form fits."""
    field = form.rules[position].immediate
    if field is not None and field.operand_bits > 8 and value > 0:
        return hex(signed(value, field.operand_bits))
    return hex(value)
