"""Where in an instruction a symbol's address goes, and by which computation."""

from __future__ import annotations

from collections.abc import Iterator

from iced_x86 import ConstantOffsets

from pykasm.isa.addresses import address_bits
from pykasm.isa.formtable import Form
from pykasm.isa.kinds import OperandRule
from pykasm.isa.registers import RegisterKind
from pykasm.isa.statement import (
    Address,
    BranchTarget,
    Encoding,
    FarPointer,
    Fixup,
    FixupKind,
    Statement,
    SymbolImmediate,
)

_BRANCHES = {1: FixupKind.BRANCH8, 2: FixupKind.BRANCH16, 4: FixupKind.BRANCH32}
_ABSOLUTES = {2: FixupKind.ABSOLUTE16, 4: FixupKind.ABSOLUTE32, 8: FixupKind.ABSOLUTE64}


def encoding_with_fixups(
    code: bytes, offsets: ConstantOffsets, statement: Statement, form: Form
) -> Encoding:
    """`code` of `statement` with the fields for symbols made zero and named as fix-ups."""
    cleared = bytearray(code)
    fixups = []
    for fixup, size in _fields(len(code), offsets, statement, form):
        cleared[fixup.offset : fixup.offset + size] = bytes(size)
        fixups.append(fixup)
    return Encoding(bytes(cleared), tuple(fixups))


def _fields(
    length: int, offsets: ConstantOffsets, statement: Statement, form: Form
) -> Iterator[tuple[Fixup, int]]:
    """Each fix-up with the bytes of its field."""
    for position, operand in enumerate(statement.operands):
        rule = form.rules[position]
        if isinstance(operand, Address) and operand.symbolic:
            kind = _address_kind(operand, statement.bits, offsets.displacement_size)
            offset = offsets.displacement_offset
            addend = offset - length if kind is FixupKind.PC32 else 0
            yield Fixup(offset, kind, position, addend), offsets.displacement_size
        elif isinstance(operand, SymbolImmediate):
            kind = _immediate_kind(rule)
            yield Fixup(offsets.immediate_offset, kind, position, 0), operand.size
        elif isinstance(operand, BranchTarget):
            offset = length - rule.branch
            kind = _BRANCHES[rule.branch]
            yield Fixup(offset, kind, position, -rule.branch), rule.branch
        elif isinstance(operand, FarPointer) and operand.symbolic:
            kind = _ABSOLUTES[operand.size]
            yield Fixup(offsets.immediate_offset, kind, position, 0), operand.size


def _address_kind(address: Address, bits: int, size: int) -> FixupKind:
    if address.base and address.base.kind is RegisterKind.INSTRUCTION_POINTER:
        return FixupKind.PC32
    if address_bits(address, bits) == 64 and size == 4:
        return FixupKind.SIGNED32
    return _ABSOLUTES[size]


def _immediate_kind(rule: OperandRule) -> FixupKind:
    field = rule.immediate
    assert field is not None
    if (field.bits, field.operand_bits) == (32, 64):
        return FixupKind.SIGNED32
    return _ABSOLUTES[field.bits // 8]
