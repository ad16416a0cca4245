"""Data in assembly text: `.byte`, `.long`, `.asciz` and the like, as GNU as has them."""

from __future__ import annotations

import re

from pykasm.encode.expression import Tokens
from pykasm.encode.tokens import character, tokens_of
from pykasm.errors import OperandFormMistake, ValueRangeMistake

_NUMBERS = {
    "byte": 1,
    "word": 2,
    "short": 2,
    "hword": 2,
    "value": 2,
    "2byte": 2,
    "long": 4,
    "int": 4,
    "4byte": 4,
    "quad": 8,
    "8byte": 8,
    "octa": 16,
}
"""Directives for numbers, with the bytes that each number takes."""

_STRINGS = {"ascii": b"", "asciz": b"\0", "string": b"\0"}
"""Directives for text, with what ends each string."""

_FILLERS = frozenset({"zero", "skip", "space"})
_MOST_BYTES = 1 << 16
_DIRECTIVE = re.compile(r"\s*\.([a-z0-9]+)(?=\s|$)(.*)", re.IGNORECASE | re.DOTALL)
_STRING = re.compile(r'\s*"((?:\\.|[^"\\])*)"\s*')


def data_of(line: str) -> bytes | None:
    """The bytes that a directive in `line` stands for; None if there is an instruction in it."""
    found = _DIRECTIVE.match(line)
    if not found:
        return None
    name, rest = found[1].lower(), found[2]
    if name in _NUMBERS:
        return b"".join(_number(value, _NUMBERS[name]) for value in _values(rest))
    if name in _STRINGS:
        return b"".join(text + _STRINGS[name] for text in _texts(rest))
    if name in _FILLERS:
        return _filled(name, _values(rest))
    raise OperandFormMistake(
        f"`.{name}` is no directive for data",
        expected=", ".join(f"`.{one}`" for one in (*_NUMBERS, *_STRINGS, *sorted(_FILLERS))),
        got=f"`{line.strip()}`",
    )


def _values(text: str) -> list[int]:
    """The numbers of a list with commas between them."""
    tokens = Tokens(tokens_of(text))
    found = [_value(tokens)]
    while tokens.peek() == ",":
        tokens.take()
        found.append(_value(tokens))
    if rest := tokens.peek():
        raise OperandFormMistake(
            f"`{rest}` does not continue a number",
            expected="`,` and another number, or the end of the line",
            got=f"`{rest}`",
        )
    return found


def _value(tokens: Tokens) -> int:
    value = tokens.expression()
    if value.terms:
        raise OperandFormMistake(
            f"`{value.terms[0][0]}` is no number",
            expected="a number",
            got="a register",
        )
    return value.number


def _number(value: int, size: int) -> bytes:
    low, high = -(1 << size * 8 - 1), (1 << size * 8) - 1
    if not low <= value <= high:
        raise ValueRangeMistake(
            f"{value:#x} does not fit {size * 8} bits",
            expected=f"{low:#x} … {high:#x}",
            got=hex(value),
        )
    return (value & high).to_bytes(size, "little")


def _filled(name: str, values: list[int]) -> bytes:
    size, value = (*values, 0)[:2]
    if len(values) > 2 or not 0 <= size <= _MOST_BYTES:
        raise ValueRangeMistake(
            f"`.{name}` takes a number of bytes, and what each is",
            expected=f"0 … {_MOST_BYTES:#x}, and 0 … 0xff",
            got=", ".join(map(hex, values)),
        )
    return _number(value, 1) * size


def _texts(text: str) -> list[bytes]:
    """The strings of a list with commas between them."""
    found, at = [], 0
    while True:
        one = _STRING.match(text, at)
        if not one:
            raise OperandFormMistake(
                "a text stands in double quotes",
                expected='`"…"`, and `,` between several',
                got=f"`{text[at:].strip()}`",
            )
        found.append(_bytes_of(one[1]))
        at = one.end()
        if not text[at : at + 1].strip("#"):
            return found
        if text[at] != ",":
            raise OperandFormMistake(
                f"`{text[at]}` does not continue a text",
                expected="`,` and another text, or the end of the line",
                got=f"`{text[at:].strip()}`",
            )
        at += 1


def _bytes_of(text: str) -> bytes:
    """What stands between quotes, with backslashes read; octal and hexadecimal numbers too."""
    found = bytearray()
    for one in re.finditer(r"\\([0-7]{1,3})|\\[xX]([0-9a-fA-F]+)|(\\.)|([^\\])", text, re.DOTALL):
        octal, hexadecimal, escape, plain = one.groups()
        if octal:
            found.append(int(octal, 8) & 0xFF)
        elif hexadecimal:
            found.append(int(hexadecimal, 16) & 0xFF)
        elif escape:
            found.append(character(escape))
        else:
            found += plain.encode()
    return bytes(found)
