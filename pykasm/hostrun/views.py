"""Typed views of memory: pointers, whose attributes are fields, and arrays.

Names of members that are not part of what tests read begin with an underscore, because attribute
access on a view means a field.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Protocol

from pykasm.errors import TypeMistake
from pykasm.hostrun.memory import Memory
from pykasm.lang.bitfields import named_bits, packed_bits
from pykasm.lang.field import Field
from pykasm.lang.numbers import U8
from pykasm.lang.structs import StructMeta
from pykasm.lang.types import Fn, TypeMeta


class TypedMemory(Protocol):
    """What a view needs of `Values`."""

    memory: Memory

    def read(self, kind: TypeMeta, address: int, values: type[Enum] | None = None) -> Any:
        """The value of type `kind` at `address`, an enumeration's where `values` is one."""

    def write(self, kind: TypeMeta, address: int, value: object) -> None:
        """Put `value` as a `kind` at `address`."""


class Pointer:
    """An address with the type of what is there.

    Fields of a struct are attributes that can be read and assigned, elements are indexed and
    sliced (`pointer[0]` is what it points to), `int(pointer)` is the address, a null pointer is
    false, and pointers compare by address, also with numbers.
    """

    __slots__ = ("_address", "_kind", "_values")

    _address: int
    _kind: TypeMeta
    _values: TypedMemory

    def __init__(self, values: TypedMemory, address: int, kind: TypeMeta) -> None:
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_address", address)
        object.__setattr__(self, "_kind", kind)

    @property
    def _target(self) -> TypeMeta:
        return getattr(self._kind, "_target", self._kind)

    def _field(self, name: str) -> Field:
        target = self._target
        if not isinstance(target, StructMeta):
            raise TypeMistake(
                f"a {self._kind!r} has no fields",
                expected="a pointer to a struct, or an index: `pointer[0]`",
                got=f"`.{name}`",
            )
        found = target._field(name)
        if not self._address:
            raise TypeMistake(
                f"`{name}` of a null pointer",
                expected=f"the address of a {target!r}",
                got="0",
            )
        return found

    def _has_field(self, name: str) -> bool:
        target = self._target
        return isinstance(target, StructMeta) and name in target._fields

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") and (name in self.__slots__ or not self._has_field(name)):
            raise AttributeError(name)
        found = self._field(name)
        if found.bits:
            return Bits(self, found)
        return self._values.read(found.type, self._address + found.offset, found.values)

    def __setattr__(self, name: str, value: object) -> None:
        found = self._field(name)
        if found.bits and isinstance(value, dict):
            value = packed_bits(found, value)
        self._values.write(found.type, self._address + found.offset, value)

    def __getitem__(self, index: int | slice) -> Any:
        return _read(self._values, self._address, self._target, index)

    def __setitem__(self, index: int | slice, value: Any) -> None:
        _write(self._values, self._address, self._target, index, value)

    def __int__(self) -> int:
        return self._address

    __index__ = __int__

    def __bool__(self) -> bool:
        return self._address != 0

    def __eq__(self, other: object) -> bool:
        return _address_of(other) == self._address

    def __lt__(self, other: object) -> bool:
        return self._address < _ordered(other)

    def __le__(self, other: object) -> bool:
        return self._address <= _ordered(other)

    def __gt__(self, other: object) -> bool:
        return self._address > _ordered(other)

    def __ge__(self, other: object) -> bool:
        return self._address >= _ordered(other)

    def __hash__(self) -> int:
        return hash(self._address)

    def __repr__(self) -> str:
        return f"{self._kind!r} {self._address:#x}{self._contents()}"

    def _contents(self) -> str:
        target = self._target
        if not isinstance(target, StructMeta) or not self._is_mapped(target):
            return ""
        fields = [f"{name}={_short(getattr(self, name))}" for name in target._fields]
        return f" ({', '.join(fields)})"

    def _is_mapped(self, target: StructMeta) -> bool:
        region = self._values.memory.find(self._address)
        return region is not None and self._address + target._size <= region.end


