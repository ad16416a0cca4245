"""Other spellings of instructions that GNU as takes: `cmpltps`, `shl rax`, `xlat [rbx]`."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from pykasm.isa.addresses import address_bits
from pykasm.isa.registers import REGISTERS, Register, general
from pykasm.isa.statement import Address, Operand

_SSE_PREDICATES = ("eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord")
"""Intel SDM vol. 2, CMPPS."""

_AVX_PREDICATES = (
    *_SSE_PREDICATES,
    *("eq_uq", "nge", "ngt", "false", "neq_oq", "ge", "gt", "true"),
    *("eq_os", "lt_oq", "le_oq", "unord_s", "neq_us", "nlt_uq", "nle_uq", "ord_s"),
    *("eq_us", "nge_uq", "ngt_uq", "false_os", "neq_os", "ge_oq", "gt_oq", "true_us"),
)
"""Intel SDM vol. 2, VCMPPS."""

_AVX_SYNONYMS = {
    "eq_oq": 0,
    "lt_os": 1,
    "le_os": 2,
    "unord_q": 3,
    "neq_uq": 4,
    "nlt_us": 5,
    "nle_us": 6,
    "ord_q": 7,
    "nge_us": 9,
    "ngt_us": 10,
    "false_oq": 11,
    "ge_os": 13,
    "gt_os": 14,
    "true_uq": 15,
}
_INTEGER_PREDICATES = {"eq": 0, "lt": 1, "le": 2, "neq": 4, "nlt": 5, "nle": 6}
"""Intel SDM vol. 2, VPCMPB; `vpcmpeqb` is an instruction of its own."""

_XOP_PREDICATES = ("lt", "le", "gt", "ge", "eq", "neq", "false", "true")
"""AMD64 APM vol. 4, VPCOMB."""

_HALVES = {"lqlq": 0x00, "hqlq": 0x01, "lqhq": 0x10, "hqhq": 0x11}
"""Intel SDM vol. 2, PCLMULQDQ."""

_SHIFTS = frozenset({"rcl", "rcr", "rol", "ror", "sal", "sar", "shl", "shr"})
_DOUBLE_SHIFTS = frozenset({"shld", "shrd"})
_POPPING = frozenset({"fadd", "fmul", "fsub", "fsubr", "fdiv", "fdivr"})
_ACCUMULATED = {"lods": True, "scas": True, "stos": False}
"""String instructions with an accumulator beside the memory, and whether it is written first."""

_RENAMED = {
    "cbtw": "cbw",
    "cwtl": "cwde",
    "cltq": "cdqe",
    "cwtd": "cwd",
    "cltd": "cdq",
    "cqto": "cqo",
}
"""Names of AT&T's that GNU as takes in Intel syntax too."""

_IMPLIED = {
    "monitor": ("ax", "cx", "dx"),
    "monitorx": ("ax", "cx", "dx"),
    "mwait": ("ax", "cx"),
    "mwaitx": ("ax", "cx", "bx"),
    "invlpga": ("ax", "cx"),
    "skinit": ("ax",),
    "vmload": ("ax",),
    "vmrun": ("ax",),
    "vmsave": ("ax",),
    "clzero": ("ax",),
}
"""Instructions whose registers need not be written (AMD64 APM vol. 3; Intel SDM vol. 2)."""

_NOT_ADDRESSING = frozenset({"mwait", "mwaitx", "skinit"})
"""Those of which the first register holds no address, so that its width is no address size."""

_LONG = frozenset(general(number, 8) for number in range(16))


class Spelled(NamedTuple):
    """An instruction as the opcode tables have it, and prefixes that its spelling stood for."""

    mnemonic: str
    operands: list[Operand]
    prefixes: tuple[str, ...] = ()


