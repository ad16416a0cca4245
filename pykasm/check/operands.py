"""The registers that operands of instructions are, by their numbers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from iced_x86 import Instruction, OpKind, RegisterExt
from iced_x86 import Register as IcedRegister


def register_operand(instruction: Instruction, operand: int) -> int | None:
    """Return the number of the general register that is an operand, None if it is none."""
    if operand >= instruction.op_count or instruction.op_kind(operand) != OpKind.REGISTER:
        return None
    return number_of(instruction.op_register(operand))


@cache
def number_of(register: Any) -> int | None:
    """Return the number of a general register of iced-x86; None if it is none."""
    if register == IcedRegister.NONE or not RegisterExt.is_gpr(register):
        return None
    return int(RegisterExt.number(RegisterExt.full_register(register)))


_BY_STRINGS: dict[int, int] = {
    **dict.fromkeys((OpKind.MEMORY_ESDI, OpKind.MEMORY_ESEDI, OpKind.MEMORY_ESRDI), 7),
    **dict.fromkeys((OpKind.MEMORY_SEG_SI, OpKind.MEMORY_SEG_ESI, OpKind.MEMORY_SEG_RSI), 6),
}
"""The register that a string instruction finds an operand by (AMD64 APM vol. 3, 1.2.2)."""


def address_registers(instruction: Instruction) -> Iterator[int]:
    """Yield the numbers of the registers that an instruction finds its memory by."""
    for register in (instruction.memory_base, instruction.memory_index):
        number = number_of(register)
        if number is not None:
            yield number
    for operand in range(instruction.op_count):
        number = _BY_STRINGS.get(instruction.op_kind(operand))
        if number is not None:
            yield number
