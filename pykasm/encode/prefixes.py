"""Prefixes that are written before an instruction in assembly text and that it ignores.

`cs nop`, `data16 lea …` and `rex.w call …` are longer forms of the same instruction. A prefix that
would make another one of it is refused.
"""

from __future__ import annotations

import re

from iced_x86 import Code, Decoder, FastFormatter, FlowControl, Instruction
from iced_x86 import Register as IcedRegister

from pykasm.encode.expression import Tokens
from pykasm.errors import OperandFormMistake
from pykasm.isa.statement import Statement

_SEGMENTS = {"es": 0x26, "cs": 0x2E, "ss": 0x36, "ds": 0x3E, "fs": 0x64, "gs": 0x65}
_HINTS = frozenset({"cs", "ds"})
"""Before conditional jumps: not taken, taken (Intel SDM vol. 2, 2.1.1)."""

_OPERAND_SIZES = {("data16", 64), ("data16", 32), ("data32", 16)}
_ADDRESS_SIZES = {("addr32", 64), ("addr16", 32), ("addr32", 16)}
_REX = re.compile(r"rex(?:64|\.w?r?x?b?)?")
_REX_BITS = {"w": 8, "r": 4, "x": 2, "b": 1}
_LEGACY = frozenset({*_SEGMENTS.values(), 0x66, 0x67, 0xF0, 0xF2, 0xF3})
_NOPS = frozenset({Code.NOPW, Code.NOPD, Code.NOPQ})


_SEGMENT_GROUP, _ADDRESS_GROUP, _DATA_GROUP, _REPEAT_GROUP, _REX_GROUP = range(5)
"""The kinds of prefixes in the order in which GNU as writes them."""


def is_prefix(tokens: Tokens) -> bool:
    """Whether the next token is such a prefix."""
    word = tokens.peek()
    if word in _SEGMENTS:
        return tokens.peek(1) != ":"
    return bool(_REX.fullmatch(word)) or word in ("data16", "data32", "addr16", "addr32")


def with_prefixes(code: bytes, words: list[str], statement: Statement) -> bytes:
    """`code` of `statement` with the bytes of the prefixes `words` where they belong.

    Raises OperandFormMistake where the machine would read another instruction then.
    """
    if not words:
        return code
    bits = statement.bits
    before = _decoded(code, bits, 0)
    made = _joined(code, words, bits)
    after = _decoded(made, bits, len(code) - len(made))
    if not _is_same(before, after, words, bool(statement.operands)):
        raise _changes(words, before, after)
    return made


def _joined(code: bytes, words: list[str], bits: int) -> bytes:
    """The bytes in the order of GNU as: segment, address size, operand size, the others, REX."""
    groups: dict[int, int] = {}
    for word in words:
        group, byte = _byte_of(word, bits)
        if group in groups:
            raise OperandFormMistake(
                f"`{word}` is the second prefix of its kind",
                expected="one segment, one operand size, one address size, one rex",
                got=" ".join(words),
            )
        groups[group] = byte
    rex = groups.pop(_REX_GROUP, 0)
    made = bytes(groups[group] for group in sorted(groups)) + code
    if not rex:
        return made
    at = next(n for n, byte in enumerate(made) if byte not in _LEGACY)
    if made[at] & 0xF0 == 0x40:
        return made[:at] + bytes([made[at] | rex]) + made[at + 1 :]
    return made[:at] + bytes([rex]) + made[at:]


def _byte_of(word: str, bits: int) -> tuple[int, int]:
    """The kind of a prefix and its byte in code of `bits`."""
    if word in _SEGMENTS:
        return _SEGMENT_GROUP, _SEGMENTS[word]
    if (word, bits) in _ADDRESS_SIZES:
        return _ADDRESS_GROUP, 0x67
    if (word, bits) in _OPERAND_SIZES:
        return _DATA_GROUP, 0x66
    if word == "rep":
        return _REPEAT_GROUP, 0xF3
    if bits == 64 and _REX.fullmatch(word):
        letters = "w" if word == "rex64" else word.partition(".")[2]
        return _REX_GROUP, 0x40 | sum(_REX_BITS[letter] for letter in letters)
    raise OperandFormMistake(
        f"`{word}` is no prefix of {bits}-bit code",
        expected="a prefix for another size than the code's own",
        got=f"`{word}`",
    )


def _decoded(code: bytes, bits: int, start: int) -> Instruction:
    return Decoder(bits, code, ip=start % (1 << 64)).decode()


def _is_same(before: Instruction, after: Instruction, words: list[str], written: bool) -> bool:
    """Whether the prefixes `words` change nothing but a segment, or the width of an address that
    is not `written`."""
    if before.flow_control != FlowControl.NEXT and not _is_harmless(before, words):
        return False
    if after.code in _NOPS and before.code in _NOPS:
        return True
    if before.segment_prefix != IcedRegister.NONE and not _SEGMENTS.keys().isdisjoint(words):
        return False
    if not written and any(word.startswith("addr") for word in words):
        return after.mnemonic == before.mnemonic
    after.segment_prefix = before.segment_prefix
    after.has_rep_prefix = before.has_rep_prefix
    return after == before


def _is_harmless(branch: Instruction, words: list[str]) -> bool:
    """Whether all processors ignore the prefixes `words` of a branch."""
    if branch.is_jcc_short_or_near:
        return _HINTS.issuperset(words)
    near = branch.near_branch_target != 0
    return not near and not any(word.startswith(("data", "addr")) for word in words)


def _changes(words: list[str], before: Instruction, after: Instruction) -> OperandFormMistake:
    formatter = FastFormatter()
    formatter.space_after_operand_separator = True
    old, new = formatter.format(before), formatter.format(after)
    got, fix = "one that has no such form", "leave the prefix out"
    if before.flow_control != FlowControl.NEXT:
        got = "a branch, before which processors differ"
    elif after.code != Code.INVALID and old != new:
        got, fix = f"one that becomes `{new}`", f"write `{new}` if you mean that"
    return OperandFormMistake(
        f"`{' '.join(words)}` cannot stand before `{old}`",
        expected="an instruction that means the same with the prefix and without it",
        got=got,
        fix=fix,
    )
