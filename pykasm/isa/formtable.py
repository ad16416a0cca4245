"""The table of the operand forms that the machine has.

It is made, mnemonic by mnemonic and when first asked for, from iced-x86's opcode tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from iced_x86 import Code_, EncodingKind, MemorySizeExt, OpCodeInfo

from pykasm.isa import names
from pykasm.isa.intel import WIDTH_WORDS
from pykasm.isa.kinds import (
    KIND_NAMES,
    STRING_POINTERS,
    UNSPOKEN,
    OperandRule,
    operand_rule,
)
from pykasm.isa.registers import REGISTERS, Register, RegisterKind


class VectorRules(NamedTuple):
    """Which options an opcode with an EVEX prefix takes.

    `element` is the width in bytes of what a memory operand can repeat, 0 where it can't. The
    mask may be left out unless `needs_mask`.
    """

    mask: bool
    needs_mask: bool
    zeroing: bool
    rounding: bool
    suppressing: bool
    element: int


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """One opcode with one way to write its operands.

    `code` is iced-x86's number of the opcode. Operand i of a statement is operand `positions[i]`
    of the decoded instruction and follows `rules[i]`. `implied` are the decoded operands that are
    registers without being written; with `tied` the second decoded operand repeats the first.
    `memory_size` is the width of the memory operand in bytes, 0 where it has none. `vector` is
    None where the opcode has no EVEX prefix. Vector registers are `distinct` where the machine
    refuses one in two places (Intel SDM vol. 2, VGATHERDPS).
    """

    code: Code_
    positions: tuple[int, ...]
    rules: tuple[OperandRule, ...]
    kinds: tuple[str, ...]
    memory_size: int
    prefixes: frozenset[str]
    text: str
    vector: VectorRules | None = None
    distinct: bool = False
    implied: tuple[tuple[int, Register], ...] = ()
    tied: bool = False


_POPPING = ("faddp", "fmulp", "fsubp", "fsubrp", "fdivp", "fdivrp")
_ONE_OPERAND = ("fxch", "fcom", "fcomp", "fucom", "fucomp")
_STACK_TOP_PAIR = (*_POPPING, *_ONE_OPERAND)
"""x87 instructions that mean st(1) where no register is written (Intel SDM vol. 2, FADD …)."""

_WITH_TOP = (*_ONE_OPERAND, "fadd", "fmul", "fsub", "fsubr", "fdiv", "fdivr")
"""x87 instructions that work on st(0) where only one register is written."""

_SELECTOR_READERS = {
    "mov": 1,
    "lar": 1,
    "lsl": 1,
    "lldt": 0,
    "ltr": 0,
    "verr": 0,
    "verw": 0,
    "lmsw": 0,
}
"""Instructions of whose source register (operand so-and-so) only the low 16 bits count."""


@cache
def forms(bits: int, mnemonic: str) -> tuple[Form, ...]:
    """The forms of `mnemonic` in code of `bits`, in the order of the opcode tables."""
    opcodes = names.opcodes_of(bits, mnemonic)
    if mnemonic not in names.WIDTH_IN_NAME:
        opcodes = _of_natural_width(opcodes, bits)
    return tuple(form for info in opcodes for form in _forms_of_opcode(info, mnemonic))


def has_forms(bits: int, mnemonic: str) -> bool:
    """Whether `mnemonic` has a form without options in code of `bits`.

    Much faster than making all forms.
    """
    return any(
        _rules(info, _kinds(info), mnemonic) is not None
        for info in names.opcodes_of(bits, mnemonic)
        if not info.require_op_mask_register
    )


def _kinds(info: OpCodeInfo) -> tuple[str, ...]:
    return tuple(KIND_NAMES[kind] for kind in info.op_kinds())


def _of_natural_width(opcodes: list[OpCodeInfo], bits: int) -> list[OpCodeInfo]:
    """Of opcodes that differ only in a width which no operand shows, keep the mode's own."""
    groups: dict[tuple[str, ...], list[OpCodeInfo]] = {}
    for info in opcodes:
        groups.setdefault(_visible(info), []).append(info)
    found = []
    for group in groups.values():
        natural = [info for info in group if _is_natural(info, bits)]
        found += natural or group
    return found


def _visible(info: OpCodeInfo) -> tuple[str, ...]:
    """What of an opcode's operands can be seen in the text."""
    seen = tuple(_visible_kind(kind) for kind in _kinds(info))
    size = MemorySizeExt.size(info.memory_size)
    return (*seen, info.instruction_string.split()[0], WIDTH_WORDS.get(size, ""))


def _visible_kind(kind: str) -> str:
    rule = operand_rule(kind, True)
    if rule is None:
        return kind
    if rule.immediate:
        return "imm"
    if rule.branch:
        return "rel8" if rule.branch == 1 else "rel"
    return kind


def _is_natural(info: OpCodeInfo, bits: int) -> bool:
    wide = info.default_op_size64 or info.force_op_size64
    natural = bits if bits < 64 or wide else 32
    return info.operand_size in (0, natural) and info.address_size in (0, bits)


