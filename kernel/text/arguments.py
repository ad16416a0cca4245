"""Pass the arguments of a formatted print on the stack, 64 bits each, the first one lowest."""

from __future__ import annotations

from pykasm import *
from pykasm.errors import RegisterMistake
from pykasm.lang.convention import SLOT, STACK_ALIGNMENT
from pykasm.lang.moves import registers_in
from pykasm.lang.operand import Operand
from pykasm.lang.operands import RegisterOperand
from pykasm.lang.registers import rsp
from pykasm.lang.symbolic import AddressOperand

IMMEDIATE = range(-(1 << 31), 1 << 31)
"""Numbers that `push` takes (AMD64 APM vol. 3, PUSH)."""

WORD = 4
"""Writing a register of this many bytes clears its upper half (AMD64 APM vol. 1, 3.1.2)."""


@inline(changes=("values", *CALLER_SAVED))
def push_arguments(values: tuple[object, ...]) -> int:
    """Push `values`, each widened by its type. Return the bytes that they take, a Python number.

    The stack stays aligned to 16 bytes.
    """
    spare = _spare(values)
    padding = -len(values) * SLOT % STACK_ALIGNMENT
    if padding:
        sub(rsp, padding)
    for value in reversed(values):  # the stack grows down, and the first argument is lowest
        _push(value, spare)
    return padding + len(values) * SLOT


def _spare(values: tuple[object, ...]) -> U64:
    """Return a caller-saved register that no value is in or is addressed by."""
    used = {one.number for value in values for one in registers_in(value)}
    free = [one for one in CALLER_SAVED if one.number not in used]
    if not free or rsp._register.number in used:
        raise RegisterMistake(
            "these arguments leave no register to widen them in",
            expected="one caller-saved register that none is in, and none addressed from rsp",
            got=f"{len(values)} arguments",
            fix="keep some of them: `x = keep(x)`",
        )
    return u64(RegisterOperand(free[0], U64))


@inline(changes="spare")
def _push(value: object, spare: U64) -> None:
    """Push `value`, widened in `spare` if it has not 64 bits."""
    if isinstance(value, str):
        push(text(value))
    elif _is_wide(value):
        push(value)
    else:
        _widen(value, spare)
        push(spare)


def _is_wide(value: object) -> bool:
    """Return whether `push` takes the value as it is."""
    if isinstance(value, int):
        return int(value) in IMMEDIATE  # a range searches linearly for an enum member
    return isinstance(value, AddressOperand) or (
        isinstance(value, Operand) and value._kind._size == SLOT and value._kind._host is None
    )


@inline(changes="whole")
def _widen(value: object, whole: U64) -> None:
    """Load `value` into all 64 bits of `whole`, with its sign if its type has one."""
    if isinstance(value, Operand) and value._kind._size == SLOT:
        mov(whole, value)
    elif not isinstance(value, Operand):
        mov(whole, value if isinstance(value, int) else address_of(value))
    elif value._kind._signed:
        extend = movsxd if value._kind._size == WORD else movsx
        extend(whole, value)
    else:
        load = mov if value._kind._size == WORD else movzx
        load(u32(whole), value)
