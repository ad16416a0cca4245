"""Addresses in the making: the sums of registers, symbols and numbers that code writes."""

from __future__ import annotations

from typing import Any, Protocol

from pykasm.errors import ConditionMistake, OperandFormMistake
from pykasm.isa.registers import Register
from pykasm.lang.arithmetic import shown
from pykasm.lang.reference import SymbolReference


class Base(Protocol):
    """A register in an address."""

    _register: Register

    def _touch(self) -> None: ...


class Expression:
    """An address being made: at most one base, one scaled index, one symbol, and a number."""

    __slots__ = ("base", "displacement", "index", "reference", "scale", "segment")

    def __init__(
        self,
        base: Base | None = None,
        index: Base | None = None,
        scale: int = 1,
        displacement: int = 0,
        reference: SymbolReference | None = None,
        segment: Register | None = None,
    ) -> None:
        self.base = base
        self.index = index
        self.scale = scale
        self.displacement = displacement
        self.reference = reference
        self.segment = segment

    def __add__(self, other: object) -> Expression:
        if isinstance(other, int):
            return self._moved(other)
        return self._joined(expression(other))

    __radd__ = __add__

    def __sub__(self, other: object) -> Expression:
        if isinstance(other, int):
            return self._moved(-other)
        raise OperandFormMistake(
            "an address can only take numbers away",
            expected="`address - number`",
            got=f"`address - {other!r}`",
        )

    def __repr__(self) -> str:
        parts = [shown(one) for one in (self.base,) if one is not None]
        if self.index is not None:
            parts.append(shown(self.index) + (f" * {self.scale}" if self.scale != 1 else ""))
        if self.reference is not None:
            target = self.reference._target()
            parts.append(target if isinstance(target, str) else target.name)
        if self.displacement or not parts:
            parts.append(str(self.displacement))
        return " + ".join(parts)

    def __bool__(self) -> bool:
        raise ConditionMistake(
            "an address expression is no condition", fix="compare registers or memory"
        )

    def _moved(self, distance: int) -> Expression:
        return Expression(
            self.base,
            self.index,
            self.scale,
            self.displacement + distance,
            self.reference,
            self.segment,
        )

    def _joined(self, other: Expression) -> Expression:
        bases = [one for one in (self.base, other.base) if one is not None]
        indexes = [(e.index, e.scale) for e in (self, other) if e.index is not None]
        if len(bases) == 2 and not indexes:
            indexes.append((bases.pop(), 1))
        if len(bases) > 1 or len(indexes) > 1 or (self.reference and other.reference):
            raise OperandFormMistake(
                "an address has one base, one scaled index and one symbol",
                expected="`base + index*scale + number`",
                got="more registers than that",
                fix="add two of them with `lea` first",
            )
        index, scale = indexes[0] if indexes else (None, 1)
        return Expression(
            bases[0] if bases else None,
            index,
            scale,
            self.displacement + other.displacement,
            self.reference or other.reference,
            self.segment or other.segment,
        )


def expression(value: Any) -> Expression:
    """`value` as the start of an address."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, int):
        return Expression(displacement=value)
    convert = getattr(value, "_as_expression", None)
    if convert is not None:
        made: Expression = convert()
        return made
    reference = getattr(value, "reference", None)
    if isinstance(reference, SymbolReference):
        return Expression(reference=reference)
    raise no_address(repr(value))


def no_address(described: str) -> OperandFormMistake:
    """The mistake of using what is `described` in an address."""
    return OperandFormMistake(
        f"`{described}` can't be part of an address",
        expected="registers, a symbol and numbers",
        got=described,
    )
