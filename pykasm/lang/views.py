"""Memory and registers seen as a type: `u32[…]`, `u32(x)`, `cast`, `at`."""

from __future__ import annotations

from typing import Any, Generic, TypeVar
from typing import cast as typing_cast

from pykasm.errors import TypeMistake
from pykasm.lang import numbers
from pykasm.lang.expression import expression
from pykasm.lang.operand import described
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.types import Ptr, TypeMeta, Void

T = TypeVar("T")


class _Words(Generic[T]):
    """`u32[address]` is memory of this type, `u32(x)` is `x` seen as this type."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = typing_cast(TypeMeta, kind)

    __iter__ = None  # without it, Python would try the addresses 0, 1, 2 … for ever

    def __getitem__(self, address: object) -> T:
        return typing_cast(T, memory(self._kind, address))

    def __call__(self, operand: object) -> T:
        return typing_cast(T, view(operand, self._kind))


def memory(kind: TypeMeta, address: object) -> MemoryOperand:
    """The memory operand of type `kind` at `address`, a register, sum of registers or number."""
    made = expression(address)
    for one in (made.base, made.index):
        if one is not None:
            one._touch()
    return MemoryOperand(
        kind,
        segment=made.segment,
        base=typing_cast(RegisterOperand | None, made.base),
        index=typing_cast(RegisterOperand | None, made.index),
        scale=made.scale,
        displacement=made.displacement,
        reference=made.reference,
    )


def view(operand: object, kind: TypeMeta) -> Any:
    """`operand` seen as type `kind`: the low part of a register, or memory at the same place."""
    if isinstance(operand, RegisterOperand | MemoryOperand):
        return operand._seen_as(kind)
    raise TypeMistake(
        f"`{operand!r}` can't be seen as {kind!r}",
        expected="a register or memory operand",
        got=type(operand).__name__,
    )


def cast(operand: object, kind: type[T]) -> T:
    """`operand` with another type of the same width, such as a number that is a pointer."""
    wanted: Any = kind
    if not isinstance(wanted, TypeMeta):
        raise TypeMistake(
            "`cast` takes an operand and a type", expected="`cast(x, Ptr[Frame])`", got=repr(kind)
        )
    if isinstance(operand, RegisterOperand) and operand._register.size != wanted._size:
        raise TypeMistake(
            f"`cast` keeps the width of `{operand._text()}`",
            expected=f"a type of {operand._register.size} bytes",
            got=f"{wanted!r}, {wanted._size} bytes",
        )
    return typing_cast(T, view(operand, wanted))


def at(pointer: Ptr[T]) -> T:
    """The memory that `pointer` points to."""
    if not isinstance(pointer, RegisterOperand):
        in_memory = isinstance(pointer, MemoryOperand)
        raise TypeMistake(
            "`at` follows a pointer that is in a register",
            expected="a register of type Ptr[T]",
            got=described(pointer),
            fix=f"load it first: `at(scratch({described(pointer)}))`" if in_memory else "",
        )
    return typing_cast(T, pointer._pointed())


u8 = _Words(numbers.U8)
u16 = _Words(numbers.U16)
u32 = _Words(numbers.U32)
u64 = _Words(numbers.U64)
u16be = _Words(numbers.U16BE)
u32be = _Words(numbers.U32BE)
u64be = _Words(numbers.U64BE)
i8 = _Words(numbers.I8)
i16 = _Words(numbers.I16)
i32 = _Words(numbers.I32)
i64 = _Words(numbers.I64)
x48 = _Words(numbers.X48)
x80 = _Words(numbers.X80)
x128 = _Words(numbers.X128)
x256 = _Words(numbers.X256)
x512 = _Words(numbers.X512)
bare = _Words(Void)
"""Memory without a width, for instructions that only take an address: `invlpg(bare[rax])`."""
