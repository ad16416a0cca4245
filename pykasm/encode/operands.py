"""The operands of assembly text: registers, numbers, memory, far pointers, branch targets."""

from __future__ import annotations

from pykasm.encode.expression import Sum, Tokens
from pykasm.encode.options import OptionReader
from pykasm.errors import OperandFormMistake, OperandSizeMistake
from pykasm.isa.intel import WIDTH_WORDS
from pykasm.isa.registers import REGISTERS, Register, RegisterKind
from pykasm.isa.statement import (
    Address,
    BranchTarget,
    FarPointer,
    Operand,
    VectorOptions,
)

_WIDTHS = {word: size for size, word in WIDTH_WORDS.items()} | {"oword": 16}
_SEGMENTS = frozenset({"es", "cs", "ss", "ds", "fs", "gs"})

FAR_WIDTHS = {16: 4, 32: 6, 64: 6}
"""The bytes of a far pointer in memory, in code of so many bits, where nothing else is written."""


class OperandReader:
    """Reads the operands of a line.

    `is_far` tells that `far ptr` was written; `distance` is that of a branch target, in bytes from
    the instruction's start. `options` are what braces say: a mask, copies, a way to round.
    """

    def __init__(self, tokens: Tokens, bits: int) -> None:
        self._tokens = tokens
        self._bits = bits
        self.is_far = False
        self.distance = 0
        self.options: VectorOptions | None = None
        self._options = OptionReader(tokens)

    def all(self) -> list[Operand]:
        """Every operand up to the end of the line."""
        if not self._tokens.peek():
            return []
        found: list[Operand] = []
        self._read_next(found)
        while self._tokens.peek() == ",":
            self._tokens.take()
            self._read_next(found)
        if rest := self._tokens.peek():
            raise OperandFormMistake(
                f"`{rest}` does not continue an operand",
                expected="`,` and another operand, or the end of the line",
                got=f"`{rest}`",
            )
        self.options = self._options.finish(found)
        return found

    def _read_next(self, found: list[Operand]) -> None:
        alone = bool(found) and self._tokens.peek().startswith("{")
        if not alone:
            found.append(self._operand())
        self._options.read(found, alone)

    def _operand(self) -> Operand:
        tokens = self._tokens
        if tokens.peek() == "far":
            self.is_far = True
            tokens.take()
            tokens.expect("ptr", "after `far`")
            return self._memory(FAR_WIDTHS[self._bits])
        if tokens.peek() == "near" and tokens.peek(1) == "ptr":
            tokens.take()  # branches are near where nothing else is said
            tokens.take()
        if tokens.peek() == "short":
            tokens.take()
            return self._branch_target(short=True)
        if tokens.peek() == ".":
            return self._branch_target(short=False)
        if tokens.peek() in _WIDTHS:
            return self._memory(self._width())
        return self._unsized()

    def _width(self) -> int:
        word = self._tokens.take()
        if self._tokens.peek() != "ptr":
            raise OperandFormMistake(
                f"`{word}` without `ptr` is a number to GNU as, not a width",
                expected=f"`{word} ptr [...]`",
                got=f"`{word} {self._tokens.peek()}`".replace(" `", "`"),
                fix=f"write `{word} ptr`",
            )
        self._tokens.take()
        return _WIDTHS[word]

    def _branch_target(self, short: bool) -> BranchTarget:
        self._tokens.expect(".", "before the distance: `.+5` is 5 bytes on from here")
        if self._tokens.peek() in ("+", "-"):
            self.distance = _plain(self._tokens.expression())
        return BranchTarget(short)

    def _unsized(self) -> Operand:
        tokens = self._tokens
        if tokens.peek() in _SEGMENTS and tokens.peek(1) == ":":
            return self._memory(0)
        if tokens.peek() == "[":
            return self._memory(0)
        if tokens.peek() == "st":
            return self._stack_register()
        if tokens.peek() in REGISTERS:
            return REGISTERS[tokens.take()]
        number = _plain(tokens.expression())
        if tokens.peek() == ":":
            tokens.take()
            return self._far_pointer(number)
        if tokens.peek() == "[":
            return self._memory(0, number)
        return number

    def _far_pointer(self, selector: int) -> FarPointer:
        offset = _plain(self._tokens.expression())
        size = 2 if self._bits == 16 else 4
        if not (0 <= selector < 1 << 16 and 0 <= offset < 1 << size * 8):
            raise OperandSizeMistake(
                "the far pointer is too wide",
                expected=f"a selector of 16 bits and an offset of {size * 8}",
                got=f"{selector:#x}:{offset:#x}",
            )
        return FarPointer(selector, offset, size)

    def _stack_register(self) -> Register:
        self._tokens.take()
        if self._tokens.peek() != "(":
            return REGISTERS["st0"]
        self._tokens.take()
        number = self._tokens.take()
        self._tokens.expect(")", "after the number of the register")
        if f"st{number}" not in REGISTERS:
            raise OperandFormMistake(
                f"there is no `st({number})`", expected="st(0) … st(7)", got=f"`st({number})`"
            )
        return REGISTERS[f"st{number}"]

    def _memory(self, size: int, displacement: int = 0) -> Address:
        tokens = self._tokens
        segment = None
        if tokens.peek() in _SEGMENTS and tokens.peek(1) == ":":
            segment = REGISTERS[tokens.take()]
            tokens.take()
        total = Sum(displacement)
        if tokens.peek() != "[":
            if segment is None:
                raise OperandFormMistake(
                    "a memory operand needs square brackets",
                    expected="`[...]`",
                    got=f"`{tokens.peek()}`",
                )
            total.number += _plain(tokens.expression())
        while tokens.peek() == "[":
            tokens.take()
            inside = tokens.expression()
            total = Sum(total.number + inside.number, total.terms + inside.terms)
            tokens.expect("]", "after the address")
        return _address(size, segment, total)


def _plain(value: Sum) -> int:
    if value.terms:
        raise OperandFormMistake(
            f"`{value.terms[0][0]}` cannot be computed with outside square brackets",
            expected="a number",
            got="a register in an expression",
            fix=f"write `[{value.terms[0][0]} + ...]` for memory",
        )
    return _two_complement(value.number)


def _two_complement(value: int) -> int:
    """A number with bit 63 set, as GNU as computes: modulo 2**64, signed."""
    return value - (1 << 64) if 1 << 63 <= value < 1 << 64 else value


def _address(size: int, segment: Register | None, total: Sum) -> Address:
    base: Register | None = None
    index: Register | None = None
    scale = 1
    for register, factor in total.terms:
        if base is None and factor is None:
            base = register
        elif index is None:
            index, scale = register, factor or 1
        elif base is None and factor == 1:
            base = register
        else:
            raise OperandFormMistake(
                "an address has too many registers",
                expected="one base, one index times 1, 2, 4 or 8, and a displacement",
                got=" + ".join(str(term[0]) for term in total.terms),
            )
    if base is not None and index is not None and _wants_swap(base, index, total):
        base, index = index, base
    return Address(size, segment, base, index, scale, _two_complement(total.number))


def _wants_swap(base: Register, index: Register, total: Sum) -> bool:
    """Whether two registers without a factor stand the other way round than the machine has it."""
    if any(factor is not None for _, factor in total.terms):
        return False
    return (
        index.name in ("rsp", "esp")
        or (index.name in ("bx", "bp") and base.name in ("si", "di"))
        or base.kind is RegisterKind.VECTOR
    )
