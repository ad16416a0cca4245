"""What each kind of operand in the machine's opcode tables accepts.

The tables are those of iced-x86 (`OpCodeOperandKind`), which follow the Intel and AMD manuals'
operand codes (Intel SDM vol. 2, 3.1.1.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from iced_x86 import OpCodeOperandKind

from pykasm.isa.registers import REGISTERS, Register, RegisterKind

KIND_NAMES: dict[int, str] = {
    value: name for name, value in vars(OpCodeOperandKind).items() if isinstance(value, int)
}
"""The name of every operand kind, such as `R32_OR_MEM`."""

STRING_POINTERS = {"ES_RDI": "di", "SEG_RSI": "si"}
"""The operand kinds that are memory at a register which the instruction itself names."""

UNSPOKEN = frozenset({"SEG_RDI", "SEG_RBX_AL"})
"""The operand kinds that are never written: the memory of maskmovdqu and xlatb."""

_REGISTER_FILES = {
    "R8": (RegisterKind.GENERAL, 1),
    "R16": (RegisterKind.GENERAL, 2),
    "R32": (RegisterKind.GENERAL, 4),
    "R64": (RegisterKind.GENERAL, 8),
    "MM": (RegisterKind.MMX, 8),
    "XMM": (RegisterKind.VECTOR, 16),
    "YMM": (RegisterKind.VECTOR, 32),
    "ZMM": (RegisterKind.VECTOR, 64),
    "K": (RegisterKind.MASK, 8),
    "CR": (RegisterKind.CONTROL, 8),
    "DR": (RegisterKind.DEBUG, 8),
    "STI": (RegisterKind.X87, 10),
    "SEG": (RegisterKind.SEGMENT, 2),
}

_ACCUMULATORS = ("AL", "AX", "EAX", "RAX")
SINGLE_REGISTERS = (*_ACCUMULATORS, "CL", "DX", "ST0", "ES", "CS", "SS", "DS", "FS", "GS")
"""The operand kinds that are one register."""

_IMMEDIATES = {
    "IMM8": (8, 8),
    "IMM8SEX16": (8, 16),
    "IMM8SEX32": (8, 32),
    "IMM8SEX64": (8, 64),
    "IMM16": (16, 16),
    "IMM32": (32, 32),
    "IMM32SEX64": (32, 64),
    "IMM64": (64, 64),
}

_BRANCHES = {
    "BR16_1": 1,
    "BR32_1": 1,
    "BR64_1": 1,
    "BR16_2": 2,
    "BR32_4": 4,
    "BR64_4": 4,
    "XBEGIN_2": 2,
    "XBEGIN_4": 4,
}

_FAR_POINTERS = {"FARBR2_2": 2, "FARBR4_2": 4}

_VECTOR_INDEX = {"X": 16, "Y": 32, "Z": 64}

LEGACY_VECTORS = 16
"""How many vector registers an instruction without an EVEX prefix can name."""


@dataclass(frozen=True, slots=True)
class ImmediateField:
    """An immediate of `bits` in the code, sign-extended by the machine to `operand_bits`."""

    bits: int
    operand_bits: int

    def holds(self, value: int) -> bool:
        """Whether `value`, signed or unsigned, has the same bits after sign extension."""
        if not -(1 << self.operand_bits - 1) <= value < 1 << self.operand_bits:
            return False
        if self.bits == self.operand_bits:
            return True
        half = 1 << self.bits - 1
        return -half <= signed(value, self.operand_bits) < half

    @property
    def range_text(self) -> str:
        """The values it holds, for people."""
        low = -(1 << self.bits - 1)
        if self.bits == self.operand_bits:
            return f"{low:#x} … {(1 << self.bits) - 1:#x} ({self.bits} bits)"
        return f"{low:#x} … {-low - 1:#x} ({self.bits} bits, sign-extended to {self.operand_bits})"


@dataclass(frozen=True, slots=True)
class OperandRule:
    """What an operand of one kind may be.

    `branch` and `far` are the bytes of a branch distance and of a far pointer's offset, 0 where
    the operand is none; `vector_index` the bytes of the vector register that indexes the memory.
    With `any_width` the registers' widths make no difference: only their number counts.
    """

    kind: str
    registers: frozenset[Register] = frozenset()
    memory: bool = False
    immediate: ImmediateField | None = None
    one: bool = False
    branch: int = 0
    far: int = 0
    vector_index: int = 0
    any_width: bool = False


def signed(value: int, bits: int) -> int:
    """`value` modulo 2**bits as a two's-complement number of `bits` bits."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def _register_file(name: str, wide: bool) -> frozenset[Register]:
    if name not in _REGISTER_FILES:
        return frozenset()
    kind, size = _REGISTER_FILES[name]
    found = [
        register
        for register in REGISTERS.values()
        if register.kind is kind and register.size == size
        if wide or register.number < LEGACY_VECTORS
    ]
    if name == "R8":
        found += [r for r in REGISTERS.values() if r.kind is RegisterKind.HIGH_BYTE]
    return frozenset(found)


@cache
def operand_rule(kind: str, wide: bool) -> OperandRule | None:
    """The rule of operand kind `kind`; None for kinds that pykasm has no operand for.

    `wide` says that the instruction has an EVEX prefix and reaches 32 vector registers.
    """
    if kind in _IMMEDIATES:
        return OperandRule(kind, immediate=ImmediateField(*_IMMEDIATES[kind]))
    if kind == "IMM8_CONST_1":
        return OperandRule(kind, one=True)
    if kind in _BRANCHES:
        return OperandRule(kind, branch=_BRANCHES[kind])
    if kind in _FAR_POINTERS:
        return OperandRule(kind, far=_FAR_POINTERS[kind])
    if kind in SINGLE_REGISTERS:
        return OperandRule(kind, registers=frozenset({REGISTERS[kind.lower()]}))
    if kind in ("MEM", "MEM_OFFS", *STRING_POINTERS):
        return OperandRule(kind, memory=True)
    if kind.startswith("MEM_VSIB"):
        return OperandRule(kind, memory=True, vector_index=_VECTOR_INDEX[kind[-1]])
    return _register_rule(kind, wide)


def _register_rule(kind: str, wide: bool) -> OperandRule | None:
    file, _, rest = kind.partition("_")
    registers = _register_file(file, wide)
    if not registers or kind.endswith("_MPX"):
        return None
    return OperandRule(kind, registers, memory=rest == "OR_MEM")
