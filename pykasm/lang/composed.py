"""Instructions that the machine does not have: loads and stores of bits. And those with options,
which are no operands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pykasm.errors import Mistake, TypeMistake
from pykasm.isa.registers import WORD
from pykasm.lang.bitfields import BitComparison, BitPlace
from pykasm.lang.builder import CodeBuilder, composes, emit
from pykasm.lang.constants import encodable, temporary
from pykasm.lang.numbers import U32, U64, held_as
from pykasm.lang.operand import described
from pykasm.lang.operands import RegisterOperand
from pykasm.lang.vectoroptions import Broadcast, Masked, Rounding, parted


@composes(Masked, Broadcast, Rounding)
def _write_with_options(
    builder: CodeBuilder, mnemonic: str, operands: tuple[Any, ...], prefix: str
) -> None:
    plain, builder.options = parted(mnemonic, operands)
    try:
        builder.add(mnemonic, plain, prefix)
    finally:
        builder.options = None


@composes(BitPlace)
def _write_bits(
    builder: CodeBuilder, mnemonic: str, operands: tuple[Any, ...], prefix: str
) -> None:
    if mnemonic != "mov" or prefix or len(operands) != 2:
        raise _no_move(mnemonic, operands)
    target, source = operands
    if isinstance(source, BitPlace) and isinstance(target, RegisterOperand):
        _load(target, source)
    elif isinstance(target, BitPlace) and isinstance(source, int):
        _store_number(target, int(source))
    elif isinstance(target, BitPlace) and isinstance(source, RegisterOperand):
        _store(target, source)
    else:
        raise _no_move(mnemonic, operands)


def _no_move(mnemonic: str, operands: tuple[Any, ...]) -> Mistake:
    place = next(one for one in operands if isinstance(one, BitPlace))
    return TypeMistake(
        f"`{mnemonic}` does not work on the bits `{place._text()}`",
        expected="`mov` to or from a register, or of a number; a comparison with a number",
        got=", ".join(map(described, operands)),
        fix=f"load them first: `scratch({place._text()})`",
    )


def _work_kind(place: BitPlace) -> Any:
    """The type of a register to work on the number in that has the bits: of 32 or 64 bits."""
    return U64 if place._container._kind._size == U64._size else U32


def _load_number(register: RegisterOperand, place: BitPlace) -> None:
    """Load the whole number that has the bits."""
    narrow = place._container._kind._size < WORD
    emit("movzx" if narrow else "mov", register, place._container)


def _load(target: RegisterOperand, place: BitPlace) -> None:
    """Load the value of the bits. Changes flags."""
    if target._register.size < max(WORD, place._kind._size):
        raise TypeMistake(
            f"`{target._text()}` has no room for `{place._text()}`",
            expected=f"a register of {max(WORD, place._kind._size) * 8} bits or more",
            got=f"{target._text()}: {target._kind!r}",
        )
    shift, width = place._range.shift, place._range.width
    number = target._seen_as(_work_kind(place))
    _load_number(number, place)
    if shift:
        emit("shr", number, shift)
    if shift + width == place._container._kind._size * 8:
        return
    if width < WORD * 8:
        emit("and", number._seen_as(U32), place._range.largest)
    elif width == WORD * 8:
        emit("mov", number._seen_as(U32), number._seen_as(U32))  # clears the upper half
    else:
        emit("shl", number, U64._size * 8 - width)
        emit("shr", number, U64._size * 8 - width)


def _store_number(place: BitPlace, value: int) -> None:
    """Store a constant, with one write to memory. Changes flags."""
    container, bits = place._container, place._range
    placed = bits.placed(value, place._text())
    others = ((1 << (container._kind._size * 8)) - 1) & ~bits.mask
    if value == 0 or value == bits.largest:
        mnemonic, constant = ("or", placed) if value else ("and", others)
        if container._kind._host is not None:
            emit(mnemonic, container, constant)
            return
        with encodable(container, constant) as number:
            emit(mnemonic, container, number)
        return
    with temporary(_work_kind(place), container) as work:
        _load_number(work, place)
        for mnemonic, constant in (("and", others), ("or", placed)):
            with encodable(work, constant) as number:
                emit(mnemonic, work, number)
        emit("mov", container, work._seen_as(held_as(container._kind)))


def _store(place: BitPlace, source: RegisterOperand) -> None:
    """Store as many bits of `source` as there are, with one write to memory. Changes flags."""
    container, kind = place._container, _work_kind(place)
    held = held_as(container._kind)
    with temporary(kind, container, source) as work:
        _copy(work, source)
        if place._range.shift:
            emit("shl", work, place._range.shift)
        if container._kind._host is None:
            _merge(work._seen_as(held), container, place)
            emit("xor", container, work._seen_as(held))
            return
        with temporary(kind, container, source) as old:
            _load_number(old, place)
            _merge(work, old, place)
            emit("xor", old, work)
            emit("mov", container, old._seen_as(held))


def _merge(work: RegisterOperand, old: Any, place: BitPlace) -> None:
    """Leave in `work` the bits of the field in which it differs from `old`."""
    emit("xor", work, old)
    with encodable(work, place._range.mask) as mask:
        emit("and", work, mask)


def _copy(work: RegisterOperand, source: RegisterOperand) -> None:
    size = source._register.size
    if size < WORD:
        emit("movzx", work._seen_as(U32), source)
    elif size == WORD or work._kind is U32:
        emit("mov", work._seen_as(U32), source._seen_as(U32))
    else:
        emit("mov", work, source)


@contextmanager
def compared_bits(test: BitComparison) -> Iterator[None]:
    """Compare bits where they lie in a copy of their number; inside, the flags tell how."""
    place = test.left
    with temporary(_work_kind(place), place._container) as work:
        _load_number(work, place)
        for mnemonic, constant in (("and", place._range.mask), ("cmp", test.right)):
            with encodable(work, constant) as number:
                emit(mnemonic, work, number)
    yield