def spelled(mnemonic: str, operands: list[Operand], bits: int) -> Spelled:
    """The instruction that is meant by `mnemonic` with `operands` in code of `bits`."""
    mnemonic = _RENAMED.get(mnemonic, mnemonic)
    alias = names_with_immediate().get(mnemonic)
    if alias:
        return Spelled(alias[0], [*operands, alias[1]])
    count = len(operands)
    if mnemonic in _SHIFTS and count == 1:
        return Spelled(mnemonic, [*operands, 1])
    if mnemonic in _DOUBLE_SHIFTS and count == 2:
        return Spelled(mnemonic, [*operands, REGISTERS["cl"]])
    if mnemonic in _POPPING and count == 0:
        return Spelled(mnemonic + "p", [])
    if mnemonic in ("fstsw", "fnstsw") and count == 0:
        return Spelled(mnemonic, [REGISTERS["ax"]])
    if mnemonic in _ACCUMULATED and count == 1 and isinstance(operands[0], Address):
        return Spelled(mnemonic, _accumulated(mnemonic, operands[0]))
    if mnemonic in ("xlat", "xlatb") and count == 1:
        return _table_look_up(operands, bits)
    if mnemonic in ("movd", "vmovd") and any(map(_is_long, operands)):
        return Spelled(mnemonic[:-1] + "q", operands)
    if mnemonic in _IMPLIED and _is_implied(_IMPLIED[mnemonic], operands):
        return _implying(mnemonic, operands, bits)
    return Spelled(mnemonic, operands)


@cache
def names_with_immediate() -> dict[str, tuple[str, int]]:
    """Names that stand for an instruction and its last operand."""
    found = {}
    for kind in ("ps", "pd", "ss", "sd"):
        for number, name in enumerate(_SSE_PREDICATES):
            found[f"cmp{name}{kind}"] = (f"cmp{kind}", number)
    predicates = {name: number for number, name in enumerate(_AVX_PREDICATES)} | _AVX_SYNONYMS
    for kind in ("ps", "pd", "ss", "sd", "ph", "sh"):
        for name, number in predicates.items():
            found[f"vcmp{name}{kind}"] = (f"vcmp{kind}", number)
    for kind in ("b", "w", "d", "q", "ub", "uw", "ud", "uq"):
        for name, number in _INTEGER_PREDICATES.items():
            if name != "eq" or len(kind) > 1:
                found[f"vpcmp{name}{kind}"] = (f"vpcmp{kind}", number)
        for number, name in enumerate(_XOP_PREDICATES):
            found[f"vpcom{name}{kind}"] = (f"vpcom{kind}", number)
    for name, number in _HALVES.items():
        found[f"pclmul{name}dq"] = ("pclmulqdq", number)
        found[f"vpclmul{name}dq"] = ("vpclmulqdq", number)
    return found


def _accumulated(mnemonic: str, memory: Address) -> list[Operand]:
    if memory.size not in (1, 2, 4, 8):
        return [memory]
    accumulator = general(0, memory.size)
    return [accumulator, memory] if _ACCUMULATED[mnemonic] else [memory, accumulator]


def _table_look_up(operands: list[Operand], bits: int) -> Spelled:
    """`xlat` with its operand written: segment and width of rbx become prefixes."""
    [memory] = operands
    base = memory.base if isinstance(memory, Address) else None
    if not isinstance(memory, Address) or base is None or not re.fullmatch("[re]?bx", base.name):
        return Spelled("xlat", operands)
    if memory.size not in (0, 1) or memory.index or memory.displacement:
        return Spelled("xlat", operands)
    prefixes = [memory.segment.name] if memory.segment else []
    if address_bits(memory, bits) != bits:
        prefixes.append(f"addr{address_bits(memory, bits)}")
    return Spelled("xlat", [], tuple(prefixes))


def _is_implied(names: tuple[str, ...], operands: list[Operand]) -> bool:
    registers = [one for one in operands if isinstance(one, Register) and one.size >= 4]
    return [one.name[-2:] for one in registers] == list(names) and len({*_widths(registers)}) <= 1


def _widths(registers: list[Register]) -> list[int]:
    """The widths that have to be equal: of all registers but one that holds an address."""
    return [one.size for one in registers[1:] or registers]


def _implying(mnemonic: str, operands: list[Operand], bits: int) -> Spelled:
    first = operands[0]
    assert isinstance(first, Register)
    if mnemonic in _NOT_ADDRESSING:
        widths = {one.size for one in operands if isinstance(one, Register)}
        fits = widths == {4} or (len(widths) == 1 and mnemonic != "skinit")
        return Spelled(mnemonic, [] if fits else operands)
    prefixes = () if first.size * 8 == bits else (f"addr{first.size * 8}",)
    return Spelled(mnemonic, [], prefixes)


def _is_long(operand: Operand) -> bool:
    """Whether `operand` is a general register of 64 bits."""
    return isinstance(operand, Register) and operand in _LONG
