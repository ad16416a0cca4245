"""The words for a statement that the machine has no form for: what is wrong, what to write."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pykasm.errors import Mistake, OperandFormMistake, OperandSizeMistake, ValueRangeMistake
from pykasm.isa import names
from pykasm.isa.formtable import Form, forms
from pykasm.isa.intel import WIDTH_WORDS, operand_text, statement_text
from pykasm.isa.kinds import ImmediateField
from pykasm.isa.registers import REGISTERS, Register, RegisterKind, general
from pykasm.isa.shapes import PREFIXES, shape_of
from pykasm.isa.statement import (
    Address,
    BranchTarget,
    FarPointer,
    Operand,
    Statement,
    SymbolImmediate,
    VectorOptions,
)

_SHOWN_FORMS = 6
_GENERAL_SIZES = (1, 2, 4, 8)

_MODE_HELP = {
    ("iret", 64): "`iretq` returns in 64-bit code; `iretd` is the 32-bit one",
    ("retf", 64): "write `retfq`, or `retfd` for a return address of 32 bits",
    ("lret", 64): "write `lretq`, or `retfd` for a return address of 32 bits",
    ("sysret", 64): "`sysretq` returns to 64-bit code, `sysretl` to 32-bit code",
    ("sysexit", 64): "`sysexitq` returns to 64-bit code, `sysexitl` to 32-bit code",
    ("pushfd", 64): "write `pushfq`",
    ("popfd", 64): "write `popfq`",
    ("pusha", 64): "push the registers one by one",
    ("pushad", 64): "push the registers one by one",
    ("popa", 64): "pop the registers one by one",
    ("popad", 64): "pop the registers one by one",
    ("sysretq", 32): "write `sysret` or `sysexit`",
    ("iretq", 32): "write `iretd`",
    ("iretq", 16): "write `iret`",
}


_REPEATED = {"bsf": "tzcnt", "bsr": "lzcnt"}
"""What newer processors read where the prefix `rep` stands before an older instruction."""


def no_shape(statement: Statement) -> Mistake:
    """No form takes operands of these kinds and widths."""
    if not forms(statement.bits, statement.mnemonic):
        return _unknown(statement)
    if statement.options:
        return _wrong_options(statement, statement.options)
    if shape_of(statement._replace(options=_ANY_MASK)).valued:
        return _missing_mask(statement)
    others = list(_other_widths(statement))
    if others:
        return _wrong_width(statement, others)
    takes = forms(statement.bits, statement.mnemonic)
    if all(len(form.rules) != len(statement.operands) for form in takes):
        return _wrong_count(statement)
    return OperandFormMistake(
        f"`{statement.mnemonic}` has no form with {_kinds(statement)}",
        expected=_shown_forms(statement),
        got=f"`{statement_text(statement)}`",
        fix=_form_help(statement),
    )


_ANY_MASK = VectorOptions(mask=REGISTERS["k1"])


def _missing_mask(statement: Statement) -> Mistake:
    return OperandFormMistake(
        f"`{statement.mnemonic}` needs a mask with these operands",
        expected=f"`{statement_text(statement._replace(options=_ANY_MASK))}`",
        got=f"`{statement_text(statement)}`",
        fix="k1 … k7 behind the first operand choose the elements",
    )


def _wrong_options(statement: Statement, options: VectorOptions) -> Mistake:
    """Options of vector instructions that this one has not, or not with these operands."""
    given = [word for word in _option_words(options) if word]
    wrong = [
        word
        for word, other in zip(_option_words(options), _without_one(options), strict=True)
        if word and shape_of(statement._replace(options=other)).valued
    ]
    words = ", ".join(f"`{word}`" for word in wrong or given)
    return OperandFormMistake(
        f"`{statement.mnemonic}` has no form with {words} and these operands",
        expected=_shown_forms(statement),
        got=f"`{statement_text(statement)}`",
        fix=_options_help(statement, options),
    )


def _option_words(options: VectorOptions) -> tuple[str, str, str, str]:
    return (
        f"{{{options.mask.name}}}" if options.mask else "",
        "{z}" if options.zeroing else "",
        f"{{1to{options.copies}}}" if options.copies else "",
        f"{{{options.rounding}}}" if options.rounding else "",
    )


def _without_one(options: VectorOptions) -> tuple[VectorOptions | None, ...]:
    """`options` without the mask, the zeroing, the copies, the rounding; None where all is gone."""
    changes: tuple[dict[str, Any], ...] = (
        {"mask": None},
        {"zeroing": False},
        {"copies": 0},
        {"rounding": ""},
    )
    changed = (options._replace(**change) for change in changes)
    return tuple(one if one != VectorOptions() else None for one in changed)


def _options_help(statement: Statement, options: VectorOptions) -> str:
    if options.mask and options.mask.number == 0:
        return "k0 in this place would mean no mask: use k1 … k7"
    if options.zeroing and not options.mask:
        return "`{z}` goes with a mask: `{k1}{z}`"
    in_memory = [isinstance(operand, Address) for operand in statement.operands]
    if options.zeroing and in_memory[:1] == [True]:
        return "elements of memory are left as they are: leave out `{z}`"
    if options.rounding and any(in_memory):
        return "load the memory operand into a register first"
    return ""


def _unknown(statement: Statement) -> Mistake:
    name, bits = statement.mnemonic, statement.bits
    if name in names.all_names():
        return OperandFormMistake(
            f"`{name}` does not exist in {bits}-bit code",
            expected=f"an instruction of {bits}-bit code",
            got=f"`{statement_text(statement)}`",
            fix=_MODE_HELP.get((name, bits), ""),
        )
    near = get_close_matches(name, names.all_names(), 3)
    if name[-1:] in "bwlq" and name[:-1] in names.all_names():
        near = [name[:-1]]  # a letter for the width, as AT&T has it
    return OperandFormMistake(
        f"there is no instruction `{name}`",
        expected="a mnemonic of the processor's manual",
        got=f"`{name}`",
        fix=f"did you mean {' or '.join(f'`{word}`' for word in near)}?" if near else "",
    )


def _wrong_count(statement: Statement) -> Mistake:
    takes = forms(statement.bits, statement.mnemonic)
    counts = sorted({len(form.rules) for form in takes})
    text = " or ".join(map(str, counts))
    return OperandFormMistake(
        f"`{statement.mnemonic}` takes {text} operand{'s' if counts != [1] else ''}",
        expected=_shown_forms(statement),
        got=f"{len(statement.operands)}: `{statement_text(statement)}`",
    )


def _shown_forms(statement: Statement) -> str:
    takes = forms(statement.bits, statement.mnemonic)
    if statement.options:
        takes = tuple(form for form in takes if form.vector) or takes
    count = len(statement.operands)
    texts = [form.text for form in takes if len(form.rules) == count]
    texts = list(dict.fromkeys(texts or [form.text for form in takes]))
    more = f" … ({len(texts) - _SHOWN_FORMS} more)" if len(texts) > _SHOWN_FORMS else ""
    shown = "; ".join(f"{statement.mnemonic} {text}".rstrip() for text in texts[:_SHOWN_FORMS])
    return shown + more


def _kinds(statement: Statement) -> str:
    return ", ".join(_kind(operand) for operand in statement.operands) or "no operands"


def _kind(operand: Operand) -> str:
    if isinstance(operand, Register):
        return f"`{operand.name}` ({operand.kind.value} register, {_width(operand.size)})"
    if isinstance(operand, Address):
        return f"memory of {_width(operand.size)}" if operand.size else "memory of no width"
    if isinstance(operand, int):
        return f"the number {operand:#x}"
    if isinstance(operand, SymbolImmediate):
        return f"a symbol's address in {_width(operand.size)}"
    return "a branch target" if isinstance(operand, BranchTarget) else "a far pointer"


def _width(size: int) -> str:
    return f"{size * 8} bits"


def _form_help(statement: Statement) -> str:
    operands = statement.operands
    if statement.mnemonic in ("jmp", "call") and any(isinstance(o, FarPointer) for o in operands):
        return f"a far {statement.mnemonic} is `l{statement.mnemonic}`"
    if sum(isinstance(operand, Address) for operand in operands) > 1:
        return "load one of the two memory operands into a register first"
    if any(isinstance(o, Register) and o.name == "rip" for o in operands):
        return "`lea reg, [rip]` reads the instruction pointer"
    if any(isinstance(o, int) for o in operands[:1]) and len(operands) > 1:
        return "the destination comes first and cannot be a number"
    return ""


def _other_widths(statement: Statement) -> Iterator[Statement]:
    """The statements that the machine has, with one operand in another width."""
    for position, operand in enumerate(statement.operands):
        for other in _resized(operand):
            operands = list(statement.operands)
            operands[position] = other
            changed = statement._replace(operands=tuple(operands))
            if shape_of(changed).valued:
                yield changed


def _resized(operand: Operand) -> Iterator[Operand]:
    if isinstance(operand, Register) and operand.kind is RegisterKind.GENERAL:
        for size in _GENERAL_SIZES:
            if size != operand.size:
                yield general(operand.number, size)
    elif isinstance(operand, Address):
        for size in WIDTH_WORDS:
            if size != operand.size:
                yield operand._replace(size=size)
    elif isinstance(operand, SymbolImmediate):
        for size in _GENERAL_SIZES:
            if size != operand.size:
                yield SymbolImmediate(size)


def _wrong_width(statement: Statement, others: list[Statement]) -> Mistake:
    sized = [operand for operand in statement.operands if _size(operand)]
    got = " and ".join(f"`{operand_text(o)}` ({_width(_size(o))})" for o in sized)
    return OperandSizeMistake(
        f"the operands of `{statement.mnemonic}` do not fit each other in width",
        expected=" or ".join(f"`{statement_text(other)}`" for other in others[:3]),
        got=got or f"`{statement_text(statement)}`",
        fix=_width_help(statement),
    )


def _size(operand: Operand) -> int:
    return operand.size if isinstance(operand, Register | Address | SymbolImmediate) else 0


def _width_help(statement: Statement) -> str:
    if len(statement.operands) < 2:
        return "use the operand in one of the widths above"
    target, source = statement.operands[:2]
    if isinstance(target, Register) and 0 < _size(source) < target.size:
        narrow = operand_text(source)
        if _size(source) == 4 and target.kind is RegisterKind.GENERAL:
            low = general(target.number, 4)
            if statement.mnemonic in ("mov", "movzx"):
                return (
                    f"`mov {low}, {narrow}` clears the upper half of {target}; "
                    f"`movsxd {target}, {narrow}` keeps the sign"
                )
        elif statement.mnemonic == "mov":
            return (
                f"`movzx {target}, {narrow}` fills with zeros; "
                f"`movsx {target}, {narrow}` keeps the sign"
            )
    return "use both operands in one width, or widen the narrower with `movzx` or `movsx` first"


def no_value(statement: Statement, shaped: tuple[Form, ...]) -> Mistake:
    """Forms of this shape exist, but none whose fields hold the values."""
    for position, operand in enumerate(statement.operands):
        rules = [form.rules[position] for form in shaped]
        if isinstance(operand, int):
            fields = {rule.immediate for rule in rules if rule.immediate}
            if not any(field.holds(operand) for field in fields):
                return _range(statement, operand, fields)
        elif isinstance(operand, Address) and all(rule.memory for rule in rules):
            mistake = _address_value(statement, operand)
            if mistake:
                return mistake
    return OperandFormMistake(
        f"`{statement.mnemonic}` has no form with these values",
        expected=_shown_forms(statement),
        got=f"`{statement_text(statement)}`",
    )


def _range(statement: Statement, value: int, fields: set[ImmediateField]) -> Mistake:
    widest = max(fields, key=lambda field: field.bits) if fields else None
    wide_enough = -(1 << 63) <= value < 1 << 64
    in_register = widest is not None and widest.operand_bits == 64 and wide_enough
    return ValueRangeMistake(
        f"{value:#x} does not fit the immediate of `{statement.mnemonic}`",
        expected=widest.range_text if widest else "1",
        got=f"`{statement_text(statement)}`",
        fix="load it with `mov r64, …` into a register first" if in_register else "",
    )


def _address_value(statement: Statement, address: Address) -> Mistake | None:
    if address.base or address.index:
        return None
    return ValueRangeMistake(
        f"`{statement.mnemonic}` cannot reach the address {address.displacement:#x}",
        expected="an address whose upper 33 bits are equal (sign-extended 32 bits)",
        got=f"`{statement_text(statement)}`",
        fix="load the address into a register first, then use that as the base",
    )


def long_register(statement: Statement, register: Register) -> Mistake:
    """A register of 64-bit code elsewhere."""
    return OperandFormMistake(
        f"`{register.name}` exists in 64-bit code only",
        expected=f"a register of {statement.bits}-bit code",
        got=f"`{statement_text(statement)}`",
    )


def high_byte(statement: Statement) -> Mistake:
    """A high byte register where the instruction needs a REX prefix."""
    names_there = [
        operand.name
        for operand in statement.operands
        if isinstance(operand, Register) and operand.kind is RegisterKind.HIGH_BYTE
    ]
    return OperandFormMistake(
        f"`{names_there[0]}` cannot stand in an instruction that needs a REX prefix",
        expected="no 64-bit operand, no spl … dil and none of r8 … r15 beside it",
        got=f"`{statement_text(statement)}`",
        fix="move the byte to a low byte register first, or shift it down",
    )


def not_distinct(statement: Statement) -> Mistake:
    """A gather with a vector register in two places."""
    return OperandFormMistake(
        f"`{statement.mnemonic}` needs a vector register of its own for each operand",
        expected="destination, index and mask in different registers",
        got=f"`{statement_text(statement)}`",
    )


def open_width(statement: Statement, found: tuple[Form, ...]) -> Mistake:
    """A memory operand without a width, where several fit."""
    sizes = sorted({form.memory_size for form in found})
    words = " or ".join(f"{WIDTH_WORDS.get(size, size)} ptr" for size in sizes)
    return OperandSizeMistake(
        f"`{statement_text(statement)}` does not say how wide its memory operand is",
        expected=f"a memory operand with a width: {words}",
        got="an address without one",
        fix=f"write the width: `{WIDTH_WORDS.get(sizes[-1], sizes[-1])} ptr […]`",
    )


def prefix(statement: Statement) -> Mistake:
    """An instruction that does not take the prefix."""
    if statement.prefix not in PREFIXES:
        return OperandFormMistake(
            f"there is no prefix `{statement.prefix}`",
            expected=", ".join(word for word in PREFIXES if word),
            got=f"`{statement_text(statement)}`",
        )
    fix = ""
    if statement.prefix in ("rep", "repe", "repz") and statement.mnemonic in _REPEATED:
        fix = f"write `{_REPEATED[statement.mnemonic]}` if you mean that"
    if statement.prefix == "lock":
        fix = "`lock` goes before a read-modify-write of memory: `lock add dword ptr […], 1`"
    if statement.prefix in ("xacquire", "xrelease"):
        fix = f"only with `lock` is there a lock to elide: `{statement.prefix} lock add …`"
    return OperandFormMistake(
        f"`{statement.mnemonic}` does not take `{statement.prefix}` with these operands",
        expected=f"`{statement.mnemonic}` without it",
        got=f"`{statement_text(statement)}`",
        fix=fix,
    )
