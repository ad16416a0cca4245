"""Operands as the encoder takes them, and what their fix-ups refer to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from pykasm.errors import PlaceMistake
from pykasm.isa.code import Label
from pykasm.isa.statement import BranchTarget, FarPointer, SymbolImmediate
from pykasm.isa.statement import Operand as Encodable
from pykasm.lang.condition import Condition, condition
from pykasm.lang.expression import Expression
from pykasm.lang.hints import hint_for, shown_value
from pykasm.lang.operands import MemoryOperand, RegisterOperand, SegmentOperand
from pykasm.lang.symbolic import AddressOperand, BranchOperand, FarOperand

Converted: TypeAlias = tuple[Encodable, str | Label | None, int]
"""An operand as the encoder takes it, and what its fix-up refers to: a target and an addend."""

_NEAR = BranchTarget(short=False)


def converted(operand: Any, bits: int, mnemonic: str) -> Converted:
    """One operand of `mnemonic`, in code of `bits`."""
    convert = _CONVERSIONS.get(type(operand))
    if convert is not None:
        return convert(operand, bits)
    if isinstance(operand, MemoryOperand):
        return _memory(operand, bits)
    if isinstance(operand, int):
        return int(operand), None, 0
    return _adapted(operand, bits, mnemonic)


def _memory(operand: MemoryOperand, bits: int) -> Converted:
    address = operand._memo or operand._address(bits)
    reference = operand._reference
    if reference is None:
        return address, None, 0
    return address, reference._target(), reference.addend


def _register(operand: RegisterOperand, bits: int) -> Converted:
    operand._touch()
    return operand._register, None, 0


def _branch(operand: BranchOperand, bits: int) -> Converted:
    if operand.bits not in (None, bits):
        raise _other_width(operand, bits)
    return _NEAR, operand.reference._target(), operand.reference.addend


def _other_width(operand: BranchOperand, bits: int) -> PlaceMistake:
    far = f"`ljmp(far(selector, {operand.name}))`"
    return PlaceMistake(
        f"`{operand.name}` is code of another width, which a near jump does not switch to",
        expected=f"{bits}-bit code",
        got=f"{operand.bits}-bit code",
        fix=far if bits < 64 else "push a selector and the address, then `retfq`",
    )


def _symbol_address(operand: AddressOperand, bits: int) -> Converted:
    reference = operand.reference
    return SymbolImmediate(operand.size), reference._target(), reference.addend


def _far(operand: FarOperand, bits: int) -> Converted:
    pointer = FarPointer(operand.selector, 0, operand.size, symbolic=True)
    return pointer, operand.reference._target(), operand.reference.addend


_CONVERSIONS: dict[type, Callable[[Any, int], Converted]] = {
    MemoryOperand: _memory,
    RegisterOperand: _register,
    SegmentOperand: _register,
    Label: lambda label, bits: (_NEAR, label, 0),
    BranchOperand: _branch,
    AddressOperand: _symbol_address,
    FarOperand: _far,
}


def _adapted(operand: object, bits: int, mnemonic: str) -> Converted:
    """An operand that stands for another one in this instruction, as a function does."""
    adapt = getattr(operand, "_as_operand", None)
    if isinstance(operand, Expression):
        raise PlaceMistake(
            f"an address is no operand of `{mnemonic}`",
            expected="a register, memory, a number, a label or a symbol",
            got="a sum of registers and numbers",
            fix="`u64[…]` around it is the memory there; `lea` computes it",
        )
    if isinstance(operand, Condition):
        condition(operand)  # so that this is not told a second time
    if adapt is None:
        raise PlaceMistake(
            f"`{shown_value(operand)}` is no operand of `{mnemonic}`",
            expected="a register, memory, a number, a label or a symbol",
            got=type(operand).__name__,
            fix=hint_for(operand),
        )
    return converted(adapt(mnemonic), bits, mnemonic)
