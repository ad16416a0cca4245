"""What an EVEX prefix says beside the operands: masks, zeroing, copies, ways to round."""

from __future__ import annotations

from typing import Any, NamedTuple

from pykasm.errors import OperandFormMistake
from pykasm.isa.registers import RegisterKind
from pykasm.isa.statement import VectorOptions
from pykasm.lang.operand import described
from pykasm.lang.operands import MemoryOperand, RegisterOperand


class Masked(NamedTuple):
    """The first operand of an instruction that writes only the elements which a mask chooses."""

    operand: Any
    mask: RegisterOperand
    zeroing: bool


class Broadcast(NamedTuple):
    """One element in memory, copied to all places of a vector."""

    operand: Any
    copies: int


class Rounding(NamedTuple):
    """How an instruction rounds, without exceptions, whatever mxcsr says."""

    name: str


def masked(operand: Any, mask: Any, *, zeroing: bool = False) -> Masked:
    """`operand`, a vector or the memory of one, of which an instruction writes only the elements
    that `mask`, `k1` … `k7`, chooses; the others are kept, or with `zeroing` cleared."""
    if not isinstance(mask, RegisterOperand) or mask._register.kind is not RegisterKind.MASK:
        raise OperandFormMistake(
            "`masked` takes a mask register", expected="`k1` … `k7`", got=described(mask)
        )
    return Masked(operand, mask, zeroing)


def broadcast(operand: Any, copies: int) -> Broadcast:
    """An element in memory, such as `u32[rax]`, as a vector of `copies` of it."""
    if not isinstance(operand, MemoryOperand):
        raise OperandFormMistake(
            "`broadcast` takes an element in memory",
            expected="memory of one element, such as `u32[rax]`",
            got=described(operand),
        )
    return Broadcast(operand, copies)


rn_sae, rd_sae = Rounding("rn-sae"), Rounding("rd-sae")
ru_sae, rz_sae = Rounding("ru-sae"), Rounding("rz-sae")
sae = Rounding("sae")


def parted(mnemonic: str, operands: tuple[Any, ...]) -> tuple[tuple[Any, ...], VectorOptions]:
    """The plain operands of an instruction, and the options that were among them."""
    options, plain = VectorOptions(), []
    for number, operand in enumerate(operands):
        if isinstance(operand, Masked):
            if number:
                raise _misplaced(mnemonic, "a masked operand is the first")
            mask = operand.mask._register
            options = options._replace(mask=mask, zeroing=operand.zeroing)
            plain.append(operand.operand)
        elif isinstance(operand, Broadcast):
            options = options._replace(copies=operand.copies)
            plain.append(operand.operand)
        elif isinstance(operand, Rounding):
            if any(not isinstance(one, int) for one in operands[number + 1 :]):
                raise _misplaced(mnemonic, "a way to round comes behind all registers")
            options = options._replace(rounding=operand.name)
        else:
            plain.append(operand)
    return tuple(plain), options


def _misplaced(mnemonic: str, rule: str) -> OperandFormMistake:
    return OperandFormMistake(
        f"an option of `{mnemonic}` is in the wrong place", expected=rule, got="another order"
    )
