"""Arguments on the stack: those that find no register, 8 bytes each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pykasm.errors import CallMistake, RegisterMistake
from pykasm.isa.registers import WORD, RegisterKind, general
from pykasm.lang.bitfields import BitPlace
from pykasm.lang.builder import emit
from pykasm.lang.convention import SLOT, STACK_ALIGNMENT, Parameter, Signature
from pykasm.lang.moves import TEMPORARIES, registers_in
from pykasm.lang.numbers import U32, U64, held_as
from pykasm.lang.operand import described
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.places import PlaceAddress
from pykasm.lang.registers import machine_register, rsp
from pykasm.lang.symbolic import AddressOperand
from pykasm.lang.views import memory


def source_of(value: object) -> object:
    """What a move takes for the argument `value`: the address of what has a symbol, the register
    that holds an address already."""
    if isinstance(value, PlaceAddress):
        return value._as_source()
    reference = getattr(value, "_symbol_reference", None)
    if reference is not None:
        return AddressOperand(reference, WORD, getattr(value, "_label", ""))
    return value


def below(source: Any, pushed: int) -> Any:
    """`source` as it is found when rsp has moved `pushed` bytes down."""
    if not pushed or rsp._register not in registers_in(source):
        return source
    if isinstance(source, MemoryOperand):
        return source._moved(source._kind, pushed, source._name)
    if isinstance(source, PlaceAddress):
        return PlaceAddress(below(source._place, pushed))
    if isinstance(source, BitPlace):
        return BitPlace(below(source._container, pushed), source._range)
    raise RegisterMistake(
        "rsp is an argument of a call that puts others on the stack",
        expected="rsp as it was before the call's arguments",
        got=f"rsp, {pushed} bytes lower",
        fix="`mov` it into another register first",
    )


def push_rest(signature: Signature, given: Sequence[object]) -> int:
    """Push what does not fit registers, the last first; the bytes it took.

    `given` are the arguments, and what else the call still needs.
    """
    rest = [
        (number, one) for number, one in enumerate(signature.parameters) if one.register is None
    ]
    pushed = -len(rest) * SLOT % STACK_ALIGNMENT
    if pushed:
        emit("sub", rsp, pushed)
    for number, parameter in reversed(rest):
        source = below(source_of(given[number]), pushed)
        if isinstance(source, int):
            _push_number(source, parameter)
        elif _is_pushed_whole(source):
            emit("push", _widened(source))
        else:
            _push_by(_temporary(signature, given, number), source)
        pushed += SLOT
    return pushed


def _push_number(number: int, parameter: Parameter) -> None:
    """Push a number; `push` has 32 bits, which it extends by their sign."""
    low = int(number) & 0xFFFF_FFFF
    low -= (low >> 31) << 32
    emit("push", low)
    if parameter.type._size == SLOT and (number - low) % (1 << 64):
        emit("mov", memory(U32, rsp + WORD), number >> 32 & 0xFFFF_FFFF)


def _is_pushed_whole(source: object) -> bool:
    """Whether a `push` takes `source`, with what may lie above it in its register."""
    if isinstance(source, RegisterOperand):
        return source._register.kind is RegisterKind.GENERAL
    if isinstance(source, MemoryOperand):
        return source._kind._size == SLOT and source._kind._host is None
    return isinstance(source, AddressOperand)


def _widened(source: Any) -> Any:
    return source._seen_as(U64) if isinstance(source, RegisterOperand) else source


def _push_by(register: Any, source: Any) -> None:
    """Push what has to be computed or widened in `register` first."""
    if isinstance(source, PlaceAddress):
        emit("lea", register, source)
    elif source._kind._size >= WORD:
        emit("mov", register._seen_as(held_as(source._kind)), source)
    else:
        extend = "movsx" if source._kind._signed else "movzx"
        emit(extend, register._seen_as(U32), source)
    emit("push", register)


def _temporary(signature: Signature, given: Sequence[object], number: int) -> Any:
    """A register that the call may change and that nothing `given` needs but that `number`."""
    others = [*given[:number], *given[number + 1 :]]
    needed = {one.number for each in others for one in registers_in(each)}
    for register in TEMPORARIES:
        if register in signature.changed and register.number not in needed:
            return machine_register(general(register.number, SLOT))
    raise CallMistake(
        "no register is free to widen an argument on the stack in",
        expected="rax, r10 or r11, where the call may change it and no argument needs it",
        got=described(given[number]),
        fix="load it into a register first",
    )
