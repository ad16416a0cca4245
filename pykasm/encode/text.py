"""Assembly text for people, in the Intel syntax of GNU as, to statements and to bytes.

Text is parsed into typed operands and goes the way of every statement from there, so it is either
right or a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pykasm.encode.encoder import Encoder
from pykasm.encode.expression import Sum, Tokens, tokens_of
from pykasm.encode.layout import assemble
from pykasm.errors import Mistake, OperandFormMistake, OperandSizeMistake
from pykasm.isa.code import Item, Label, Line, Reference
from pykasm.isa.forms import check
from pykasm.isa.intel import WIDTH_WORDS
from pykasm.isa.registers import REGISTERS, Register, RegisterKind
from pykasm.isa.shapes import PREFIXES
from pykasm.isa.statement import Address, BranchTarget, FarPointer, Operand, Statement
from pykasm.source import Source

_WIDTHS = {word: size for size, word in WIDTH_WORDS.items()} | {"oword": 16}
_SEGMENTS = frozenset({"es", "cs", "ss", "ds", "fs", "gs"})
_PREFIX_WORDS = frozenset(word for prefix in PREFIXES for word in prefix.split())
_STACK_WIDE = frozenset({"push", "pop", "call", "jmp"})
"""Instructions whose memory operand is as wide as the stack where nothing else is written."""

_XMM0_LAST = frozenset({"blendvpd", "blendvps", "pblendvb", "sha256rnds2"})
"""Instructions with a third operand that is always xmm0, written or not."""

_FAR = {"jmp": "ljmp", "call": "lcall"}
_FAR_WIDTHS = {16: 4, 32: 6, 64: 6}
_WIDE_FAR_WIDTH = 10


class TextResult(NamedTuple):
    """What became of a line: its machine code, or the error in words (the other is None)."""

    text: str
    code: bytes | None
    error: str | None


class _Parsed(NamedTuple):
    """A statement and, of a branch, the distance of its target from the statement's start."""

    statement: Statement
    distance: int


def assemble_text(line: str, bits: int = 64) -> Statement:
    """The statement that `line` means in code of `bits`; raises the mistake in it."""
    return _parsed(line, bits).statement


def encode_lines(lines: Iterable[str], bits: int = 64) -> list[TextResult]:
    """Assemble each of `lines`, one instruction a line, on its own; never raises a mistake."""
    encoder = Encoder()
    return [_encoded(line, bits, encoder) for line in lines]


def _encoded(line: str, bits: int, encoder: Encoder) -> TextResult:
    try:
        parsed = _parsed(line, bits)
        return TextResult(line, _code(parsed, encoder), None)
    except Mistake as mistake:
        return TextResult(line, None, _in_one_line(mistake))


def _code(parsed: _Parsed, encoder: Encoder) -> bytes:
    statement = parsed.statement
    if not any(isinstance(operand, BranchTarget) for operand in statement.operands):
        return encoder.encode([statement])[0].code
    here = Label("here")
    reference = Reference(0, here, parsed.distance)
    body: list[Item] = [here, Line(statement, (reference,), Source("<text>", 1), 1)]
    return assemble(body, encoder, "here").code


def _in_one_line(mistake: Mistake) -> str:
    parts = [mistake.what]
    for word, text in (("expected", mistake.expected), ("got", mistake.got), ("help", mistake.fix)):
        if text:
            parts.append(f"{word}: {text}")
    return "; ".join(parts)


def _parsed(line: str, bits: int) -> _Parsed:
    tokens = Tokens(tokens_of(line))
    prefixes = _prefixes(tokens)
    mnemonic = tokens.take()
    if not mnemonic:
        raise OperandFormMistake(
            "there is no instruction in the line",
            expected="a mnemonic and its operands",
            got=f"`{line.strip()}`",
        )
    operands = _Operands(tokens, bits)
    statement = _statement(mnemonic, operands.all(), prefixes, operands.is_far, bits)
    check(statement)
    return _Parsed(statement, operands.distance)


def _prefixes(tokens: Tokens) -> list[str]:
    found = []
    while tokens.peek() in _PREFIX_WORDS or tokens.peek() in ("ds", "rex.w", "data16"):
        found.append(tokens.take())
    return found


class _Operands:
    """The operands of a line as they are read."""

    def __init__(self, tokens: Tokens, bits: int) -> None:
        self._tokens = tokens
        self._bits = bits
        self.is_far = False
        self.distance = 0

    def all(self) -> list[Operand]:
        """Every operand up to the end of the line."""
        if not self._tokens.peek():
            return []
        found = [self._operand()]
        while self._tokens.peek() == ",":
            self._tokens.take()
            found.append(self._operand())
        if rest := self._tokens.peek():
            raise OperandFormMistake(
                f"`{rest}` does not continue an operand",
                expected="`,` and another operand, or the end of the line",
                got=f"`{rest}`",
            )
        return found

    def _operand(self) -> Operand:
        tokens = self._tokens
        if tokens.peek() == "far":
            self.is_far = True
            tokens.take()
            tokens.expect("ptr", "after `far`")
            return self._memory(_FAR_WIDTHS[self._bits])
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


def _statement(
    mnemonic: str, operands: list[Operand], prefixes: list[str], is_far: bool, bits: int
) -> Statement:
    if is_far or _is_far_memory(operands, bits):
        mnemonic = _FAR.get(mnemonic, mnemonic)
    if mnemonic in ("ljmp", "lcall"):
        operands = [_with_width(operand, _FAR_WIDTHS[bits]) for operand in operands]
        if "rex.w" in prefixes:
            prefixes = [word for word in prefixes if word != "rex.w"]
            operands = [_widened(operand) for operand in operands]
    elif mnemonic in _STACK_WIDE:
        operands = [_with_width(operand, bits // 8) for operand in operands]
    elif mnemonic == "int" and operands == [3]:
        mnemonic, operands = "int3", []  # as GNU as does: the one-byte form is what is meant
    elif mnemonic == "movsx" and len(operands) == 2 and _is_dword(operands[1]):
        mnemonic = "movsxd"
    elif mnemonic in _XMM0_LAST and operands[2:] == [REGISTERS["xmm0"]]:
        operands = operands[:2]
    if prefixes == ["ds"] and mnemonic in ("jmp", "call"):
        prefixes = ["notrack"]  # the same byte (Intel SDM vol. 1, 17.3.1)
    return Statement(bits, mnemonic, tuple(operands), " ".join(prefixes))


def _is_far_memory(operands: list[Operand], bits: int) -> bool:
    """Whether a memory operand is a far pointer by its width; in 16-bit code `dword ptr` is one."""
    widths = (4, 6) if bits == 16 else (6,)
    return any(isinstance(operand, Address) and operand.size in widths for operand in operands)


def _with_width(operand: Operand, width: int) -> Operand:
    if isinstance(operand, Address) and operand.size == 0:
        return operand._replace(size=width)
    return operand


def _widened(operand: Operand) -> Operand:
    return operand._replace(size=_WIDE_FAR_WIDTH) if isinstance(operand, Address) else operand


def _is_dword(operand: Operand) -> bool:
    return isinstance(operand, Register | Address) and operand.size == 4
