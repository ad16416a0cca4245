"""Whether the operands of an instruction belong together, beyond what the machine wants of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from pykasm.errors import RegisterMistake, TypeMistake, ValueRangeMistake
from pykasm.isa.registers import Register, RegisterKind
from pykasm.isa.shapes import shape_of
from pykasm.isa.statement import Operand as Encodable
from pykasm.isa.statement import Statement, SymbolImmediate
from pykasm.lang.fitting import (
    address_fits,
    described,
    function_fits,
    signature_behind,
    types_fit,
)
from pykasm.lang.links import link_behind, relinked
from pykasm.lang.namedvalues import check_value
from pykasm.lang.numbers import U8, numbers_mix
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.role import Role
from pykasm.lang.structs import is_aggregate
from pykasm.lang.symbolic import AddressOperand
from pykasm.lang.types import Array, Fn, Ptr, TypeMeta, Value, Void, is_pointer, name_of

_NUMBER_WIDTHS = (1, 2, 4, 8)
_ALONE = ("jmp", "call", "push", "pop", "set")
"""Beginnings of mnemonics that read or write a number in memory without another operand."""


def check_roles(plays: Sequence[Any]) -> None:
    """Raise a mistake where two roles of one instruction have the same register."""
    known: dict[int, Role] = {}
    for role in plays:
        if isinstance(role, Role):
            other = known.setdefault(role.register.number, role)
            if other is not role:
                raise _one_register(other, role)


def _one_register(first: Role, second: Role) -> RegisterMistake:
    older, newer = (first, second) if first.start <= second.start else (second, first)
    return RegisterMistake(
        f"`{older.name}` and `{newer.name}` are both in {newer.register.name}",
        expected="operands that have registers of their own",
        got=f"`{older.name}`, whose life ended before that of `{newer.name}` began",
        fix=f"`keep` `{older.name}`, or `release` it later",
    )


def check_aggregate(place: object, statement: Statement) -> None:
    """Raise a mistake where the instruction takes the first bytes of a struct or array `place`."""
    if not isinstance(place, MemoryOperand) or not is_aggregate(place._kind):
        return
    if not _takes_number(statement):
        return
    element = getattr(place._kind, "_element", None)
    name = place._text()
    raise TypeMistake(
        f"`{statement.mnemonic}` takes a number, and `{name}` is none",
        expected="a field, an element, or another place that holds a number",
        got=f"{name}: {place._kind!r}, {place._kind._size} bytes",
        fix=f"`{name}[0]` is the first element" if element else f"`u64({name})` sees its bytes so",
    )


def _takes_number(statement: Statement) -> bool:
    forms = shape_of(statement).forms
    if not forms or forms[0].memory_size not in _NUMBER_WIDTHS:
        return False
    return statement.mnemonic.startswith(_ALONE) or any(map(_is_number, statement.operands))


def _is_number(operand: Encodable) -> bool:
    if isinstance(operand, Register):
        return operand.kind in (RegisterKind.GENERAL, RegisterKind.HIGH_BYTE)
    return isinstance(operand, int | SymbolImmediate)


def _check_move(operands: tuple[Any, ...]) -> None:
    """Pointers keep what they point to, and places with named values get no others."""
    if len(operands) != 2:
        return
    target, source = operands
    if not isinstance(target, RegisterOperand | MemoryOperand):
        return
    if isinstance(source, AddressOperand):
        _check_function(target, source)
        if source.target is not None:
            _check_target(target, source.name, source.target)
    elif isinstance(source, int):
        if target._values is not None:
            check_value(target._values, source, target._text())
    elif isinstance(source, RegisterOperand | MemoryOperand):
        _check_whole(target, source)
        learn_elements(target, source._kind)
        kind, other = target._kind, source._kind
        if kind is not other and is_pointer(kind) and is_pointer(other):
            _check_pointers(target, source, other)
        elif kind is not other:
            _check_kinds(target, source)


def learn_elements(target: Value, source: TypeMeta) -> None:
    """A register for a link of any kind is one for those of the first kind that it gets."""
    if not isinstance(target, RegisterOperand) or target._role is None:
        return
    given, link = link_behind(source), link_behind(target._kind)
    elements = given._elements if given is not None else ""
    if elements and link is not None and not link._elements:
        target._kind = target._role.type = relinked(target._kind, elements)


def _check_function(target: Value, source: AddressOperand) -> None:
    """Pointers to functions only get addresses of functions that are called so."""
    signature = signature_behind(source)
    if signature is not None and not function_fits(target._kind, signature):
        raise TypeMistake(
            f"`{target._text()}` does not point to functions like `{source.name}`",
            expected=f"a {target._kind!r}",
            got=described(signature),
        )


def _check_pointers(target: Value, source: Value, other: TypeMeta) -> None:
    if target._kind._by_user != other._by_user or types_fit(target._kind, other):
        return  # where a program's pointers go is the checker's affair
    raise TypeMistake(
        f"`{target._text()}` does not point to what `{source._text()}` points to",
        expected=f"a {target._kind!r}",
        got=f"{source._text()}: {other!r}",
        fix=f"`cast({source._text()}, {target._kind!r})` if it is one",
    )


def _check_sum(operands: tuple[Any, ...]) -> None:
    """Numbers of different kinds have no sum, and no difference."""
    target, source = operands if len(operands) == 2 else (None, None)
    if isinstance(target, Value) and isinstance(source, Value):
        _check_kinds(target, source)


def _check_kinds(target: Value, source: Value) -> None:
    if not numbers_mix(target._kind, source._kind):
        raise TypeMistake(
            f"`{target._text()}` and `{source._text()}` are numbers of different kinds",
            expected=f"two of one kind, such as {target._kind!r}",
            got=f"{target._text()}: {target._kind!r} and {source._text()}: {source._kind!r}",
            fix="convert one of them, by a function that is named for it",
        )


def _check_address(operands: tuple[Any, ...]) -> None:
    """The address that `lea` computes is one of what the target points to."""
    target, source = operands if len(operands) == 2 else (None, None)
    if not isinstance(target, RegisterOperand):
        return
    if hasattr(source, "_signature"):
        _check_code(target, source)
    if not isinstance(source, MemoryOperand):
        return
    _check_whole(target, source._base)
    learn_elements(target, source._kind)
    is_datum = source._reference is not None and source._base is None and source._index is None
    if source._name or is_datum:  # others are arithmetic, of whatever it is
        _check_target(target, source._text(), source._kind)
    _check_width(target, source)


def _check_width(target: RegisterOperand, source: MemoryOperand) -> None:
    """The address of a place goes into a register that holds all of it."""
    base = source._memo.base if source._memo is not None else None
    is_place = bool(source._name) or source._reference is not None
    if is_place and base is not None and base.size > target._register.size:
        raise TypeMistake(
            f"`{target._text()}` gets a part of the address of `{source._text()}`",
            expected=f"a register of {8 * base.size} bits",
            got=f"{target._register.name}, of {8 * target._register.size} bits",
            fix="take all of the register; `u32[…]` is a number that `lea` computes",
        )


def _check_code(target: RegisterOperand, source: Any) -> None:
    """A pointer gets the address of a function only if it is one to functions that are called so,
    or to nothing that is known."""
    kind = target._kind
    is_other = is_pointer(kind) and not issubclass(kind, Fn) and kind is not Ptr[Void]
    if is_other or not function_fits(kind, source._signature):
        raise TypeMistake(
            f"`{target._text()}` does not point to functions like `{source._label}`",
            expected=f"a {kind!r}",
            got=described(source._signature),
        )


def _check_target(target: Value, name: str, place: TypeMeta) -> None:
    """The address of a `place` only goes into what points to one, or into a number; memory that is
    declared as bytes is for anything."""
    is_raw = getattr(place, "_element", place) is U8 and issubclass(place, Array)
    if is_pointer(target._kind) and not is_raw and not address_fits(target._kind, place):
        wanted = getattr(target._kind, "_target", target._kind)
        raise TypeMistake(
            f"`{target._text()}` does not point to what `{name}` is",
            expected=f"what a {target._kind!r} points to",
            got=f"{name}: {place!r}",
            fix=f"`cast({name}, {name_of(wanted)})` if one lies there",
        )


def _check_whole(target: Value, source: Value | None) -> None:
    """Addresses keep all of their bits."""
    cut = _pointer_role(target)
    if cut is not None and target._kind._size < cut.type._size and _pointer_role(source):
        raise TypeMistake(
            f"`{cut.name}` gets a part of an address",
            expected=f"all {8 * cut.type._size} bits of it",
            got=f"{cut.register.name}, of which {8 * target._kind._size} bits are written",
            fix=f"write to `u64({cut.name})`",
        )


def _pointer_role(operand: object) -> Role | None:
    """The role of the register `operand`, if that is for a pointer."""
    role = operand._role if isinstance(operand, RegisterOperand) else None
    return role if role is not None and is_pointer(role.type) else None


def _check_shift(operands: tuple[Any, ...]) -> None:
    """A shift leaves something of what it shifts: the machine takes the count modulo the width."""
    target, count = operands[0], operands[-1]
    if isinstance(target, RegisterOperand | MemoryOperand) and isinstance(count, int):
        width = 8 * target._kind._size
        if count >= width:
            raise ValueRangeMistake(
                f"`{target._text()}` is shifted by {count}, and has {width} bits",
                expected=f"0 to {width - 1}",
                got=str(int(count)),
                fix=f"shift all of it: `u64({target._text()})`" if count < 64 else "",
            )


def _check_bit(operands: tuple[Any, ...]) -> None:
    """The bit of a register that is tested is one of it: the machine takes its number modulo the
    width."""
    target, bit = operands if len(operands) == 2 else (None, None)
    width = 8 * target._kind._size if isinstance(target, RegisterOperand) else 0
    if isinstance(target, RegisterOperand) and isinstance(bit, int) and bit >= width:
        raise ValueRangeMistake(
            f"`{target._text()}` has no bit {int(bit)}",
            expected=f"0 to {width - 1}",
            got=str(int(bit)),
        )


def _check_mask(operands: tuple[Any, ...]) -> None:
    """Named bits are masked with bits of the same set."""
    target, mask = operands if len(operands) == 2 else (None, None)
    if isinstance(target, RegisterOperand | MemoryOperand) and isinstance(mask, int):
        values = target._values
        if values is not None and isinstance(mask, Enum) and not isinstance(mask, values):
            check_value(values, mask, target._text())


CONDITIONS = (
    "b",
    "be",
    "a",
    "ae",
    "e",
    "ne",
    "l",
    "le",
    "g",
    "ge",
    "s",
    "ns",
    "z",
    "nz",
    "c",
    "nc",
)
"""Ends of mnemonics that move under a condition."""

CHECKS: Mapping[str, Callable[[tuple[Any, ...]], None]] = {
    "mov": _check_move,
    "xchg": _check_move,
    "lea": _check_address,
    "cmp": _check_move,
    **dict.fromkeys(("add", "adc", "sub", "sbb", "xadd"), _check_sum),
    **{f"cmov{one}": _check_move for one in CONDITIONS},
    "and": _check_mask,
    "or": _check_mask,
    "xor": _check_mask,
    "test": _check_mask,
    **dict.fromkeys(("shl", "shr", "sar", "sal", "rol", "ror", "shld", "shrd"), _check_shift),
    **dict.fromkeys(("bt", "bts", "btr", "btc"), _check_bit),
}
"""What is looked at, by mnemonic."""
