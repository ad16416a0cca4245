"""Comparisons of operands, and tests of their bits."""

from __future__ import annotations

from enum import Enum

from pykasm.errors import ConditionMistake, TypeMistake, ValueRangeMistake
from pykasm.lang.condition import Both, Condition, Negation, condition
from pykasm.lang.numbers import numbers_of
from pykasm.lang.types import Value


class Comparison(Condition):
    """`left operator right` of two operands of one width."""

    def __init__(self, left: Value, operator: str, right: Value | int) -> None:
        self.left = left
        self.operator = operator
        self.right = right
        self.signed = left._kind._signed


class BitTest(Condition):
    """`operand & mask`: some bit of the mask is set."""

    def __init__(self, operand: Value, mask: Value | int) -> None:
        self.operand = operand
        self.mask = mask

    def _equals(self, other: object, negated: bool) -> Condition:
        if isinstance(other, int) and other == 0:
            return Negation(self) if negated else self
        raise ConditionMistake(
            "masked bits compare with 0 only",
            expected="`x & MASK`, or that compared with 0",
            got=f"compared with {other!r}",
            fix="mask a copy with `and_`, then compare that",
        )


def comparison(left: Value, operator: str, right: object) -> Condition:
    """What `left operator right` means when an author writes it."""
    is_number = isinstance(right, Value | int)
    if operator == "&" and (isinstance(right, Condition) or (callable(right) and not is_number)):
        return Both(condition(left), condition(right))
    _check_right(left, operator, right)
    assert isinstance(right, Value | int)
    if operator == "&":
        return BitTest(left, right)
    return Comparison(left, operator, right)


def _check_right(left: Value, operator: str, right: object) -> None:
    if not isinstance(right, Value | int):
        raise TypeMistake(
            f"`{left._text()}` can't be compared with this",
            expected="a register, memory, a number or an enumeration's value",
            got=repr(right),
        )
    if isinstance(right, int):
        check_number(left, operator, right)
    else:
        _check_signs(left, operator, right)


def _check_enumeration(left: Value, right: Enum) -> None:
    if left._values is not None and not isinstance(right, left._values):
        raise TypeMistake(
            f"`{left._text()}` holds another enumeration",
            expected=f"a value of {left._values.__name__}",
            got=f"{type(right).__name__}.{right.name}",
        )


def check_number(left: Value, operator: str, right: int) -> None:
    """Raise a mistake where it is known without looking how `left operator right` ends."""
    if isinstance(right, Enum):
        _check_enumeration(left, right)
        return
    if right < 0 and not left._kind._signed and operator != "&":
        raise TypeMistake(
            f"`{left._text()}` has no sign, so it is never {right}",
            expected="0 or more",
            got=str(right),
            fix=f"see it as signed: `i{left._kind._size * 8}({left._text()})`",
        )
    if operator != "&" and int(right) not in numbers_of(left._kind):
        raise ValueRangeMistake(
            f"{right} is outside of what `{left._text()}` can be",
            expected=f"{numbers_of(left._kind)[0]} to {numbers_of(left._kind)[-1]}",
            got=f"{right} for a {left._kind!r}",
        )


def _check_signs(left: Value, operator: str, right: Value) -> None:
    if left._kind._signed != right._kind._signed and operator not in ("==", "!=", "&"):
        raise TypeMistake(
            "a signed and an unsigned operand have no common order",
            expected="two signed or two unsigned operands",
            got=f"{left._text()}: {left._kind!r} and {right._text()}: {right._kind!r}",
            fix="see one as the other: `i64(x)` or `u64(x)`",
        )
