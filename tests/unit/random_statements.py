"""Random statements over the table of operand forms, the edges of every field included."""

import random
from functools import cache

from pykasm.isa.forms import mnemonics
from pykasm.isa.formtable import Form, forms
from pykasm.isa.intel import WIDTH_WORDS
from pykasm.isa.kinds import STRING_POINTERS, OperandRule
from pykasm.isa.names import all_names
from pykasm.isa.registers import REGISTERS, Register, RegisterKind, general
from pykasm.isa.statement import (
    ROUNDINGS,
    Address,
    FarPointer,
    Operand,
    Statement,
    VectorOptions,
)

_EDGES = sorted(
    {
        sign * ((1 << bits) + step)
        for bits in (0, 4, 7, 8, 15, 16, 31, 32, 63)
        for step in (-1, 0, 1)
        for sign in (1, -1)
    }
)
_SEGMENTS = [REGISTERS[name] for name in ("es", "cs", "ss", "ds", "fs", "gs")]


@cache
def _names(bits: int) -> list[str]:
    return sorted(name for name in mnemonics() if any(_is_plain(f) for f in forms(bits, name)))


def _is_plain(form: Form) -> bool:
    """Branches are the layout's affair."""
    return not any(rule.branch for rule in form.rules)


def reads_alike(statement: Statement) -> bool:
    """Whether GNU as means the same by the text; a `call dword ptr` of 16-bit code is far there."""
    dword = any(isinstance(o, Address) and o.size == 4 for o in statement.operands)
    return not (statement.bits == 16 and statement.mnemonic in ("call", "jmp") and dword)


def random_statement(chance: random.Random, bits: int) -> Statement:
    """A statement whose operands have the right kinds; its values may be out of range."""
    name = chance.choice(_names(bits))
    form = chance.choice([form for form in forms(bits, name) if _is_plain(form)])
    operands = tuple(_operand(chance, rule, form, bits) for rule in form.rules)
    return Statement(bits, name, operands, _prefix(chance, form))


def random_vector_statement(chance: random.Random, bits: int) -> Statement:
    """A statement with options of the EVEX prefix, most of them allowed."""
    name = chance.choice(_vector_names(bits))
    form = chance.choice([form for form in forms(bits, name) if form.vector])
    assert form.vector
    operands = [_operand(chance, rule, form, bits) for rule in form.rules]
    places = [place for place, one in enumerate(operands) if isinstance(one, Address)]
    copies = 0
    if places and form.vector.element and chance.random() < 0.5:
        copies = chance.choice((form.memory_size // form.vector.element, 8))
        size = chance.choice((form.vector.element, 0))
        operands[places[0]] = operands[places[0]]._replace(size=size)
    rounding = ""
    if (form.vector.rounding or form.vector.suppressing) and not places and chance.random() < 0.7:
        rounding = "sae" if form.vector.suppressing else chance.choice(ROUNDINGS[:4])
    mask = REGISTERS[f"k{chance.randrange(8)}"] if chance.random() < 0.7 else None
    options = VectorOptions(mask, bool(mask) and chance.random() < 0.3, copies, rounding)
    wanted = None if options == VectorOptions() else options
    return Statement(bits, name, tuple(operands), options=wanted)


@cache
def _vector_names(bits: int) -> list[str]:
    return sorted(name for name in all_names() if any(form.vector for form in forms(bits, name)))


def _prefix(chance: random.Random, form: Form) -> str:
    if chance.random() < 0.8:
        return ""
    return chance.choice(sorted(form.prefixes - {"xacquire", "xrelease"}) or [""])


def _operand(chance: random.Random, rule: OperandRule, form: Form, bits: int) -> Operand:
    if rule.memory and (not rule.registers or chance.random() < 0.5):
        return _memory(chance, rule, form, bits)
    if rule.registers:
        usable = [r for r in rule.registers if bits == 64 or not (r.needs_rex or _is_long(r))]
        return chance.choice(sorted(usable or rule.registers, key=lambda register: register.name))
    if rule.far:
        size = bits // 8
        return FarPointer(chance.randrange(1 << 16), chance.randrange(1 << size * 8), size)
    if rule.one:
        return 1
    return chance.choice(_EDGES)


def _is_long(register: Register) -> bool:
    return register.kind is RegisterKind.GENERAL and register.size == 8


def _memory(chance: random.Random, rule: OperandRule, form: Form, bits: int) -> Address:
    size = form.memory_size if form.memory_size in WIDTH_WORDS and chance.random() < 0.8 else 0
    segment = chance.choice(_SEGMENTS) if chance.random() < 0.2 else None
    width = chance.choice({64: (8, 8, 8, 4), 32: (4, 4, 4, 2), 16: (2, 2, 4)}[bits])
    if rule.kind in STRING_POINTERS:
        number = 7 if rule.kind == "ES_RDI" else 6
        segment = None if rule.kind == "ES_RDI" else segment
        return Address(size, segment, general(number, width))
    displacement = chance.choice([0, 0, *_EDGES]) if chance.random() < 0.7 else 0
    base, index, scale = _registers(chance, rule, width, bits)
    return Address(size, segment, base, index, scale, displacement)


def _registers(
    chance: random.Random, rule: OperandRule, width: int, bits: int
) -> tuple[Register | None, Register | None, int]:
    count = 16 if bits == 64 else 8
    base = general(chance.randrange(count), width) if chance.random() < 0.8 else None
    if rule.vector_index:
        vector = {16: "x", 32: "y", 64: "z"}[rule.vector_index]
        return base, REGISTERS[f"{vector}mm{chance.randrange(count)}"], chance.choice((1, 2, 4, 8))
    if bits == 64 and chance.random() < 0.1:
        return REGISTERS["rip"], None, 1
    if width == 2:
        pairs = [("bx", "si"), ("bx", "di"), ("bp", "si"), ("bp", "di"), ("bx", None), ("si", None)]
        first, second = chance.choice(pairs)
        return REGISTERS[first], REGISTERS[second] if second else None, 1
    if chance.random() < 0.5:
        return base, None, 1
    return base, general(chance.randrange(count), width), chance.choice((1, 2, 4, 8))
