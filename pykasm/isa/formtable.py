"""The table of the operand forms that the machine has.

The table is made, mnemonic by mnemonic and when first asked for, from iced-x86's opcode tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from iced_x86 import EncodingKind, MemorySizeExt, OpCodeInfo

from pykasm.isa import names
from pykasm.isa.addresses import fits_signed_32
from pykasm.isa.kinds import (
    KIND_NAMES,
    STRING_POINTERS,
    UNSPOKEN,
    OperandRule,
    operand_rule,
)
from pykasm.isa.registers import REGISTERS, Register, RegisterKind
from pykasm.isa.statement import (
    Address,
    BranchTarget,
    FarPointer,
    Operand,
    Statement,
    SymbolImmediate,
)

PREFIXES: dict[str, tuple[str, ...]] = {
    "": (),
    "lock": ("lock",),
    "rep": ("rep",),
    "repe": ("rep",),
    "repz": ("rep",),
    "repne": ("repne",),
    "repnz": ("repne",),
    "bnd": ("bnd",),
    "notrack": ("notrack",),
    "xacquire": ("xacquire",),
    "xrelease": ("xrelease",),
    "xacquire lock": ("xacquire", "lock"),
    "xrelease lock": ("xrelease", "lock"),
}
"""The prefixes a statement may have, each with what the opcode must allow."""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """One opcode with one way to write its operands.

    `code` is iced-x86's number of the opcode. Operand i of a statement is operand `positions[i]`
    of the decoded instruction and follows `rules[i]`. `implied` are the decoded operands that are
    registers without being written; with `tied` the second decoded operand repeats the first.
    `memory_size` is the width of the memory operand in bytes, 0 where it has none.
    """

    code: int
    positions: tuple[int, ...]
    rules: tuple[OperandRule, ...]
    kinds: tuple[str, ...]
    memory_size: int
    prefixes: frozenset[str]
    text: str
    implied: tuple[tuple[int, Register], ...] = ()
    tied: bool = False


_POPPING = ("faddp", "fmulp", "fsubp", "fsubrp", "fdivp", "fdivrp")
_STACK_TOP_PAIR = (*_POPPING, "fxch", "fcom", "fcomp", "fucom", "fucomp")
"""x87 instructions that mean st(1) where no register is written (Intel SDM vol. 2, FADD …)."""

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


@lru_cache(maxsize=None)
def forms(bits: int, mnemonic: str) -> tuple[Form, ...]:
    """The forms of `mnemonic` in code of `bits`, in the order of the opcode tables."""
    opcodes = names.opcodes_of(bits, mnemonic)
    if mnemonic not in names.WIDTH_IN_NAME:
        opcodes = _of_natural_width(opcodes, bits)
    return tuple(form for info in opcodes for form in _forms_of_opcode(info, mnemonic))


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
    kinds = [KIND_NAMES[kind] for kind in info.op_kinds()]
    seen = tuple(_visible_kind(kind) for kind in kinds)
    return (*seen, info.instruction_string.split()[0], str(info.memory_size))


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
    kinds = tuple(KIND_NAMES[kind] for kind in info.op_kinds())
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
    )
    for positions, implied, tied in _spellings(kinds, mnemonic):
        own = tuple(rules[position] for position in positions)
        yield replace(form, positions=positions, rules=own, implied=implied, tied=tied)


def _rules(info: OpCodeInfo, kinds: tuple[str, ...], mnemonic: str) -> list[OperandRule] | None:
    """A rule for each operand of the opcode; None if one cannot be written in pykasm."""
    wide = info.encoding == EncodingKind.EVEX
    rules = []
    for position, kind in enumerate(kinds):
        rule = OperandRule(kind) if kind in UNSPOKEN else operand_rule(kind, wide)
        if rule is None:
            return None
        if _reads_selector(info, kinds, mnemonic, position):
            rule = replace(rule, registers=_SELECTOR_REGISTERS, low_word=True)
        elif kind == "SEG_REG" and position == 0:
            rule = replace(rule, registers=rule.registers - {REGISTERS["cs"]})
        rules.append(rule)
    return rules


_SELECTOR_REGISTERS = frozenset(
    register
    for register in REGISTERS.values()
    if register.kind is RegisterKind.GENERAL and register.size > 1
)


def _reads_selector(
    info: OpCodeInfo, kinds: tuple[str, ...], mnemonic: str, position: int
) -> bool:
    if _SELECTOR_READERS.get(mnemonic) != position:
        return False
    if mnemonic == "mov" and kinds[0] != "SEG_REG":
        return False
    return MemorySizeExt.size(info.memory_size) == 2


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
    if other == 1 or mnemonic in _POPPING:
        yield (other,), (top,), False
    if mnemonic in _STACK_TOP_PAIR:
        yield (), (top, (other, REGISTERS["st1"])), False


def _fixed_registers(kinds: tuple[str, ...]) -> _Implied:
    found = ((p, REGISTERS.get(kind.lower())) for p, kind in enumerate(kinds))
    return tuple((position, register) for position, register in found if register)


_Token = int | tuple[int, ...]


def _register_tokens() -> dict[Register, int]:
    """Number the classes of registers that every rule treats alike."""
    special = {"al", "ax", "eax", "rax", "cl", "dx", "st0", "es", "cs", "ss", "ds", "fs", "gs"}
    classes: dict[tuple[object, ...], int] = {}
    tokens = {}
    for register in REGISTERS.values():
        name = register.name if register.name in special else ""
        key = (register.kind, register.size, name, register.number >= 16)
        tokens[register] = classes.setdefault(key, len(classes))
    return tokens


_REGISTER_TOKENS = _register_tokens()
_INTEGER, _MEMORY, _SYMBOL, _BRANCH, _FAR = range(-1, -6, -1)


def _token(operand: Operand) -> _Token:
    """What of `operand`, other than a number's value, decides the forms it fits."""
    if isinstance(operand, Register):
        return _REGISTER_TOKENS[operand]
    if isinstance(operand, Address):
        index = operand.index
        vector = index.size if index and index.kind is RegisterKind.VECTOR else 0
        return (_MEMORY, operand.size, vector)
    if isinstance(operand, int):
        return _INTEGER
    if isinstance(operand, SymbolImmediate):
        return (_SYMBOL, operand.size)
    if isinstance(operand, BranchTarget):
        return (_BRANCH, operand.short)
    return (_FAR, operand.size)


