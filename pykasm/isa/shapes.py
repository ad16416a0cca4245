"""Statements of one shape have the same forms, so forms are looked for once a shape.

The *shape* of a statement is all of it that decides which forms fit: the width of the code, the
mnemonic, the prefix, and of each operand its class: a register's file, a memory operand's width,
the range that a number lies in. Programs have some hundreds of shapes.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from pykasm.isa.addresses import fits_signed_32
from pykasm.isa.formtable import Form, VectorRules, forms
from pykasm.isa.kinds import SINGLE_REGISTERS, STRING_POINTERS, OperandRule
from pykasm.isa.registers import REGISTERS, Register, RegisterKind
from pykasm.isa.statement import (
    Address,
    BranchTarget,
    FarPointer,
    Operand,
    Statement,
    SymbolImmediate,
    VectorOptions,
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
class Shape:
    """The forms that every statement of one shape has, and what there is to know about them.

    `suitable` fit the operands' kinds and widths, `forms` also their values and the prefix.
    `has_symbol` and `has_branch` tell that an operand is, or holds, an address not known yet.
    """

    suitable: tuple[Form, ...]
    valued: tuple[Form, ...]
    forms: tuple[Form, ...]
    has_symbol: bool
    has_branch: bool


_SPECIAL = frozenset(name.lower() for name in SINGLE_REGISTERS)


def _register_tokens() -> dict[Register, int]:
    """Number the classes of registers that every rule treats alike."""
    classes: dict[tuple[object, ...], int] = {}
    tokens = {}
    for register in REGISTERS.values():
        name = register.name if register.name in _SPECIAL else ""
        key = (register.kind, register.size, name, register.number >= 16)
        tokens[register] = classes.setdefault(key, len(classes))
    return tokens


def _number_bounds() -> list[int]:
    """The numbers at which the answer of `ImmediateField.holds` can change."""
    bounds = {1, 2}
    for width in (8, 16, 32, 64):
        bounds |= {-(1 << width - 1), 1 << width - 1, 1 << width}
        for field in (8, 32):
            if field < width:
                bounds.add((1 << width) - (1 << field - 1))
    return sorted(bounds)


_REGISTER_TOKENS = _register_tokens()
_NUMBER_BOUNDS = _number_bounds()
_by_key: dict[tuple[object, ...], Shape] = {}


def _token(operand: Operand) -> object:
    if isinstance(operand, Address):
        index = operand.index
        vector = index.size if index is not None and index.kind is RegisterKind.VECTOR else 0
        return (operand.size, vector, _place(operand), operand.symbolic)
    if isinstance(operand, int):
        return -bisect_right(_NUMBER_BOUNDS, operand) - 1
    if isinstance(operand, BranchTarget):
        return (BranchTarget, operand.short)
    return (type(operand), operand.size, _is_symbolic(operand))


def _place(address: Address) -> str:
    """How an address is made, as far as forms with an implied or a wide address care."""
    if address.displacement and address.base is not None:
        return "base"
    if address.base is None:
        if address.index is not None:
            return "index"
        return "absolute" if fits_signed_32(address.displacement) else "wide absolute"
    if address.index is None and not address.symbolic:
        name = address.base.name[-2:]
        if address.segment is None or address.segment.name == "es":
            return name if name in ("di", "si") else "base"
        return name if name == "si" else "base"
    return "base"


def shape_of(statement: Statement) -> Shape:
    """The shape of `statement`; its addresses and registers are not checked yet."""
    key = (
        statement.bits,
        statement.mnemonic,
        statement.prefix,
        statement.options,
        *[
            _REGISTER_TOKENS[operand] if isinstance(operand, Register) else _token(operand)
            for operand in statement.operands
        ],
    )
    found = _by_key.get(key)
    if found is None:
        found = _by_key[key] = _make_shape(statement)
    return found


def _make_shape(statement: Statement) -> Shape:
    """Find the forms; those with an EVEX prefix only where no older processor has one."""
    operands = statement.operands
    table = forms(statement.bits, statement.mnemonic)
    suitable = tuple(form for form in table if _suits_all(form, statement))
    has_branch = any(isinstance(operand, BranchTarget) for operand in operands)
    if has_branch:
        suitable = _of_wanted_reach(suitable, operands)
    valued = tuple(form for form in suitable if _holds_values(form, statement))
    valued = tuple(form for form in valued if form.vector is None) or valued
    return Shape(
        suitable=suitable,
        valued=valued,
        forms=tuple(form for form in valued if _allows_prefix(form, statement)),
        has_symbol=has_branch or any(map(_is_symbolic, operands)),
        has_branch=has_branch,
    )


def _is_symbolic(operand: Operand) -> bool:
    if isinstance(operand, Address | FarPointer):
        return operand.symbolic
    return isinstance(operand, SymbolImmediate)


def _suits_all(form: Form, statement: Statement) -> bool:
    operands, options = statement.operands, statement.options
    if len(form.rules) != len(operands) or not _suits_options(form, operands, options):
        return False
    repeats = options is not None and options.copies != 0
    memory_size = form.vector.element if repeats and form.vector else form.memory_size
    return all(
        _suits(rule, operand, memory_size)
        for rule, operand in zip(form.rules, operands, strict=True)
    )


def _suits_options(
    form: Form, operands: tuple[Operand, ...], options: VectorOptions | None
) -> bool:
    rules = form.vector
    if rules is None:
        return options is None
    if options is None:
        return not rules.needs_mask
    return (
        _suits_mask(rules, operands, options)
        and _suits_rounding(rules, operands, options.rounding)
        and (not options.copies or _repeats(form, rules, operands, options.copies))
    )


def _suits_mask(rules: VectorRules, operands: tuple[Operand, ...], options: VectorOptions) -> bool:
    """The mask is optional for most; what is stored is merged, never filled with zeros."""
    if options.mask is None:
        return not (options.zeroing or rules.needs_mask)
    to_memory = bool(operands) and isinstance(operands[0], Address)
    return (
        rules.mask
        and options.mask.number != 0
        and (not options.zeroing or (rules.zeroing and not to_memory))
    )


def _suits_rounding(rules: VectorRules, operands: tuple[Operand, ...], rounding: str) -> bool:
    """Only what works on registers can round otherwise than mxcsr says."""
    if not rounding:
        return True
    allowed = rules.suppressing if rounding == "sae" else rules.rounding
    return allowed and not any(isinstance(operand, Address) for operand in operands)


def _repeats(form: Form, rules: VectorRules, operands: tuple[Operand, ...], copies: int) -> bool:
    in_memory = any(isinstance(operand, Address) for operand in operands)
    return in_memory and rules.element * copies == form.memory_size != 0


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
    place = _place(address)
    if rule.kind in STRING_POINTERS:
        return place == STRING_POINTERS[rule.kind]
    if rule.kind == "MEM_OFFS":
        wide = statement.mnemonic == "movabs" or place == "wide absolute"
        return "absolute" in place and (wide or statement.bits != 64)
    return place != "wide absolute" or statement.bits != 64


def _allows_prefix(form: Form, statement: Statement) -> bool:
    """Whether `form` may have the prefix of `statement`. A lock wants a memory operand, its elision
    a lock: `xchg` has one without a prefix, `mov` to memory releases one (Intel SDM vol. 2,
    XACQUIRE/XRELEASE)."""
    needed = PREFIXES.get(statement.prefix)
    if not needed:
        return needed is not None
    allowed = form.prefixes.issuperset(needed)
    in_memory = any(isinstance(operand, Address) for operand in statement.operands)
    if "xacquire" in needed or "xrelease" in needed:
        alone = ("xchg",) if "xacquire" in needed else ("xchg", "mov")
        return in_memory and ("lock" in needed or statement.mnemonic in alone) and allowed
    return allowed and (in_memory or "lock" not in needed)
