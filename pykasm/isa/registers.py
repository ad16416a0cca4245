"""The registers of the machine (AMD64 APM vol. 1, 3.1; vol. 2, 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

WORD = 4
"""Writing a general register of this many bytes clears its upper half (AMD64 APM vol. 1, 3.1.2)."""


class RegisterKind(Enum):
    """Which register file a register belongs to."""

    GENERAL = "general-purpose"
    HIGH_BYTE = "high byte"
    INSTRUCTION_POINTER = "instruction pointer"
    SEGMENT = "segment"
    CONTROL = "control"
    DEBUG = "debug"
    X87 = "x87"
    MMX = "MMX"
    VECTOR = "vector"
    MASK = "mask"


@dataclass(frozen=True, slots=True, eq=False)
class Register:
    """One machine register: its `name`, its `size` in bytes, its number and register file."""

    name: str
    size: int
    number: int
    kind: RegisterKind

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Callable[[str], Register], tuple[str]]:
        return _register, (self.name,)  # registers are told apart by identity

    @property
    def needs_rex(self) -> bool:
        """Whether only an instruction with a REX prefix can name it (spl … dil, r8 and up)."""
        if self.kind is RegisterKind.GENERAL:
            return self.number >= 8 or (self.size == 1 and self.number >= 4)
        return self.kind is not RegisterKind.SEGMENT and self.number >= 8


_LEGACY = ("ax", "cx", "dx", "bx", "sp", "bp", "si", "di")
_LOW_BYTES = ("al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil")


def _general_name(number: int, size: int) -> str:
    if number >= 8:
        return f"r{number}" + {8: "", 4: "d", 2: "w", 1: "b"}[size]
    if size == 1:
        return _LOW_BYTES[number]
    return {8: "r", 4: "e", 2: ""}[size] + _LEGACY[number]


def _all_registers() -> dict[str, Register]:
    kinds = RegisterKind
    rows = [(_general_name(n, s), s, n, kinds.GENERAL) for s in (8, 4, 2, 1) for n in range(16)]
    rows += [(name, 1, n, kinds.HIGH_BYTE) for n, name in enumerate(("ah", "ch", "dh", "bh"), 4)]
    rows += [(n, s, 0, kinds.INSTRUCTION_POINTER) for n, s in (("rip", 8), ("eip", 4))]
    rows += [(n, 2, i, kinds.SEGMENT) for i, n in enumerate(("es", "cs", "ss", "ds", "fs", "gs"))]
    rows += [(f"cr{n}", 8, n, kinds.CONTROL) for n in range(16)]
    rows += [(f"dr{n}", 8, n, kinds.DEBUG) for n in range(8)]
    rows += [(f"st{n}", 10, n, kinds.X87) for n in range(8)]
    rows += [(f"mm{n}", 8, n, kinds.MMX) for n in range(8)]
    for prefix, size in (("x", 16), ("y", 32), ("z", 64)):
        rows += [(f"{prefix}mm{n}", size, n, kinds.VECTOR) for n in range(32)]
    rows += [(f"k{n}", 8, n, kinds.MASK) for n in range(8)]
    return {row[0]: Register(*row) for row in rows}


REGISTERS: dict[str, Register] = _all_registers()
"""Every register by its name."""


_GENERAL = {
    (one.number, one.size): one for one in REGISTERS.values() if one.kind is RegisterKind.GENERAL
}


def _register(name: str) -> Register:
    return REGISTERS[name]


def general(number: int, size: int) -> Register:
    """The general-purpose register `number` (0 = rax … 15 = r15) in its `size`-byte form."""
    return _GENERAL[number, size]
