"""The registers that operands of instructions are, by their numbers."""

from __future__ import annotations

from typing import Any

from iced_x86 import Instruction, OpKind, RegisterExt
from iced_x86 import Register as IcedRegister


def register_operand(instruction: Instruction, operand: int) -> int | None:
    """Return the number of the general register that is an operand, None if it is none."""
    if operand >= instruction.op_count or instruction.op_kind(operand) != OpKind.REGISTER:
        return None
    return number_of(instruction.op_register(operand))


def number_of(register: Any) -> int | None:
    """Return the number of a general register of iced-x86; None if it is none."""
    if register == IcedRegister.NONE or not RegisterExt.is_gpr(register):
        return None
    return int(RegisterExt.number(RegisterExt.full_register(register)))
