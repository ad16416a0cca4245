"""Operands as a listing shows them: field names for offsets, labels for targets."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from pykasm.isa.code import Label, Line
from pykasm.isa.intel import WIDTH_WORDS
from pykasm.isa.statement import Address
from pykasm.lang.operand import Operand
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.structs import operand_size

SMALL_NUMBER = 4096
"""Numbers below this are shown in decimal, others in hexadecimal."""


def shown_operands(line: Line, label: Callable[[Label], str]) -> str:
    """The operands of `line`; `label` gives the name of a label in its function."""
    written = line.written
    has_register = any(isinstance(one, RegisterOperand) for one in written)
    return ", ".join(shown(one, label, with_width=not has_register) for one in written)


def shown(operand: object, label: Callable[[Label], str], *, with_width: bool = False) -> str:
    """One operand as text."""
    if isinstance(operand, RegisterOperand):
        return operand._register.name
    if isinstance(operand, MemoryOperand):
        return _memory(operand, with_width)
    if isinstance(operand, Label):
        return label(operand)
    if isinstance(operand, Enum):
        return operand.name or str(operand.value)
    if isinstance(operand, int):
        return str(operand) if abs(operand) < SMALL_NUMBER else f"{operand:#x}"
    if isinstance(operand, Operand):
        return operand._text()
    text = getattr(operand, "_text", None)
    return text() if callable(text) else repr(operand)


def _memory(operand: MemoryOperand, with_width: bool) -> str:
    text = operand._text()
    inside = text if text.endswith("]") and _is_spelled(operand) else f"[{text}]"
    if operand._segment is not None and not inside.startswith(operand._segment.name + ":"):
        inside = f"{operand._segment.name}:{inside}"
    width = WIDTH_WORDS.get(operand_size(operand._kind), "") if with_width else ""
    return f"{width} {inside}".strip()


def _is_spelled(operand: MemoryOperand) -> bool:
    """Whether the operand's text is an address in brackets already."""
    text = operand._text()
    return text.startswith("[") or ":[" in text


def branch_label(line: Line) -> Label | None:
    """The label that `line` branches to, if it does."""
    for one in line.references:
        is_target = not isinstance(line.statement.operands[one.operand], Address)
        if isinstance(one.target, Label) and is_target:
            return one.target
    return None
