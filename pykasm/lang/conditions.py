"""Conditions: comparisons, tests of flags, and their short-circuit combinations."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, NoReturn

from pykasm.errors import ConditionMistake, TypeMistake, ValueRangeMistake
from pykasm.lang.numbers import numbers_of
from pykasm.lang.types import Value


class Condition:
    """Something that code can branch on."""

    def __and__(self, other: object) -> Condition:
        return Both(self, condition(other))

    def __or__(self, other: object) -> Condition:
        return Either(self, condition(other))

    def __invert__(self) -> Condition:
        return Negation(self)

    def __bool__(self) -> NoReturn:
        raise ConditionMistake(
            "a condition has no value while the code is being written",
            expected="a condition inside `if_`, `while_`, `break_if` …",
            got="Python's `if`, `while`, `and`, `or`, `not` or `a < b < c` on a condition",
            fix="use `with if_(…):`, and `&`, `|`, `~` with parentheses to join conditions",
        )


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

    def __eq__(self, other: object) -> Any:
        return self._compared(other, negated=True)

    def __ne__(self, other: object) -> Any:
        return self._compared(other, negated=False)

    __hash__ = Condition.__hash__

    def _compared(self, other: object, negated: bool) -> Condition:
        if isinstance(other, int) and other == 0:
            return Negation(self) if negated else self
        raise ConditionMistake(
            "masked bits compare with 0 only",
            expected="`x & MASK`, or that compared with 0",
            got=f"compared with {other!r}",
            fix="mask a copy with `and_`, then compare that",
        )


class Flag(Condition):
    """A flag of rflags as the instruction before left it."""

    def __init__(self, name: str, when_set: str, when_clear: str) -> None:
        self.name = name
        self.when_set = when_set
        self.when_clear = when_clear


CF = Flag("CF", "jb", "jae")
ZF = Flag("ZF", "je", "jne")
SF = Flag("SF", "js", "jns")
OF = Flag("OF", "jo", "jno")
PF = Flag("PF", "jp", "jnp")


class Negation(Condition):
    """The opposite of a condition."""

    def __init__(self, inner: Condition) -> None:
        self.inner = inner


class Both(Condition):
    """`left & right`; `right` is looked at only where `left` holds."""

    def __init__(self, left: Condition, right: Condition) -> None:
        self.left = left
        self.right = right


class Either(Condition):
    """`left | right`; `right` is looked at only where `left` does not hold."""

    def __init__(self, left: Condition, right: Condition) -> None:
        self.left = left
        self.right = right


class Computed(Condition):
    """A condition whose code, of the inline function `name`, ends at the item of code number `at`.

    It holds for as long as nothing else changes flags, or the registers that it compares.
    """

    def __init__(self, inner: Condition, name: str, at: int) -> None:
        self.inner = inner
        self.name = name
        self.at = at


class Deferred(Condition):
    """A condition that `make` makes, with its code, each time that it is looked at."""

    def __init__(self, make: Callable[[], object]) -> None:
        self.make = make


def tests_flags(test: Condition) -> bool:
    """Whether a condition looks at flags that code before has left."""
    match test:
        case Flag():
            return True
        case Negation() | Computed():
            return tests_flags(test.inner)
        case Both() | Either():
            return tests_flags(test.left) or tests_flags(test.right)
    return False


def condition(value: object) -> Condition:
    """`value` as a condition, or the mistake of it not being one."""
    if isinstance(value, Condition):
        return value
    if isinstance(value, Value) and value._is_truth:
        return Comparison(value, "!=", 0)
    if callable(value) and not isinstance(value, Value):
        return Deferred(value)
    raise ConditionMistake(
        "this is no condition",
        expected="a comparison, a `Bool`, `&` of flags, or these joined by `&`, `|`, `~`",
        got=value._text() if isinstance(value, Value) else repr(value),
        fix="compare: `x != 0`" if isinstance(value, Value) else "",
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
