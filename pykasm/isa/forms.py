"""Whether the machine has a form for a statement: the check that every instruction passes."""

from __future__ import annotations

from functools import cache

from pykasm.isa import names, refusals
from pykasm.isa.addresses import address_mistake
from pykasm.isa.formtable import forms, has_forms
from pykasm.isa.registers import Register, RegisterKind
from pykasm.isa.shapes import Shape, shape_of
from pykasm.isa.statement import Address, Statement

_matched: dict[Statement, Shape] = {}


def check(statement: Statement) -> None:
    """Raise the mistake in `statement` if the machine has no form for it.

    Raises OperandSizeMistake, OperandFormMistake or ValueRangeMistake with the way out.
    A statement that passed once costs one dictionary look-up.
    """
    match(statement)


def match(statement: Statement) -> Shape:
    """The shape of `statement`, with its forms; raises as `check` does if it has none."""
    found = _matched.get(statement)
    if found is None:
        found = _matched[statement] = _match(statement)
    return found


def _match(statement: Statement) -> Shape:
    shape = shape_of(statement)
    if not shape.suitable:
        raise refusals.no_shape(statement)
    _check_registers(statement)
    for operand in statement.operands:
        if isinstance(operand, Address):
            _check_address(operand, statement, shape)
    if not shape.valued:
        raise refusals.no_value(statement, shape.suitable)
    if shape.valued[0].distinct:
        _check_distinct(statement)
    if not shape.forms:
        raise refusals.prefix(statement)
    return shape


_sound: set[tuple[object, ...]] = set()


def _check_address(address: Address, statement: Statement, shape: Shape) -> None:
    """Refuse what the machine cannot address, and an operand whose width is left open."""
    key = (statement.bits, *address[1:])
    if key not in _sound:
        mistake = address_mistake(address, statement.bits)
        if mistake:
            raise mistake
        _sound.add(key)
    if address.size == 0:
        wants_width = statement.bits == 16 and statement.mnemonic in names.DESCRIPTOR_TABLES
        if wants_width or len({form.memory_size for form in shape.suitable}) > 1:
            raise refusals.open_width(statement, shape.suitable)


def _check_registers(statement: Statement) -> None:
    if statement.bits != 64:
        for register in _registers(statement):
            if register.needs_rex or _is_long(register):
                raise refusals.long_register(statement, register)
        return
    for operand in statement.operands:
        if isinstance(operand, Register) and operand.kind is RegisterKind.HIGH_BYTE:
            _check_high_byte(statement)


def _check_high_byte(statement: Statement) -> None:
    """A high byte has no number in an instruction with a REX prefix (AMD64 APM vol. 3, 1.2.7)."""
    for operand in statement.operands:
        wide = isinstance(operand, Register) and _is_long(operand)
        if wide or any(register.needs_rex for register in _parts(operand)):
            raise refusals.high_byte(statement)


def _check_distinct(statement: Statement) -> None:
    vectors = [one for one in _registers(statement) if one.kind is RegisterKind.VECTOR]
    numbers = [register.number for register in vectors]
    if len(set(numbers)) < len(numbers):
        raise refusals.not_distinct(statement)


def _is_long(register: Register) -> bool:
    return register.kind is RegisterKind.GENERAL and register.size == 8


def _registers(statement: Statement) -> list[Register]:
    return [register for operand in statement.operands for register in _parts(operand)]


def _parts(operand: object) -> list[Register]:
    if isinstance(operand, Register):
        return [operand]
    if isinstance(operand, Address):
        return [register for register in (operand.base, operand.index) if register]
    return []


@cache
def branch_sizes(bits: int, mnemonic: str) -> frozenset[int]:
    """The sizes in bytes of the distances that branch `mnemonic` has forms for."""
    sizes = {rule.branch for form in forms(bits, mnemonic) for rule in form.rules}
    return frozenset(sizes - {0})


@cache
def mnemonics() -> frozenset[str]:
    """Every mnemonic that can be encoded in some mode."""
    return frozenset(
        name for name in names.all_names() if any(has_forms(bits, name) for bits in (64, 32, 16))
    )


def forms_of(mnemonic: str, bits: int = 64) -> list[str]:
    """The operands that `mnemonic` takes in code of `bits`, for people: `r64, r/m64`."""
    return list(dict.fromkeys(form.text for form in forms(bits, mnemonic)))