_by_shape: dict[tuple[object, ...], tuple[Form, ...]] = {}


def shaped_forms(statement: Statement) -> tuple[Form, ...]:
    """The forms that fit the kinds and widths of the statement's operands, whatever the values."""
    operands = statement.operands
    key = (statement.bits, statement.mnemonic, *map(_token, operands))
    found = _by_shape.get(key)
    if found is None:
        candidates = forms(statement.bits, statement.mnemonic)
        found = tuple(form for form in candidates if _has_shape(form, operands))
        if any(isinstance(operand, BranchTarget) for operand in operands):
            found = _of_wanted_reach(found, operands)
        _by_shape[key] = found
    return found


def _has_shape(form: Form, operands: tuple[Operand, ...]) -> bool:
    return len(form.rules) == len(operands) and all(
        _suits(rule, operand, form.memory_size)
        for rule, operand in zip(form.rules, operands, strict=True)
    )


def _suits(rule: OperandRule, operand: Operand, memory_size: int) -> bool:
    if isinstance(operand, Register):
        return operand in rule.registers
    if isinstance(operand, Address):
        index = operand.index
        vector = index.size if index and index.kind is RegisterKind.VECTOR else 0
        right_size = operand.size in (0, memory_size) or memory_size == 0
        return rule.memory and vector == rule.vector_index and right_size
    if isinstance(operand, int):
        return rule.immediate is not None or rule.one
    if isinstance(operand, SymbolImmediate):
        return rule.immediate is not None and rule.immediate.bits == operand.size * 8
    if isinstance(operand, BranchTarget):
        return rule.branch != 0
    return rule.far == operand.size


def _of_wanted_reach(found: tuple[Form, ...], operands: tuple[Operand, ...]) -> tuple[Form, ...]:
    """Keep the short or the near forms of a branch; one that has no near form is always short."""
    short = tuple(f for f in found if any(rule.branch == 1 for rule in f.rules))
    near = tuple(f for f in found if f not in short)
    wants_short = any(isinstance(o, BranchTarget) and o.short for o in operands)
    return short if wants_short or not near else near


def valued_forms(statement: Statement, shaped: tuple[Form, ...]) -> tuple[Form, ...]:
    """Of the forms `shaped`, those whose fields hold the statement's values."""
    if not any(isinstance(operand, int | Address) for operand in statement.operands):
        return shaped
    return tuple(form for form in shaped if _holds_values(form, statement))


def _holds_values(form: Form, statement: Statement) -> bool:
    for rule, operand in zip(form.rules, statement.operands, strict=True):
        if isinstance(operand, Address):
            if not _holds_address(rule, operand, statement):
                return False
        elif isinstance(operand, int):
            if rule.immediate is not None:
                if not rule.immediate.holds(operand):
                    return False
            elif operand != 1:
                return False
    return True


def _holds_address(rule: OperandRule, address: Address, statement: Statement) -> bool:
    if rule.kind in STRING_POINTERS:
        return _is_string_pointer(rule.kind, address)
    absolute = address.base is None and address.index is None
    if rule.kind == "MEM_OFFS":
        wide = statement.mnemonic == "movabs" or not fits_signed_32(address.displacement)
        return absolute and (wide or statement.bits != 64)
    return not absolute or statement.bits != 64 or fits_signed_32(address.displacement)


def _is_string_pointer(kind: str, address: Address) -> bool:
    base = address.base
    if base is None or address.index or address.displacement or address.symbolic:
        return False
    if kind == "ES_RDI" and address.segment not in (None, REGISTERS["es"]):
        return False
    return base.name[-2:] == STRING_POINTERS[kind] and base.size > 1


def allows_prefix(form: Form, statement: Statement) -> bool:
    """Whether `form` may have the statement's prefix; a lock wants a memory operand."""
    needed = PREFIXES[statement.prefix]
    in_memory = any(isinstance(operand, Address) for operand in statement.operands)
    return form.prefixes.issuperset(needed) and (in_memory or "lock" not in needed)
