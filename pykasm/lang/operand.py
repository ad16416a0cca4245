"""What registers and memory have in common as operands.

Names of operands' classes that are not part of the language begin with an underscore, because
attribute access on an operand means a field of what it points to.
"""

from __future__ import annotations

from pykasm.lang.comparisons import comparison
from pykasm.lang.condition import Condition, Either, condition
from pykasm.lang.methods import reserve
from pykasm.lang.types import Value


class Operand(Value):
    """A typed value in a register or in memory."""

    __slots__ = ("_kind", "_values")

    def __init_subclass__(cls) -> None:
        reserve(vars(cls))

    def _as_condition(self) -> Condition | None:
        return comparison(self, "!=", 0) if self._kind._truth else None

    def _compared(self, operator: str, right: object) -> Condition:
        return comparison(self, operator, right)

    def _joined(self, operator: str, other: object) -> Condition:
        return Either(condition(self), condition(other)) if operator == "|" else ~condition(self)


reserve((*vars(Value), *vars(Operand)))
reserve(("_as_operand", "_given", "_label", "_owner", "_signature", "_symbol_reference"))


def described(value: object) -> str:
    """`value` as a message shows it."""
    return value._text() if isinstance(value, Operand) else repr(value)
