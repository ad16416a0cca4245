"""Numbers beside an operand that are wider than any immediate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pykasm.isa.registers import WORD
from pykasm.lang.builder import current, emit
from pykasm.lang.moves import registers_in
from pykasm.lang.numbers import U64
from pykasm.lang.operands import RegisterOperand
from pykasm.lang.routinebuilder import RoutineBuilder
from pykasm.lang.types import TypeMeta, Value

_SIGN = 1 << (WORD * 8 - 1)
"""Immediates beside operands of 64 bits have 32, extended by their sign (AMD64 APM vol. 3, 1.6)."""


@contextmanager
def encodable(left: Value, right: Value | int) -> Iterator[Value | int]:
    """`right` as an instruction takes it beside `left`: a number that is too wide for an immediate
    lies in a scratch register meanwhile. Clobbers no flags."""
    if left._kind._size != U64._size or not isinstance(right, int):
        yield right
        return
    number = _signed(int(right))
    if -_SIGN <= number < _SIGN:
        yield number
        return
    with temporary(U64, left) as made:
        emit("mov", made, int(right))
        yield made


@contextmanager
def temporary(kind: TypeMeta, *operands: object) -> Iterator[RegisterOperand]:
    """A scratch register for a `kind`, for the time inside, that none of `operands` needs."""
    builder = current("a temporary")
    assert isinstance(builder, RoutineBuilder)
    needed = {one.number for operand in operands for one in registers_in(operand)}
    free = [one for one in builder.scratch_registers if one.number not in needed]
    role = builder.take("scratch", tuple(free), kind, name="temporary")
    yield RegisterOperand(role.register, kind, role)
    builder.release(role.register)


def _signed(number: int) -> int:
    """The number of 64 bits with a sign that has the bits of `number`."""
    return number - (1 << 64) if number >= 1 << 63 else number
