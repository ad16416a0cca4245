"""Some bits of a number in memory, by a name of their own: `entry.flags.frame`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pykasm.errors import (
    ConditionMistake,
    TypeMistake,
    UnknownFieldMistake,
)
from pykasm.isa.registers import WORD
from pykasm.lang.comparisons import BitTest
from pykasm.lang.condition import Both, Condition, condition, noted
from pykasm.lang.field import BitRange, Field
from pykasm.lang.numbers import U32, U64
from pykasm.lang.operand import Operand, described
from pykasm.lang.types import Value


class BitPlace(Operand):
    """The bits `range` of the number in memory at `container`.

    Its type is that of the register which a load puts the value into.
    """

    __slots__ = ("_container", "_range")

    def __init__(self, container: Any, range: BitRange) -> None:
        self._container = container
        self._range = range
        self._kind = U32 if range.width <= WORD * 8 else U64
        self._values = None

    def __repr__(self) -> str:
        return self._text()

    def _text(self) -> str:
        return f"{self._container._text()}.{self._range.name}"

    @property
    def _is_bits(self) -> bool:
        return True

    def _touch(self) -> None:
        self._container._touch()

    def _as_condition(self) -> Condition | None:
        return self._compared("!=", 0) if self._range.width == 1 else None

    def _compared(self, operator: str, right: object) -> Condition:
        is_truth = isinstance(right, Value) and right._as_condition() is not None
        if operator == "&" and (isinstance(right, Condition) or is_truth):
            return Both(condition(self), condition(right))
        if not isinstance(right, int):
            raise self._no_comparison(operator, right)
        number = int(right)
        if operator == "&":
            return noted(BitTest(self._container, self._range.placed(number, self._text())))
        self._check_outcome(operator, number)
        placed = self._range.placed(number, self._text())
        if operator in ("==", "!=") and (number == 0 or self._range.width == 1):
            test = BitTest(self._container, self._range.mask)
            return noted(test if (operator == "!=") == (number == 0) else ~test)
        return noted(BitComparison(self, operator, placed))

    def _no_comparison(self, operator: str, right: object) -> TypeMistake:
        return TypeMistake(
            f"`{self._text()}` compares with numbers alone",
            expected="a constant",
            got=f"{self._text()} {operator} {described(right)}",
            fix=f"load it first: `scratch({self._text()})` is a {self._kind!r}",
        )

    def _check_outcome(self, operator: str, number: int) -> None:
        """Raise a mistake where every value of these bits gives the same answer."""
        outcome = {
            ("<", 0): False,
            (">=", 0): True,
            (">", self._range.largest): False,
            ("<=", self._range.largest): True,
        }.get((operator, number))
        if outcome is not None:
            raise ConditionMistake(
                f"`{self._text()} {operator} {number}` {'always' if outcome else 'never'} holds",
                expected="a comparison that can end either way",
                got=f"{self._range.width} bits, which are 0 to {self._range.largest}",
            )


class BitComparison(Condition):
    """A comparison of the bits `left`, where they lie in their number, with such a number."""

    def __init__(self, left: BitPlace, operator: str, right: int) -> None:
        self.left = left
        self.operator = operator
        self.right = right

    def __repr__(self) -> str:
        return f"{self.left._text()} {self.operator} {self.right >> self.left._range.shift}"


def named_bits(field: Field, name: str) -> BitRange:
    """The bits `name` of `field`, or a mistake that names the nearest ones."""
    for one in field.bits:
        if one.name == name:
            return one
    known = [one.name for one in field.bits if not one.name.startswith("_")]
    near = difflib.get_close_matches(name, known, n=1)
    raise UnknownFieldMistake(
        f"`{field}` has no bits `{name}`",
        expected="one of " + ", ".join(known),
        got=name,
        fix=f"did you mean `{near[0]}`?" if near else "",
    )


def packed_bits(field: Field, values: Mapping[str, Any]) -> int:
    """The number of `field` whose bits have these `values`, by their names."""
    number = 0
    for name, value in values.items():
        if not isinstance(value, int):
            raise TypeMistake(
                f"`{field}.{name}` takes a number", expected="a number", got=described(value)
            )
        number |= named_bits(field, name).placed(int(value), f"{field}.{name}")
    return number