class Bits:
    """A number in memory whose bits have names: these are attributes that can be read and assigned,
    and it compares as the number that it is."""

    __slots__ = ("_of", "_parts")

    _of: Pointer
    _parts: Field

    def __init__(self, of: Pointer, parts: Field) -> None:
        object.__setattr__(self, "_of", of)
        object.__setattr__(self, "_parts", parts)

    def __int__(self) -> int:
        of, parts = self._of, self._parts
        number: int = of._values.read(parts.type, of._address + parts.offset)
        return number

    __index__ = __int__

    def __getattr__(self, name: str) -> int:
        if name.startswith("_"):
            raise AttributeError(name)
        found = named_bits(self._parts, name)
        return (int(self) & found.mask) >> found.shift

    def __setattr__(self, name: str, value: int) -> None:
        found = named_bits(self._parts, name)
        number = int(self) & ~found.mask | found.placed(value, f"{self._parts}.{name}")
        setattr(self._of, self._parts.name, number)

    def __eq__(self, other: object) -> bool:
        return int(self) == other

    def __hash__(self) -> int:
        return hash(int(self))

    def __repr__(self) -> str:
        known = [one.name for one in self._parts.bits if not one.name.startswith("_")]
        return f"({', '.join(f'{name}={getattr(self, name):#x}' for name in known)})"


class Elements:
    """An array in memory: indexed, sliced, assigned and compared like a list.

    Slices of bytes are `bytes`, all others are lists. `int(elements)` is the address.
    """

    __slots__ = ("_address", "_count", "_target", "_values")

    def __init__(self, values: TypedMemory, address: int, target: TypeMeta, count: int) -> None:
        self._values = values
        self._address = address
        self._target = target
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int | slice) -> Any:
        return _read(self._values, self._address, self._target, self._checked(index))

    def __setitem__(self, index: int | slice, value: Any) -> None:
        _write(self._values, self._address, self._target, self._checked(index), value)

    def _checked(self, index: int | slice) -> int | slice:
        if isinstance(index, slice):
            return slice(*index.indices(self._count))
        number = index + self._count if index < 0 else index
        if not 0 <= number < self._count:
            raise IndexError(f"{index} of {self._count} elements")
        return number

    def __iter__(self) -> Iterator[Any]:
        return iter([self[number] for number in range(self._count)])

    def __int__(self) -> int:
        return self._address

    __index__ = __int__

    def __bytes__(self) -> bytes:
        return self._values.memory.read(self._address, self._count * self._target._size)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, bytes | bytearray):
            return bytes(self) == other
        if isinstance(other, list | tuple | Elements):
            return list(self) == list(other)
        return _address_of(other) == self._address

    __hash__ = None  # type: ignore[assignment] # equal by contents, which may change

    def __repr__(self) -> str:
        return repr(self[:])


def _read(values: TypedMemory, address: int, element: TypeMeta, index: int | slice) -> Any:
    if not isinstance(index, slice):
        return values.read(element, address + index * element._size)
    numbers = _range(index)
    if element is U8 and numbers.step == 1:
        return values.memory.read(address + numbers.start, len(numbers))
    return [values.read(element, address + number * element._size) for number in numbers]


def _write(
    values: TypedMemory, address: int, element: TypeMeta, index: int | slice, value: Any
) -> None:
    if not isinstance(index, slice):
        values.write(element, address + index * element._size, value)
        return
    numbers, given = _range(index), list(value)
    if len(numbers) != len(given):
        raise ValueError(f"{len(given)} values for {len(numbers)} elements")
    for number, one in zip(numbers, given, strict=True):
        values.write(element, address + number * element._size, one)


def _range(index: slice) -> range:
    if index.stop is None:
        raise TypeMistake(
            "a slice of a pointer needs an end", expected="`pointer[0:count]`", got="no end"
        )
    return range(index.start or 0, index.stop, index.step or 1)


def _address_of(other: object) -> int | None:
    return int(other) if isinstance(other, int | Pointer | Elements) else None


def _ordered(other: object) -> int:
    address = _address_of(other)
    if address is None:
        raise TypeError(f"{other!r} has no address to compare with")
    return address


def _short(value: object) -> str:
    if isinstance(value, Pointer):
        target = value._kind if issubclass(value._kind, Fn) else value._target
        return f"{target!r}@{value._address:#x}"
    if isinstance(value, Elements):
        return f"[{len(value)} elements]"
    return repr(value)
