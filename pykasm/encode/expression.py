"""Tokens and expressions of assembly text: numbers, and sums of registers in an address.

GNU as and C disagree about which operator binds tighter (`1 << 2 + 1` is 5 or 8), so operators of
different families may only be mixed with brackets that say what comes first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pykasm.errors import OperandFormMistake, ValueRangeMistake
from pykasm.isa.registers import REGISTERS, Register

_DEEPEST = 20
_WORDS = {"and": "&", "or": "|", "xor": "^", "not": "~", "mod": "%", "shl": "<<", "shr": ">>"}
_ARITHMETIC = frozenset("+-*/%")
_SHIFTS = frozenset({"<<", ">>"})
_MODULUS = 1 << 64


@dataclass(slots=True)
class Sum:
    """A number plus registers, each with its factor, or None where no factor was written."""

    number: int = 0
    terms: list[tuple[Register, int | None]] = field(default_factory=list)


def parse_number(word: str) -> int:
    """The value of a number: decimal, 0x hexadecimal, 0b binary, 0o or 0 octal."""
    digits = word.lower()
    if re.fullmatch("0[0-7]+", digits):
        return int(digits, 8)
    try:
        return int(digits, 0)
    except ValueError:
        raise OperandFormMistake(
            f"`{word}` is not a number",
            expected="a number such as 16, 0x10, 0b10000 or 020",
            got=f"`{word}`",
        ) from None


_TILE = re.compile("tmm[0-7]")
"""Registers that nothing here knows (Intel SDM vol. 1, 18): kernels save them by XSAVE."""


class Tokens:
    """The tokens of a line, read from left to right."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def peek(self, ahead: int = 0) -> str:
        """The next token (or the one `ahead` of it) in lower case; empty at the end."""
        at = self._at + ahead
        return self._tokens[at].lower() if at < len(self._tokens) else ""

    def take(self) -> str:
        """The next token, taken off."""
        token = self.peek()
        self._at += 1
        return token

    def expect(self, token: str, where: str) -> None:
        """Take `token` off, or say that it is missing."""
        found = self.take()
        if found != token:
            raise OperandFormMistake(
                f"`{token}` is missing {where}",
                expected=f"`{token}`",
                got=f"`{found}`" if found else "the end of the line",
            )

    def expression(self) -> Sum:
        """An expression of one bracket level, up to a token that cannot continue it."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise OperandFormMistake(
                "the brackets are nested too deeply",
                expected=f"at most {_DEEPEST} levels",
                got="more",
            )
        values = [self._factor()]
        operators: list[str] = []
        while operator := self._operator():
            operators.append(operator)
            values.append(self._factor())
        self._depth -= 1
        _check_family(operators)
        return _evaluate(values, operators)

    def _operator(self) -> str:
        token = _WORDS.get(self.peek(), self.peek())
        if token and token in ("+", "-", "*", "/", "%", "|", "&", "^", "<<", ">>"):
            self._at += 1
            return token
        return ""

    def _factor(self) -> Sum:
        token = self.take()
        token = _WORDS.get(token, token)
        signs = 1
        while token in ("+", "-", "~"):
            if token == "~":
                return _bounded(_times(~_number(self._factor()), signs))
            signs = -signs if token == "-" else signs
            token = self.take()
            token = _WORDS.get(token, token)
        if token == "(":
            value = self.expression()
            self.expect(")", "after the expression")
        else:
            value = _atom(token)
        return _negated(value) if signs < 0 else value


def _times(value: int, sign: int) -> int:
    return value * sign


def _atom(token: str) -> Sum:
    if token in REGISTERS:
        return Sum(0, [(REGISTERS[token], None)])
    if token[:1].isdigit():
        return _bounded(parse_number(token))
    if _TILE.fullmatch(token):
        raise OperandFormMistake(
            f"`{token}` is a tile register of AMX, which pykasm does not have",
            expected="a register of those up to AVX-512",
            got=f"`{token}`",
        )
    if token[:1].isalpha() or token[:1] == "_":
        raise OperandFormMistake(
            f"`{token}` is no register and no number",
            expected="a register or a number: there are no symbols here",
            got=f"`{token}`",
        )
    raise OperandFormMistake(
        "an operand is missing or incomplete",
        expected="a register or a number",
        got=f"`{token}`" if token else "the end of the line",
    )


def _check_family(operators: list[str]) -> None:
    """Refuse operators side by side whose order is a matter of taste."""
    families = set(operators)
    if families <= _ARITHMETIC or (len(families - _SHIFTS) < 2 and not families & _ARITHMETIC):
        return
    raise OperandFormMistake(
        f"which of `{'`, `'.join(sorted(families))}` comes first is not clear",
        expected="brackets around what is to be computed first",
        got=" ".join(operators),
        fix="write `(1 << 2) + 1` or `1 << (2 + 1)`",
    )


def _evaluate(values: list[Sum], operators: list[str]) -> Sum:
    """Left to right, products and shifts first."""
    for family in (frozenset("*/%") | _SHIFTS, frozenset("+-|&^")):
        at = 0
        while at < len(operators):
            if operators[at] in family:
                values[at : at + 2] = [_apply(operators.pop(at), values[at], values[at + 1])]
            else:
                at += 1
    return values[0]


def _apply(operator: str, left: Sum, right: Sum) -> Sum:
    if operator == "+":
        return _added(left, right)
    if operator == "-":
        return _added(left, _negated(right))
    if operator == "*" and (left.terms or right.terms):
        return _scaled(left, right)
    return _bounded(_OPERATIONS[operator](_number(left), _number(right)))


def _divided(left: int, right: int) -> int:
    if right == 0:
        raise ValueRangeMistake("a division by zero", expected="another divisor", got="0")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _shifted(left: int, right: int) -> int:
    if not 0 <= right < 64:
        raise ValueRangeMistake("a shift out of range", expected="0 … 63", got=str(right))
    return left << right


_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "*": lambda left, right: left * right,
    "/": _divided,
    "%": lambda left, right: left - right * _divided(left, right),
    "|": lambda left, right: left | right,
    "&": lambda left, right: left & right,
    "^": lambda left, right: left ^ right,
    "<<": _shifted,
    ">>": lambda left, right: left // _shifted(1, right),
}


def _bounded(value: int) -> Sum:
    if not -_MODULUS // 2 <= value < _MODULUS:
        raise ValueRangeMistake(
            f"{value:#x} does not fit 64 bits",
            expected=f"{-_MODULUS // 2:#x} … {_MODULUS - 1:#x}",
            got=hex(value),
        )
    return Sum(value)


def _number(value: Sum) -> int:
    if value.terms:
        raise OperandFormMistake(
            f"`{value.terms[0][0]}` cannot be computed with here",
            expected="a number, or a sum of registers and a number in square brackets",
            got="a register",
        )
    return value.number


def _added(left: Sum, right: Sum) -> Sum:
    return Sum(_bounded(left.number + right.number).number, left.terms + right.terms)


def _negated(value: Sum) -> Sum:
    return _bounded(-_number(value))


def _scaled(left: Sum, right: Sum) -> Sum:
    if left.terms and not right.terms:
        left, right = right, left
    factor = _number(left)
    if len(right.terms) != 1 or right.number or right.terms[0][1] is not None:
        raise OperandFormMistake(
            "only a single register can be multiplied",
            expected="`rbx*4` for an index",
            got="a sum in brackets",
        )
    return Sum(0, [(right.terms[0][0], factor)])
