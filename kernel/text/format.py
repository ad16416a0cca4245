"""Check and translate format strings with `%`-directives while the kernel is built.

| directive | prints | takes |
| --- | --- | --- |
| `%s` | a string | a `Ptr[U8]` to a NUL-terminated string, or a Python string |
| `%c` | a character | a `U8` |
| `%d` | a number in decimal, with its sign if its type has one | an integer |
| `%u` | a number in decimal | an unsigned integer |
| `%x` | a number in hexadecimal | an integer or a pointer |
| `%z` | a size in bytes, with a binary prefix: `4 KiB`, `1.5 MiB` | an unsigned integer |
| `%p` | an address, with the symbol it lies in | a pointer, a `U64`, a function |
| `%%` | a percent sign | |

A width (1 to 126) before the specifier pads with blanks on the left; with `-` before the width, on
the right; with `0` before it, with zeros, which only `%x` and unsigned numbers can have.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from kernel.text.directive import MAX_WIDTH, Padding, Specifier, directive
from pykasm import *
from pykasm.errors import CallMistake, TypeMistake, ValueRangeMistake
from pykasm.lang.numbers import Integer
from pykasm.lang.operand import Operand
from pykasm.lang.operands import RegisterOperand
from pykasm.lang.symbolic import AddressOperand
from pykasm.lang.types import TypeMeta, is_pointer

DIRECTIVE = re.compile(r"%([-0]?)(\d*)(.?)", re.DOTALL)

UNPRINTABLE = re.compile(r"[^ -~\n\b\r\a]")
"""A character that is neither printable ASCII nor one of newline, backspace, return and bell."""

MAX_ARGUMENT = 8
"""Bytes of the widest argument."""


def _is_unsigned(kind: TypeMeta) -> bool:
    return issubclass(kind, Integer) and not kind._signed


def _is_number_or_pointer(kind: TypeMeta) -> bool:
    return is_pointer(kind) or issubclass(kind, Integer)


@dataclass(frozen=True)
class Conversion:
    """A conversion: its specifier for the writer, and which arguments it takes."""

    specifier: Specifier
    takes: str
    """The arguments in words, for messages."""
    accepts: Callable[[TypeMeta], bool]
    """Whether an operand of a type is taken."""
    numbers: range = range(0)
    """The Python integers that are taken."""
    has_width: bool = True
    """Whether a width may precede the specifier."""


UNSIGNED_RANGE = range(1 << 64)
INTEGER_RANGE = range(-(1 << 63), 1 << 64)
CONVERSIONS = {
    "s": Conversion(Specifier.STRING, "a Ptr[U8] or a Python string", lambda t: t is Ptr[U8]),
    "c": Conversion(Specifier.CHARACTER, "a U8", lambda t: t is U8, range(1 << 8), has_width=False),
    "d": Conversion(
        Specifier.SIGNED, "an integer", lambda t: issubclass(t, Integer), INTEGER_RANGE
    ),
    "u": Conversion(Specifier.UNSIGNED, "an integer without sign", _is_unsigned, UNSIGNED_RANGE),
    "x": Conversion(
        Specifier.HEXADECIMAL,
        "an integer or a pointer",
        _is_number_or_pointer,
        INTEGER_RANGE,
    ),
    "z": Conversion(Specifier.SIZE, "an integer without sign", _is_unsigned, UNSIGNED_RANGE),
    "p": Conversion(
        Specifier.POINTER,
        "a pointer, a U64 or a function",
        lambda t: is_pointer(t) or t is U64,
        UNSIGNED_RANGE,
        has_width=False,
    ),
}


def translate(format: str, arguments: tuple[object, ...], *, tabs: bool = False) -> str:
    """Check `format`, which may have `tabs`, against `arguments` and return it as `Writer.format`
    takes it.

    Each directive becomes ESCAPE and the bytes of a `Directive`. Raise the `Mistake` that says
    what is wrong with the format or an argument.
    """
    _check_characters(format.replace("\t", " ") if tabs else format)
    taking = [one for one in DIRECTIVE.finditer(format) if one[0] != "%%"]
    for one in taking:
        _check_directive(one)
    if len(taking) != len(arguments):
        raise CallMistake(
            "the format and its arguments differ in number",
            expected=f"{len(taking)} for " + " ".join(one[0] for one in taking)
            if taking
            else "no argument",
            got=str(len(arguments)),
        )
    values = iter(arguments)
    return DIRECTIVE.sub(
        lambda one: "%" if one[0] == "%%" else _translated(one, next(values)), format
    )


def _check_characters(format: str) -> None:
    """Reject a format with a character that the console can't show."""
    unprintable = UNPRINTABLE.search(format)
    if unprintable is not None:
        raise ValueRangeMistake(
            f"a format can't have {unprintable[0]!r}",
            expected="printable ASCII, which the text screen has too, and \\n",
            got=repr(format),
        )


def _check_directive(one: re.Match[str]) -> None:
    """Reject a directive of an unknown specifier, or with a width where none is allowed."""
    padding, width, specifier = one.groups()
    kind = CONVERSIONS.get(specifier)
    if kind is None:
        raise ValueRangeMistake(
            f"`{one[0]}` is no directive",
            expected=", ".join("%" + known for known in CONVERSIONS) + ", or %% for a percent sign",
            got=one[0],
        )
    allowed = 1 <= int(width) <= MAX_WIDTH and kind.has_width if width else not padding
    if not allowed:
        raise ValueRangeMistake(
            f"`{one[0]}` has a width that it can't have",
            expected=f"1 to {MAX_WIDTH}, after the padding" if kind.has_width else "no width",
            got=one[0],
        )


def _translated(one: re.Match[str], value: object) -> str:
    """Return a directive for the argument `value` as it stands in a translated format."""
    padding, width, specifier = one.groups()
    kind = CONVERSIONS[specifier]
    if not _fits(kind, value):
        raise TypeMistake(
            f"`{one[0]}` does not take this",
            expected=kind.takes,
            got=_described(value),
        )
    chosen = kind.specifier
    if chosen is Specifier.SIGNED and not _is_signed(value):
        chosen = Specifier.UNSIGNED
    if padding == "0" and chosen not in (Specifier.HEXADECIMAL, Specifier.UNSIGNED):
        raise ValueRangeMistake(
            f"`{one[0]}` can't be filled with zeros",
            expected="%x, or a number without sign",
            got=_described(value),
        )
    return directive(chosen, Padding(ord(padding or " ")), int(width or 0))


def _fits(kind: Conversion, value: object) -> bool:
    """Return whether the conversion `kind` takes `value`."""
    if isinstance(value, str):
        return kind.specifier is Specifier.STRING
    if isinstance(value, int):
        return int(value) in kind.numbers  # Python counts up to what is no plain int
    if isinstance(value, RegisterOperand) and value._role is None:
        # A register by its machine name has no type beyond its width, so it fits anything wide.
        return value._register.size == MAX_ARGUMENT or kind.accepts(value._kind)
    if isinstance(value, Operand):
        return 0 < value._kind._size <= MAX_ARGUMENT and kind.accepts(value._kind)
    is_address = isinstance(value, AddressOperand) or hasattr(value, "_symbol_reference")
    return is_address and kind.specifier in (
        Specifier.POINTER,
        Specifier.STRING,
        Specifier.HEXADECIMAL,
    )


def _is_signed(value: object) -> bool:
    if isinstance(value, int):
        return value < 0
    return isinstance(value, Operand) and value._kind._signed


def _described(value: object) -> str:
    if isinstance(value, Operand):
        return f"{value._text()}: {value._kind!r}"
    return repr(value)
