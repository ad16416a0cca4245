"""Formats: text with `%`-directives, checked and translated while the kernel is built.

| directive | prints | takes |
| --- | --- | --- |
| `%s` | a string | a `Ptr[U8]` to bytes with a zero at the end, or a Python string |
| `%c` | a character | a `U8` |
| `%d` | a number in decimal, with its sign if its type has one | an integer |
| `%u` | a number in decimal | an integer without sign |
| `%x` | a number in hexadecimal | an integer or a pointer |
| `%z` | a number of bytes for people: `4 KiB`, `1.5 MiB` | an integer without sign |
| `%p` | an address, with the symbol it lies in | a pointer, a `U64`, a function |
| `%%` | a percent sign | |

A width (1 to 126) before the letter pads with blanks on the left; with `-` before the width on the
right; with `0` before it with zeros, which only `%x` and numbers without sign can have.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from kernel.text.directive import MAX_WIDTH, Letter, Padding, directive
from pykasm import *
from pykasm.errors import CallMistake, TypeMistake, ValueRangeMistake
from pykasm.lang.numbers import Integer
from pykasm.lang.operand import Operand
from pykasm.lang.operands import RegisterOperand
from pykasm.lang.symbolic import AddressOperand
from pykasm.lang.types import TypeMeta, is_pointer

DIRECTIVE = re.compile(r"%([-0]?)(\d*)(.?)", re.DOTALL)

ODD = re.compile(r"[^ -~\n\b\r\a]")
"""What is no printable ASCII, nor moves the cursor, nor rings the bell."""

WIDEST = 8
"""Bytes of an argument."""


def _is_natural(kind: TypeMeta) -> bool:
    return issubclass(kind, Integer) and not kind._signed


def _is_number_or_pointer(kind: TypeMeta) -> bool:
    return is_pointer(kind) or issubclass(kind, Integer)


@dataclass(frozen=True)
class Conversion:
    """A kind of directive: its letter for the writer, and what it takes."""

    letter: Letter
    takes: str
    accepts: Callable[[TypeMeta], bool]
    numbers: range = range(0)
    """Python numbers that it takes."""
    has_width: bool = True


NATURAL = range(1 << 64)
WHOLE = range(-(1 << 63), 1 << 64)
KINDS = {
    "s": Conversion(Letter.STRING, "a Ptr[U8] or a Python string", lambda t: t is Ptr[U8]),
    "c": Conversion(Letter.CHARACTER, "a U8", lambda t: t is U8, range(1 << 8), has_width=False),
    "d": Conversion(Letter.SIGNED, "an integer", lambda t: issubclass(t, Integer), WHOLE),
    "u": Conversion(Letter.UNSIGNED, "an integer without sign", _is_natural, NATURAL),
    "x": Conversion(
        Letter.HEXADECIMAL,
        "an integer or a pointer",
        _is_number_or_pointer,
        WHOLE,
    ),
    "z": Conversion(Letter.SIZE, "an integer without sign", _is_natural, NATURAL),
    "p": Conversion(
        Letter.POINTER,
        "a pointer, a U64 or a function",
        lambda t: is_pointer(t) or t is U64,
        NATURAL,
        has_width=False,
    ),
}


def translate(format: str, arguments: tuple[object, ...]) -> str:
    """`format` as the writer takes it, checked against `arguments`."""
    _check_plain(format)
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


def _check_plain(format: str) -> None:
    odd = ODD.search(format)
    if odd is not None:
        raise ValueRangeMistake(
            f"a format can't have {odd[0]!r}",
            expected="printable ASCII, which the text screen has too, and \\n",
            got=repr(format),
        )


def _check_directive(one: re.Match[str]) -> None:
    padding, width, letter = one.groups()
    kind = KINDS.get(letter)
    if kind is None:
        raise ValueRangeMistake(
            f"`{one[0]}` is no directive",
            expected=", ".join("%" + known for known in KINDS) + ", or %% for a percent sign",
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
    padding, width, letter = one.groups()
    kind = KINDS[letter]
    if not _fits(kind, value):
        raise TypeMistake(
            f"`{one[0]}` does not take this",
            expected=kind.takes,
            got=_described(value),
        )
    chosen = kind.letter
    if chosen is Letter.SIGNED and not _is_signed(value):
        chosen = Letter.UNSIGNED
    if padding == "0" and chosen not in (Letter.HEXADECIMAL, Letter.UNSIGNED):
        raise ValueRangeMistake(
            f"`{one[0]}` can't be filled with zeros",
            expected="%x, or a number without sign",
            got=_described(value),
        )
    return directive(chosen, Padding(ord(padding or " ")), int(width or 0))


def _fits(kind: Conversion, value: object) -> bool:
    if isinstance(value, str):
        return kind.letter is Letter.STRING
    if isinstance(value, int):
        return value in kind.numbers
    if isinstance(value, RegisterOperand) and value._role is None:
        return value._register.size == WIDEST or kind.accepts(value._kind)
    if isinstance(value, Operand):
        return 0 < value._kind._size <= WIDEST and kind.accepts(value._kind)
    is_address = isinstance(value, AddressOperand) or hasattr(value, "_symbol_reference")
    return is_address and kind.letter in (Letter.POINTER, Letter.STRING, Letter.HEXADECIMAL)


def _is_signed(value: object) -> bool:
    if isinstance(value, int):
        return value < 0
    return isinstance(value, Operand) and value._kind._signed


def _described(value: object) -> str:
    if isinstance(value, Operand):
        return f"{value._text()}: {value._kind!r}"
    return repr(value)
