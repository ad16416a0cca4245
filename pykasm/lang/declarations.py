"""What the bodies of structs may declare: fields with types, methods, constants."""

from __future__ import annotations

import linecache
import re
from collections.abc import Mapping
from enum import Enum
from types import FunctionType
from typing import Any

from pykasm.errors import DeclarationMistake, ValueRangeMistake
from pykasm.guesses import did_you_mean
from pykasm.lang.annotations import stated
from pykasm.lang.field import BitRange, FieldOptions
from pykasm.lang.numbers import Integer, numbers_of
from pykasm.lang.types import Array, TypeMeta, name_of
from pykasm.source import Moment, Source, Span, line_span


def check_body(struct: str, body: Mapping[str, object], moment: Moment | None) -> None:
    """Raise a mistake for what a struct's body says of a field in vain."""
    if str(body.get("__module__")).startswith("pykasm.lang."):
        return
    hints = stated(body)
    for name, value in body.items():
        is_value = name in hints and _is_from_elsewhere(value, body)
        if _declares(name, value) and not is_value:
            continue
        span = field_span(name, moment)
        if name in hints:
            raise _valued(struct, name, hints[name], value, span)
        if not name.isupper():
            raise _untyped(struct, name, value, span)


def check_class_options(struct: str, options: Mapping[str, object]) -> None:
    """Raise a mistake for `options` that structs do not have."""
    for name in options:
        raise DeclarationMistake(
            f"structs have no option `{name}`",
            expected="one of packed, align, size, link",
            got=f"`class {struct}(Struct, {name}=…)`",
            fix=did_you_mean(name, ("packed", "align", "size", "link")),
        )


def _declares(name: str, value: object) -> bool:
    """Whether an attribute means something in a struct: an option, a method, a class in it."""
    if name.startswith("__") or isinstance(value, FieldOptions | FunctionType):
        return True
    if isinstance(value, type):
        return value.__name__ == name
    return hasattr(value, "__get__")


def _is_from_elsewhere(value: object, body: Mapping[str, object]) -> bool:
    """Whether a value is a function that is no method of the class with this body."""
    owner = body.get("__qualname__")
    return isinstance(value, FunctionType) and value.__qualname__.rpartition(".")[0] != owner


def _valued(
    struct: str, name: str, hint: object, value: object, span: Span | None
) -> DeclarationMistake:
    kind = hint if isinstance(hint, str) else name_of(hint)
    fix = f"`{struct}({name}={_shown(value)})` is an initial value for data"
    if isinstance(value, FunctionType):
        fix = f"`{value.__name__}(…)`, if that is to be called"
    elif isinstance(value, type) and issubclass(value, Enum):
        fix = f"`{name}: {kind} = field({value.__name__})` names its values"
    elif isinstance(value, int) and kind.startswith("Array"):
        fix = f"`{name}: {kind} = field(count={value})` is an array of so many"
    return DeclarationMistake(
        f"`{struct}.{name}` can't have a value of its own",
        expected=f"`{name}: {kind}`, or `{name}: {kind} = field(…)`",
        got=f"`= {_shown(value)}`",
        fix=fix,
        span=span,
    )


def _untyped(struct: str, name: str, value: object, span: Span | None) -> DeclarationMistake:
    is_type = isinstance(value, TypeMeta)
    return DeclarationMistake(
        f"`{struct}.{name}` is no field: it has no type",
        expected=f"`{name}: U64`, a name with a type behind a colon",
        got=f"`{name} = {_shown(value)}`",
        fix=f"`{name}: {_shown(value)}`" if is_type else "constants are written in capitals",
        span=span,
    )


def _shown(value: object) -> str:
    return value.__name__ if isinstance(value, type | FunctionType) else repr(value)


def check_values(name: str, kind: TypeMeta, values: type[Enum] | None) -> None:
    """Raise a mistake unless a field called `name` of type `kind` can hold all `values`."""
    if values is None:
        return
    element: Any = kind._element if issubclass(kind, Array) else kind
    if not issubclass(element, Integer):
        raise DeclarationMistake(
            f"`{name}` holds no numbers that could have names",
            expected="U8 … U64, or I8 … I64",
            got=f"{kind!r} with the names of {values.__name__}",
        )
    numbers = numbers_of(element)
    for one in values:
        if not isinstance(one.value, int) or one.value not in numbers:
            raise ValueRangeMistake(
                f"`{name}` has no room for `{one}`",
                expected=f"{numbers[0]} to {numbers[-1]}, as a {element!r} holds",
                got=repr(one.value),
            )


def check_bits(name: str, kind: TypeMeta, bits: tuple[BitRange, ...]) -> None:
    """Raise a mistake unless a field called `name` of type `kind` has room for the `bits`."""
    if not bits:
        return
    if not issubclass(kind, Integer) or kind._signed:
        raise DeclarationMistake(
            f"`{name}` is no number whose bits could have names",
            expected="U8, U16, U32, U64, or one in the other order of bytes",
            got=repr(kind),
        )
    last = bits[-1]
    if last.shift + last.width > kind._size * 8:
        raise ValueRangeMistake(
            f"`{name}` has no room for its bits",
            expected=f"at most {kind._size * 8} together",
            got=str(last.shift + last.width),
        )


def field_span(name: str, moment: Moment | None) -> Span | None:
    """The line below the class made at `moment` that declares `name`; else the class."""
    if moment is None:
        return None
    lines = linecache.getlines(moment.code.co_filename)
    declares = re.compile(rf"\s+{re.escape(name)}\s*[:=]")
    for number, line in enumerate(lines[moment.line :], moment.line + 1):
        if declares.match(line):
            return line_span(Source(moment.code.co_filename, number))
        if re.match(r"\s*class\b", line):
            break
    return moment.span
