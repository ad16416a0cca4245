"""Names in structs: which no field and no method can have."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from inspect import unwrap
from types import FunctionType

from pykasm.errors import DeclarationMistake
from pykasm.source import Source, Span, line_span

_reserved: set[str] = set()


def reserve(names: Iterable[str]) -> None:
    """Keep structs from using these names, which operands use for themselves."""
    _reserved.update(names)


def check_names(
    struct: str,
    methods: Mapping[str, FunctionType],
    fields: Iterable[str],
    span_of: Callable[[str], Span | None],
) -> None:
    """Refuse methods and fields of the struct called `struct` that can't be told from others."""
    for name in fields:
        if name in _reserved:
            raise DeclarationMistake(
                f"`{struct}.{name}` can't be a field",
                expected="a name that operands do not use for themselves",
                got=f"`{name}`",
                fix="give the field another name",
                span=span_of(name),
            )
    check_methods(struct, methods, set(fields))


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