def _forms_of_opcode(info: OpCodeInfo, mnemonic: str) -> Iterator[Form]:
    kinds = _kinds(info)
    rules = _rules(info, kinds, mnemonic)
    if rules is None:
        return
    form = Form(
        code=info.code,
        positions=(),
        rules=(),
        kinds=kinds,
        memory_size=MemorySizeExt.size(info.memory_size),
        prefixes=_prefixes(info),
        text=info.instruction_string.partition(" ")[2],
        vector=_vector_rules(info),
        distinct=info.requires_unique_reg_nums,
    )
    for positions, implied, tied in _spellings(kinds, mnemonic):
        own = tuple(rules[position] for position in positions)
        yield replace(form, positions=positions, rules=own, implied=implied, tied=tied)


def _vector_rules(info: OpCodeInfo) -> VectorRules | None:
    if info.encoding != EncodingKind.EVEX:
        return None
    return VectorRules(
        mask=info.can_use_op_mask_register,
        needs_mask=info.require_op_mask_register,
        zeroing=info.can_use_zeroing_masking,
        rounding=info.can_use_rounding_control,
        suppressing=info.can_suppress_all_exceptions and not info.can_use_rounding_control,
        element=MemorySizeExt.size(info.broadcast_memory_size) if info.can_broadcast else 0,
    )


def _rules(info: OpCodeInfo, kinds: tuple[str, ...], mnemonic: str) -> list[OperandRule] | None:
    """A rule for each operand of the opcode; None if one cannot be written in pykasm."""
    wide = info.encoding == EncodingKind.EVEX
    rules = []
    for position, kind in enumerate(kinds):
        rule = OperandRule(kind) if kind in UNSPOKEN else operand_rule(kind, wide)
        if rule is None:
            return None
        if _reads_selector(info, kinds, mnemonic, position):
            rule = replace(rule, registers=_SELECTOR_REGISTERS, any_width=True)
        elif kind == "R32_OR_MEM" and _writes_selector(kinds, mnemonic):
            rule = replace(rule, registers=_ZERO_EXTENDED, any_width=True)
        elif kind == "SEG_REG" and position == 0:
            rule = replace(rule, registers=rule.registers - {REGISTERS["cs"]})
        rules.append(rule)
    return rules


_SELECTOR_REGISTERS = frozenset(
    register
    for register in REGISTERS.values()
    if register.kind is RegisterKind.GENERAL and register.size > 1
)


def _reads_selector(info: OpCodeInfo, kinds: tuple[str, ...], mnemonic: str, position: int) -> bool:
    if _SELECTOR_READERS.get(mnemonic) != position:
        return False
    if mnemonic == "mov" and kinds[0] != "SEG_REG":
        return False
    return MemorySizeExt.size(info.memory_size) == 2


_ZERO_EXTENDED = frozenset(r for r in _SELECTOR_REGISTERS if r.size > 2)


def _writes_selector(kinds: tuple[str, ...], mnemonic: str) -> bool:
    """Whether the 32-bit form does for a 64-bit register too, as it clears the upper half."""
    return mnemonic in ("str", "sldt") or (mnemonic == "mov" and kinds[1] == "SEG_REG")


def _prefixes(info: OpCodeInfo) -> frozenset[str]:
    allowed = {
        "lock": info.can_use_lock_prefix,
        "rep": info.can_use_rep_prefix,
        "repne": info.can_use_repne_prefix,
        "bnd": info.can_use_bnd_prefix,
        "notrack": info.can_use_notrack_prefix,
        "xacquire": info.can_use_xacquire_prefix,
        "xrelease": info.can_use_xrelease_prefix,
    }
    return frozenset(name for name, yes in allowed.items() if yes)


_Implied = tuple[tuple[int, Register], ...]
_Spelling = tuple[tuple[int, ...], _Implied, bool]


def _spellings(kinds: tuple[str, ...], mnemonic: str) -> Iterator[_Spelling]:
    """The ways to write an opcode's operands: positions, implied registers, tied or not."""
    written = tuple(p for p, kind in enumerate(kinds) if kind not in UNSPOKEN)
    is_string = any(kind in STRING_POINTERS for kind in kinds)
    if is_string and mnemonic not in names.EXPLICIT_STRINGS:
        yield (), _fixed_registers(kinds), False
    if mnemonic not in _ONE_OPERAND:
        yield written, (), False
    if mnemonic in ("xchg", "test") and len(kinds) == 2 and "IMM" not in kinds[1]:
        yield (1, 0), (), False
    if mnemonic == "imul" and len(kinds) == 3:
        yield (0, 2), (), True
    if set(kinds) == {"ST0", "STI_OPCODE"}:
        yield from _stack_spellings(kinds, mnemonic)


def _stack_spellings(kinds: tuple[str, ...], mnemonic: str) -> Iterator[_Spelling]:
    other = kinds.index("STI_OPCODE")
    top = (1 - other, REGISTERS["st0"])
    if mnemonic in _POPPING or (other == 1 and mnemonic in _WITH_TOP):
        yield (other,), (top,), False
    if mnemonic in _STACK_TOP_PAIR:
        yield (), (top, (other, REGISTERS["st1"])), False


def _fixed_registers(kinds: tuple[str, ...]) -> _Implied:
    found = ((p, REGISTERS.get(kind.lower())) for p, kind in enumerate(kinds))
    return tuple((position, register) for position, register in found if register)
