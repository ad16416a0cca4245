"""Fields copied from one struct to another: `copy_fields`."""

from __future__ import annotations

from typing import Any

from pykasm.errors import RegisterMistake, TypeMistake
from pykasm.lang.builder import current, emit
from pykasm.lang.operand import described
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.registers import al, ax, eax, rax

_WAYS = {8: rax, 4: eax, 2: ax, 1: al}
"""The register through which fields of so many bytes go."""


def copy_fields(target: Any, source: Any, *names: str) -> None:
    """Copy the fields of these `names` from the struct `source` to `target`.

    Each of the two is a struct in memory, or a typed pointer to one. Changes rax.
    """
    current("copy_fields")
    for name in names:
        place, value = getattr(target, name), getattr(source, name)
        for one in (place, value):
            _check(one)
        way = _WAYS[place._kind._size]
        emit("mov", way, value)
        emit("mov", place, way)


def _check(field: object) -> None:
    """Raise a mistake unless `field` can be copied by way of rax."""
    if not isinstance(field, MemoryOperand) or field._kind._size not in _WAYS:
        raise TypeMistake(
            f"`{described(field)}` is no field that a register has room for",
            expected="a number or a pointer in a struct",
            got=described(field),
        )
    if field._base is not None and field._base._register.number == rax._register.number:
        raise RegisterMistake(
            f"`copy_fields` changes rax, by which `{described(field)}` is found",
            expected="another register for the struct's address",
            got="rax",
            fix="`scratch(…)` or `keep(…)` puts it into one",
        )
