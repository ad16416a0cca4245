"""Numbers whose bytes lie in memory in the opposite order, as networks have them: `U16BE`.

A register never holds one: loads and stores swap the bytes, and so does Python with constants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pykasm.errors import TypeMistake
from pykasm.lang.builder import CodeBuilder, composes
from pykasm.lang.comparisons import BitTest, Comparison
from pykasm.lang.constants import encodable, temporary
from pykasm.lang.numbers import U16, U32, held_as
from pykasm.lang.operandchecks import CHECKS
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.types import TypeMeta

_BYTE = 8
"""Bits, by which 16 are rotated to swap their bytes."""


def swapped(number: int, size: int) -> int:
    """`number`, which has `size` bytes, with these in the opposite order."""
    return int.from_bytes((number % (1 << (size * 8))).to_bytes(size, "little"), "big")


def as_compared(test: Comparison | BitTest, right: Any) -> tuple[Any, Any]:
    """What an instruction compares for `test` with `right`: the raw bytes in memory with those of
    the constant."""
    left = test.left if isinstance(test, Comparison) else test.operand
    if not _is_swapped(left):
        return left, right
    return _raw(left), swapped(int(right), left._kind._size)


def _is_swapped(operand: object) -> bool:
    return isinstance(operand, MemoryOperand) and operand._kind._host is not None


def _raw(place: Any) -> Any:
    """The bytes of `place` as a number of the machine's."""
    return place._seen_as(held_as(place._kind))


@composes(MemoryOperand)
def _write_swapping(
    builder: CodeBuilder, mnemonic: str, operands: tuple[Any, ...], prefix: str
) -> None:
    """Write what stands for an instruction with such a number in memory."""
    write = _WRITERS.get(mnemonic)
    if write is None or not write(builder, mnemonic, operands, prefix):
        raise _not_swapped(mnemonic, operands)


def _load_or_store(
    builder: CodeBuilder, mnemonic: str, operands: tuple[Any, ...], prefix: str
) -> bool:
    """Write a `mov`, and what swaps the bytes. Loads and stores of 16 bits change flags."""
    if len(operands) != 2:
        return False
    target, source = operands
    CHECKS["mov"](operands)
    if _is_swapped(source):
        return _load(builder, mnemonic, target, source)
    if isinstance(source, int):
        return _store_number(builder, target, int(source))
    if isinstance(source, RegisterOperand):
        return _store(builder, target, source)
    return False


def _load(builder: CodeBuilder, mnemonic: str, target: Any, source: Any) -> bool:
    if not isinstance(target, RegisterOperand):
        return False
    builder.add(mnemonic, (target, _raw(source)))
    _swap(builder, target._seen_as(held_as(source._kind)))
    return True


def _store(builder: CodeBuilder, target: Any, source: RegisterOperand) -> bool:
    """Store a copy of `source` with its bytes swapped, which a scratch register holds."""
    raw = _raw(target)
    if source._register.size != raw._kind._size:
        builder.add("mov", (raw, source))  # refuses it
    with temporary(raw._kind, raw, source) as copy:
        if raw._kind is U16:
            builder.add("movzx", (copy._seen_as(U32), source))
        else:
            builder.add("mov", (copy, source))
        _swap(builder, copy)
        builder.add("mov", (raw, copy))
    return True


def _store_number(builder: CodeBuilder, target: Any, number: int) -> bool:
    raw = _raw(target)
    size = raw._kind._size
    if not -(1 << (size * 8 - 1)) <= number < 1 << (size * 8):
        builder.add("mov", (raw, number))  # refuses it
    with encodable(raw, swapped(number, size)) as value:
        builder.add("mov", (raw, value))
    return True


def _swap(builder: CodeBuilder, register: RegisterOperand) -> None:
    if register._kind._size == U16._size:
        builder.add("rol", (register, _BYTE))
    else:
        builder.add("bswap", (register,))


def _bits(builder: CodeBuilder, mnemonic: str, operands: tuple[Any, ...], prefix: str) -> bool:
    """Write what works on each bit by itself, with a constant whose bytes are swapped."""
    target, *masks = operands
    if not _is_swapped(target) or not all(isinstance(one, int) for one in masks):
        return False
    if mnemonic in CHECKS:
        CHECKS[mnemonic](operands)
    raw = _raw(target)
    if not masks:
        builder.add(mnemonic, (raw,), prefix)
        return True
    with encodable(raw, swapped(int(masks[0]), raw._kind._size)) as mask:
        builder.add(mnemonic, (raw, mask), prefix)
    return True


def _as_it_is(builder: CodeBuilder, mnemonic: str, operands: tuple[Any, ...], prefix: str) -> bool:
    """Write an instruction that swaps the bytes itself."""
    raw = tuple(_raw(one) if _is_swapped(one) else one for one in operands)
    builder.add(mnemonic, raw, prefix)
    return True


_WRITERS: Mapping[str, Callable[[CodeBuilder, str, tuple[Any, ...], str], bool]] = {
    "mov": _load_or_store,
    "movzx": _load_or_store,
    "movbe": _as_it_is,
    "and": _bits,
    "or": _bits,
    "xor": _bits,
    "not": _bits,
    "test": _bits,
}
"""What writes an instruction, by its mnemonic; False if these operands do not do."""


def _not_swapped(mnemonic: str, operands: tuple[Any, ...]) -> TypeMistake:
    place = next(one for one in operands if _is_swapped(one))
    name = place._text()
    kind: TypeMeta = held_as(place._kind)
    return TypeMistake(
        f"`{mnemonic}` would take the bytes of `{name}` in the wrong order",
        expected="`mov` to or from a register, or bits and a constant",
        got=f"{name}: {place._kind!r}",
        fix=f"load it first: `scratch({name})` is a {kind!r}",
    )
