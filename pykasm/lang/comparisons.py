"""Comparisons of operands, and tests of their bits."""

from __future__ import annotations

from pykasm.errors import ConditionMistake, TypeMistake, ValueRangeMistake
from pykasm.lang.arithmetic import shown
from pykasm.lang.condition import Both, Condition, condition, noted
from pykasm.lang.errornumbers import ErrorNumber
from pykasm.lang.namedvalues import check_value
from pykasm.lang.numbers import is_kind, numbers_of
from pykasm.lang.types import Value, is_pointer


class Comparison(Condition):
    """`left operator right` of two operands of one width."""

    def __init__(self, left: Value, operator: str, right: Value | int) -> None:
        self.left = left
        self.operator = operator
        self.right = right
        self.signed = left._kind._signed

    def __repr__(self) -> str:
        return f"{self.left._text()} {self.operator} {shown(self.right)}"


class BitTest(Condition):
    """`operand & mask`: some bit of the mask is set."""

    def __init__(self, operand: Value, mask: Value | int) -> None:
        self.operand = operand
        self.mask = mask

    def __repr__(self) -> str:
        return f"{self.operand._text()} & {shown(self.mask)}"

    def _equals(self, other: object, negated: bool) -> Condition:
        if isinstance(other, int) and other == 0:
            return ~self if negated else self
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
    if operator == "&" and isinstance(right, Value) and right._is_bits:
        return Both(condition(left), condition(right))
    _check_right(left, operator, right)
    assert isinstance(right, Value | int)
    _check_outcome(left, operator, right)
    if operator == "&":
        return noted(BitTest(left, right))
    return noted(Comparison(left, operator, right))


def below(left: Value, right: object) -> Condition:
    """`left < right`, also where that is known never to hold: a loop of no rounds is one."""
    _check_right(left, "<", right)
    assert isinstance(right, Value | int)
    return Comparison(left, "<", right)


def _check_right(left: Value, operator: str, right: object) -> None:
    for one in (left, right):
        if isinstance(one, Value) and one._has_parts:
            raise TypeMistake(
                f"`{one._text()}` can't be compared as a whole",
                expected="a field, an element, or another place that holds a number",
                got=f"{one._text()}: {one._kind!r}",
            )
    if isinstance(right, Value) and right._is_bits:
        raise TypeMistake(
            f"`{right._text()}` compares with numbers alone",
            expected="a constant",
            got=f"{left._text()} {operator} {right._text()}",
            fix=f"load it first: `scratch({right._text()})` is a {right._kind!r}",
        )
    if not isinstance(right, Value | int):
        joined = isinstance(right, Condition)
        raise TypeMistake(
            f"`{left._text()}` can't be compared with this",
            expected="a register, memory, a number or an enumeration's value",
            got=f"the condition `{right!r}`" if joined else repr(right),
            fix="put each comparison in parentheses: `(a == 1) & (b == 2)`" if joined else "",
        )
    _check_byte_order(left, operator, right)
    if isinstance(right, int):
        check_number(left, operator, right)
    else:
        _check_signs(left, operator, right)


def _check_byte_order(left: Value, operator: str, right: Value | int) -> None:
    """Raise a mistake where the order of bytes in memory would decide."""
    places = (one for one in (left, right) if isinstance(one, Value) and one._kind._host)
    place = next(places, None)
    if place is None or (operator in ("==", "!=", "&") and isinstance(right, int)):
        return
    name = place._text()
    raise TypeMistake(
        f"`{name}` has its bytes in the opposite order",
        expected="`==`, `!=` or `&` with a constant, whose bytes are swapped in a build",
        got=f"{left._text()} {operator} {shown(right)}",
        fix=f"load it first: `scratch({name})` is a {place._kind._host!r}",
    )


def check_number(left: Value, operator: str, right: int) -> None:
    """Raise a mistake where `right` is nothing that `left` can be."""
    if left._values is not None:
        check_value(left._values, right, left._text())
    if isinstance(right, ErrorNumber) and left._kind._signed:
        name = f"{type(right).__name__}.{right.name}"
        raise ConditionMistake(
            f"`{left._text()}` is compared with the number of an error, which it is never",
            expected=f"the negated number: `{left._text()} {operator} -{name}`",
            got=f"{name}, which is above 0",
            fix="put a minus before it",
        )
    if operator == "&":
        return
    if right < 0 and not left._kind._signed:
        raise TypeMistake(
            f"`{left._text()}` has no sign, so it is never {int(right)}",
            expected="0 or more",
            got=str(int(right)),
            fix=f"see it as signed: `i{left._kind._size * 8}({left._text()})`",
        )
    numbers = numbers_of(left._kind)
    if int(right) not in numbers:
        raise ValueRangeMistake(
            f"{int(right)} is outside of what `{left._text()}` can be",
            expected=f"{numbers[0]} to {numbers[-1]}",
            got=f"{int(right)} for a {left._kind!r}",
        )


def _check_outcome(left: Value, operator: str, right: Value | int) -> None:
    """Raise a mistake where it is known without looking how `left operator right` ends."""
    if isinstance(right, int):
        numbers = numbers_of(left._kind)
        outcome = _ENDS.get((operator, right == numbers[0], right == numbers[-1]))
        if operator == "&" and right == 0:
            raise _decided(f"{left._text()} & 0", False, "a mask without bits")
        if outcome is not None:
            kind = f"a {left._kind!r}, which is {numbers[0]} to {numbers[-1]}"
            raise _decided(f"{left._text()} {operator} {int(right)}", outcome, kind)
    elif operator != "&" and left._is_same(right):
        raise ConditionMistake(
            f"`{left._text()}` is compared with itself",
            expected="a comparison that can end either way",
            got=f"{left._text()} {operator} {right._text()}, which are one register",
        )


_ENDS = {
    ("<", True, False): False,
    (">=", True, False): True,
    (">", False, True): False,
    ("<=", False, True): True,
}
"""How comparisons end with the least and with the largest number of a type."""


def _decided(text: str, outcome: bool, got: str) -> ConditionMistake:
    return ConditionMistake(
        f"`{text}` {'always' if outcome else 'never'} holds",
        expected="a comparison that can end either way",
        got=got,
    )


def _check_signs(left: Value, operator: str, right: Value) -> None:
    if left._kind._signed != right._kind._signed and operator not in ("==", "!=", "&"):
        width = 8 * left._kind._size
        raise TypeMistake(
            "a signed and an unsigned operand have no common order",
            expected="two signed or two unsigned operands",
            got=f"{left._text()}: {left._kind!r} and {right._text()}: {right._kind!r}",
            fix=f"see one as the other: `i{width}(x)` or `u{width}(x)`",
        )
    if left._kind._signed and operator not in ("==", "!=", "&"):
        _check_order(left, operator, right)


def _check_order(left: Value, operator: str, right: Value) -> None:
    """Raise a mistake where two addresses, or numbers of a kind without a sign, are seen as signed:
    the upper half of them would come before the lower one."""
    declared = [left._declared, right._declared]
    if all(is_pointer(one) or (is_kind(one) and not one._signed) for one in declared):
        raise TypeMistake(
            f"`{left._text()}` and `{right._text()}` have no sign to be compared by",
            expected="a comparison without `i64(…)`",
            got=f"{declared[0]!r} {operator} {declared[1]!r}, seen as {left._kind!r}",
            fix="compare them as they are; of a difference, compare the difference with 0",
        )
