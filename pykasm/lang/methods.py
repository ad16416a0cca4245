"""Methods of structs: which a struct has, and which no operand could have."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from inspect import unwrap
from types import FunctionType

from pykasm.errors import DeclarationMistake
from pykasm.source import Source, line_span

_reserved: set[str] = set()


def reserve(names: Iterable[str]) -> None:
    """Keep structs from having methods of these names, which operands use for themselves."""
    _reserved.update(names)


def check_methods(struct: str, methods: Mapping[str, FunctionType], fields: Container[str]) -> None:
    """Refuse `methods` of the struct called `struct` that can't be told from other names."""
    for name, method in methods.items():
        if name in fields:
            raise _misnamed(struct, method, "is a field and a method", "one of them by that name")
        if name in _reserved:
            expected = "a name that operands do not use for themselves"
            raise _misnamed(struct, method, "can't be a method", expected)


def _misnamed(struct: str, method: FunctionType, what: str, expected: str) -> DeclarationMistake:
    code = unwrap(method).__code__
    return DeclarationMistake(
        f"`{struct}.{method.__name__}` {what}",
        expected=expected,
        got=f"`def {method.__name__}`",
        fix="give the method another name",
        span=line_span(Source(code.co_filename, code.co_firstlineno)),
    )
