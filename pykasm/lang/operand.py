"""What registers and memory have in common as operands.

Names of operands' classes that are not part of the language begin with an underscore, because
attribute access on an operand means a field of what it points to.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from pykasm.errors import ConditionMistake, OperandFormMistake, TypeMistake
from pykasm.lang.expression import Expression, no_address
from pykasm.lang.types import TypeMeta


class Operand:
    """A typed value in a register or in memory."""

    __slots__ = ("_kind", "_values")

    _kind: TypeMeta
    _values: type[Enum] | None

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise ConditionMistake(
            "a register or memory operand has no value while the code is being written",
            expected="a condition inside `if_`, `while_`, `break_if` …",
            got="Python's `if`, `while`, `and`, `or` or `not` on an operand",
            fix="use `with if_(…):`, and `&`, `|`, `~` to join conditions",
        )

    def __iter__(self) -> Any:  # without it Python would try indexes 0, 1, 2 … for ever
        raise TypeMistake(
            f"`{self._text()}` can't be iterated while the code is being written",
            expected="`for_` over a counter",
            got="Python's `for` on an operand",
        )

    def __lt__(self, other: object) -> Any:
        return _compare(self, "<", other)

    def __le__(self, other: object) -> Any:
        return _compare(self, "<=", other)

    def __gt__(self, other: object) -> Any:
        return _compare(self, ">", other)

    def __ge__(self, other: object) -> Any:
        return _compare(self, ">=", other)

    def __eq__(self, other: object) -> Any:
        return _compare(self, "==", other)

    def __ne__(self, other: object) -> Any:
        return _compare(self, "!=", other)

    def __and__(self, mask: object) -> Any:
        return _compare(self, "&", mask)

    __rand__ = __and__

    def __add__(self, other: object) -> Expression:
        return self._as_expression() + other

    __radd__ = __add__

    def __sub__(self, other: object) -> Expression:
        return self._as_expression() - other

    def __mul__(self, scale: int) -> Expression:
        return self._scaled(scale)

    __rmul__ = __mul__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            return self._private(name)
        return self._member(name)

    def __getitem__(self, index: object) -> Any:
        return self._element_at(index)

    def __call__(self, *arguments: object) -> Any:
        """Call the function that this pointer points to."""
        return _call_pointer(self, arguments)

    def _text(self) -> str:
        raise NotImplementedError

    def _touch(self) -> None:
        """Take note that the roles this operand depends on are used."""

    def _as_expression(self) -> Expression:
        """The operand as the start of an address."""
        raise no_address(self._text())

    def _scaled(self, scale: int) -> Expression:
        raise OperandFormMistake(
            f"`{self._text()}` can't be scaled", expected="a register", got="memory"
        )

    def _private(self, name: str) -> Any:
        """The method `name` of the struct, which other methods of it call."""
        raise AttributeError(name)

    def _member(self, name: str) -> Any:
        raise TypeMistake(
            f"`{self._text()}` has no fields",
            expected="a pointer to a struct, or a struct in memory",
            got=f"{self._text()}: {self._kind!r}",
        )

    def _element_at(self, index: object) -> Any:
        raise TypeMistake(
            f"`{self._text()}` has no elements",
            expected="a pointer, or an array in memory",
            got=f"{self._text()}: {self._kind!r}",
        )


def _compare(left: Operand, operator: str, right: object) -> Any:
    from pykasm.lang.conditions import comparison

    return comparison(left, operator, right)


def _call_pointer(pointer: Operand, arguments: tuple[object, ...]) -> Any:
    from pykasm.lang.calls import call_pointer

    return call_pointer(pointer, arguments)


def described(value: object) -> str:
    """`value` as a message shows it."""
    return value._text() if isinstance(value, Operand) else repr(value)
