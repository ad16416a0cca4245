"""Operators of Python's that emit nothing, as mistakes: `a += 1`, `a << 3`, `-a`, `a[2] = 5`."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Never

from pykasm.errors import TypeMistake

INSTRUCTIONS = {
    "+": "add",
    "-": "sub",
    "*": "imul",
    "/": "div",
    "//": "div",
    "%": "div",
    "&": "and_",
    "|": "or_",
    "^": "xor",
    "**": "imul",
    "@": "imul",
    "<<": "shl",
    ">>": "shr",
}
"""The instruction that computes what an operator of Python's means."""


def shown(value: object) -> str:
    """`value` as it could stand in the author's code."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    text = getattr(value, "_text", None)
    return str(text()) if text is not None else repr(value)


def _augmented(operator: str) -> Callable[[Any, object], Never]:
    def change(self: Any, other: object) -> Never:
        instruction = INSTRUCTIONS[operator]
        fix = f"`{instruction}({shown(self)}, {shown(other)})`"
        if instruction == "div":
            fix = "`div` divides rdx and rax together"
        raise TypeMistake(
            f"`{shown(self)} {operator}= …` emits nothing",
            expected="an instruction that changes it when the code runs",
            got="an assignment of Python's, which runs while the code is being written",
            fix=fix,
        )

    return change


def _computed(operator: str) -> Callable[[Any, object], Never]:
    def compute(self: Any, other: object) -> Never:
        raise _no_operator(f"{shown(self)} {operator} {shown(other)}", operator)

    return compute


def _computed_with(operator: str) -> Callable[[Any, object], Never]:
    def compute(self: Any, other: object) -> Never:
        raise _no_operator(f"{shown(other)} {operator} {shown(self)}", operator)

    return compute


def _no_operator(text: str, operator: str) -> TypeMistake:
    joins = operator == "|"
    return TypeMistake(
        f"`{text}` emits nothing",
        expected="instructions for arithmetic, one each",
        got=f"Python's `{operator}` on an operand",
        fix="comparisons are joined in parentheses: `(a > 1) | (b > 1)`; bits by `or_(a, b)`"
        if joins
        else f"copy it with `mov`, then `{INSTRUCTIONS[operator]}` that",
    )


class WithoutArithmetic:
    """What no operand can do by an operator of Python's."""

    __slots__ = ()

    __iadd__ = _augmented("+")
    __isub__ = _augmented("-")
    __imul__ = _augmented("*")
    __itruediv__ = _augmented("/")
    __ifloordiv__ = _augmented("//")
    __imod__ = _augmented("%")
    __iand__ = _augmented("&")
    __ior__ = _augmented("|")
    __ixor__ = _augmented("^")
    __ipow__ = _augmented("**")
    __pow__ = _computed("**")
    __rpow__ = _computed_with("**")
    __matmul__ = _computed("@")
    __ilshift__ = _augmented("<<")
    __irshift__ = _augmented(">>")

    __truediv__ = _computed("/")
    __floordiv__ = _computed("//")
    __mod__ = _computed("%")
    __xor__ = _computed("^")
    __lshift__ = _computed("<<")
    __rshift__ = _computed(">>")
    __rtruediv__ = _computed_with("/")
    __rfloordiv__ = _computed_with("//")
    __rmod__ = _computed_with("%")
    __rxor__ = _computed_with("^")
    __rlshift__ = _computed_with("<<")
    __rrshift__ = _computed_with(">>")
    __ror__ = _computed_with("|")
    __rsub__ = _computed_with("-")

    def __neg__(self) -> Never:
        raise TypeMistake(
            f"`-{shown(self)}` emits nothing",
            expected="an instruction that computes it when the code runs",
            got="Python's `-` on an operand",
            fix=f"`neg({shown(self)})`",
        )

    def __setitem__(self, index: object, value: object) -> Never:
        place = f"{shown(self)}[{shown(index)}]"
        raise TypeMistake(
            f"`{place} = …` emits nothing",
            expected="an instruction that writes it when the code runs",
            got="an assignment of Python's, which runs while the code is being written",
            fix=f"`mov({place}, {shown(value)})`",
        )

    def __len__(self) -> Never:
        raise TypeMistake(
            f"`{shown(self)}` has no length while the code is being written",
            expected="a number that Python knows, such as the count of the array's type",
            got="Python's `len` of an operand",
        )

    def __index__(self) -> Never:
        raise TypeMistake(
            f"`{shown(self)}` has no value while the code is being written",
            expected="a number that Python knows",
            got="an operand, whose value is only there when the code runs",
        )

    __int__ = __index__
