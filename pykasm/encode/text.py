"""Assembly text for people, in the Intel syntax of GNU as, to statements and to bytes.

Text is parsed into typed operands and goes the way of every statement from there, so it is either
right or a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pykasm.encode.directives import data_of
from pykasm.encode.encoder import Encoder
from pykasm.encode.expression import Tokens
from pykasm.encode.layout import assemble
from pykasm.encode.operands import FAR_WIDTHS, OperandReader
from pykasm.encode.prefixes import is_prefix, with_prefixes
from pykasm.encode.spellings import spelled
from pykasm.encode.tokens import tokens_of
from pykasm.errors import Mistake, OperandFormMistake
from pykasm.isa.code import Item, Label, Line, Reference
from pykasm.isa.forms import check
from pykasm.isa.registers import REGISTERS, Register
from pykasm.isa.shapes import PREFIXES
from pykasm.isa.statement import Address, BranchTarget, Operand, Statement
from pykasm.source import Source

_PREFIX_WORDS = frozenset(word for prefix in PREFIXES for word in prefix.split())
_STACK_WIDE = frozenset({"push", "pop", "call", "jmp"})
"""Instructions whose memory operand is as wide as the stack where nothing else is written."""

_XMM0_LAST = frozenset({"blendvpd", "blendvps", "pblendvb", "sha256rnds2"})
"""Instructions with a third operand that is always xmm0, written or not."""

_REPEATS = (["rep"], ["repe"], ["repz"])
_FAR = {"jmp": "ljmp", "call": "lcall"}
_WIDE_FAR_WIDTH = 10


class TextResult(NamedTuple):
    """What became of a line: its machine code, or the error in words (the other is None)."""

    text: str
    code: bytes | None
    error: str | None


class _Parsed(NamedTuple):
    """A statement, prefixes that it ignores, and of a branch the distance of its target from the
    line's start."""

    statement: Statement
    prefixes: list[str]
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
        code = data_of(line)
        if code is None:
            code = _code(_parsed(line, bits), encoder)
        return TextResult(line, code, None)
    except Mistake as mistake:
        return TextResult(line, None, _in_one_line(mistake))


def _code(parsed: _Parsed, encoder: Encoder) -> bytes:
    statement, prefixes, distance = parsed
    if any(isinstance(operand, BranchTarget) for operand in statement.operands):
        here = Label("here")
        reference = Reference(0, here, distance - len(prefixes))
        body: list[Item] = [here, Line(statement, (reference,), Source("<text>", 1), 1)]
        code = assemble(body, encoder, "here").code
    else:
        code = encoder.encode([statement])[0].code
    return with_prefixes(code, prefixes, statement)


def _in_one_line(mistake: Mistake) -> str:
    parts = [mistake.what]
    for word, text in (("expected", mistake.expected), ("got", mistake.got), ("help", mistake.fix)):
        if text:
            parts.append(f"{word}: {text}")
    return "; ".join(parts)


def _parsed(line: str, bits: int) -> _Parsed:
    tokens = Tokens(tokens_of(line))
    prefixes, ignored = _prefixes(tokens)
    mnemonic = tokens.take()
    if mnemonic.startswith("{"):
        raise OperandFormMistake(
            f"`{mnemonic}` cannot stand before an instruction",
            expected="the instruction alone: of encodings that mean the same, one is chosen",
            got=f"`{line.strip()}`",
            fix="leave it out",
        )
    if not mnemonic:
        raise OperandFormMistake(
            "there is no instruction in the line",
            expected="a mnemonic and its operands",
            got=f"`{line.strip()}`",
        )
    reader = OperandReader(tokens, bits)
    mnemonic, operands, more = spelled(mnemonic, reader.all(), bits)
    ignored += more
    statement = _statement(mnemonic, operands, prefixes, ignored, reader.is_far, bits)
    statement = statement._replace(options=reader.options)
    check(statement)
    return _Parsed(statement, ignored, reader.distance)


def _prefixes(tokens: Tokens) -> tuple[list[str], list[str]]:
    """The prefixes that the instruction has to take, and those that it must ignore."""
    found, ignored = [], []
    while True:
        if tokens.peek() in _PREFIX_WORDS:
            found.append(tokens.take())
        elif is_prefix(tokens):
            ignored.append(tokens.take())
        else:
            return found, ignored


def _statement(
    mnemonic: str,
    operands: list[Operand],
    prefixes: list[str],
    ignored: list[str],
    is_far: bool,
    bits: int,
) -> Statement:
    if is_far or _is_far_memory(operands, bits):
        mnemonic = _FAR.get(mnemonic, mnemonic)
    if mnemonic in ("ljmp", "lcall"):
        operands = [_with_width(operand, FAR_WIDTHS[bits]) for operand in operands]
        if "rex.w" in ignored and any(isinstance(one, Address) for one in operands):
            ignored.remove("rex.w")
            operands = [_widened(operand) for operand in operands]
    elif mnemonic in _STACK_WIDE:
        operands = [_with_width(operand, bits // 8) for operand in operands]
    elif mnemonic == "int" and operands == [3]:
        mnemonic, operands = "int3", []  # as GNU as does: the one-byte form is what is meant
    elif mnemonic == "movsx" and len(operands) == 2 and _is_dword(operands[1]):
        mnemonic = "movsxd"
    elif mnemonic in _XMM0_LAST and operands[2:] == [REGISTERS["xmm0"]]:
        operands = operands[:2]
    if ignored == ["ds"] and mnemonic in ("jmp", "call"):
        ignored.remove("ds")
        prefixes = ["notrack"]  # the same byte (Intel SDM vol. 1, 17.3.1)
    if mnemonic == "nop" and not operands and prefixes in _REPEATS:
        mnemonic, prefixes = "pause", []  # the same byte too (Intel SDM vol. 2, PAUSE)
    if mnemonic == "ret" and prefixes in _REPEATS:
        prefixes = []
        ignored.append("rep")
    elif mnemonic == "ret" and prefixes in (["repne"], ["repnz"]):
        prefixes = ["bnd"]  # the same byte (Intel SDM vol. 1, 17.3.2)
    if prefixes in (["lock", "xacquire"], ["lock", "xrelease"]):
        prefixes.reverse()  # in either order they are the same two
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
