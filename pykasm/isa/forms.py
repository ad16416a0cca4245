"""Whether the machine has a form for a statement: the check that every instruction passes."""

from __future__ import annotations

from functools import lru_cache

from pykasm.errors import OperandSizeMistake
from pykasm.isa import names, refusals
from pykasm.isa.addresses import address_mistake
from pykasm.isa.formtable import (
    PREFIXES,
    Form,
    allows_prefix,
    forms,
    shaped_forms,
    valued_forms,
)
from pykasm.isa.intel import WIDTH_WORDS, statement_text
from pykasm.isa.registers import Register, RegisterKind
from pykasm.isa.statement import Address, Statement

_matched: dict[Statement, tuple[Form, ...]] = {}


def check(statement: Statement) -> None:
    """Raise the mistake in `statement` if the machine has no form for it.

    Raises OperandSizeMistake, OperandFormMistake or ValueRangeMistake with the way out.
    A statement that passed once costs one dictionary look-up.
    """
    match(statement)


def match(statement: Statement) -> tuple[Form, ...]:
    """The forms that mean exactly `statement`; raises as `check` does if there is none."""
    found = _matched.get(statement)
    if found is None:
        found = _matched[statement] = _match(statement)
    return found


def _match(statement: Statement) -> tuple[Form, ...]:
    shaped = shaped_forms(statement)
    if not shaped:
        raise refusals.no_shape(statement)
    _check_registers(statement)
    for operand in statement.operands:
        if isinstance(operand, Address) and (mistake := address_mistake(operand, statement.bits)):
            raise mistake
    found = valued_forms(statement, shaped)
    if not found:
        raise refusals.no_value(statement, shaped)
    _check_memory_size(statement, found)
    if statement.prefix:
        return _with_prefix(statement, found)
    return found


def _check_registers(statement: Statement) -> None:
    if statement.bits != 64:
        for register in _registers(statement):
            if register.needs_rex or _is_long(register):
                raise refusals.long_register(statement, register)
    elif any(
        isinstance(operand, Register) and operand.kind is RegisterKind.HIGH_BYTE
        for operand in statement.operands
    ):
        _check_high_byte(statement)


def _check_high_byte(statement: Statement) -> None:
    """A high byte has no number in an instruction with a REX prefix (AMD64 APM vol. 3, 1.2.7)."""
    for operand in statement.operands:
        wide = isinstance(operand, Register) and _is_long(operand)
        if wide or any(register.needs_rex for register in _parts(operand)):
            raise refusals.high_byte(statement)


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


def _check_memory_size(statement: Statement, found: tuple[Form, ...]) -> None:
    """A memory operand without a width must have only one that fits."""
    if not any(isinstance(o, Address) and o.size == 0 for o in statement.operands):
        return
    sizes = sorted({form.memory_size for form in found})
    if len(sizes) > 1:
        words = " or ".join(f"{WIDTH_WORDS.get(size, size)} ptr" for size in sizes)
        raise OperandSizeMistake(
            f"`{statement_text(statement)}` does not say how wide its memory operand is",
            expected=f"a memory operand with a width: {words}",
            got="an address without one",
            fix=f"write the width: `{WIDTH_WORDS.get(sizes[-1], sizes[-1])} ptr […]`",
        )


def _with_prefix(statement: Statement, found: tuple[Form, ...]) -> tuple[Form, ...]:
    if statement.prefix not in PREFIXES:
        raise refusals.unknown_prefix(statement)
    allowed = tuple(form for form in found if allows_prefix(form, statement))
    if not allowed:
        raise refusals.prefix(statement)
    return allowed


@lru_cache(maxsize=None)
def mnemonics() -> frozenset[str]:
    """Every mnemonic that can be encoded in some mode."""
    return frozenset(
        name for name in names.all_names() if any(forms(bits, name) for bits in (64, 32, 16))
    )


def forms_of(mnemonic: str, bits: int = 64) -> list[str]:
    """The operands that `mnemonic` takes in code of `bits`, for people: `r64, r/m64`."""
    return list(dict.fromkeys(form.text for form in forms(bits, mnemonic)))
