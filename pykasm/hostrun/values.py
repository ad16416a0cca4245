"""Python values as the bytes of the language's types, and back."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, Flag
from functools import partial
from typing import Any
from typing import cast as typing_cast

from pykasm.errors import TypeMistake, ValueRangeMistake
from pykasm.hostrun.memory import Memory
from pykasm.hostrun.views import Bits, Elements, Pointer
from pykasm.lang.convention import SLOT
from pykasm.lang.data import Packer, symbol_reference
from pykasm.lang.links import unlinked
from pykasm.lang.numbers import Bool, byte_order, numbers_of
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.reference import SymbolReference
from pykasm.lang.structs import Struct, StructMeta, is_struct
from pykasm.lang.types import Array, Fn, TypeMeta, Void, is_pointer, pointer_to


class Values:
    """Reads and writes typed values in `memory`.

    `resolve` gives the address of a symbol, `place_text` puts bytes into memory, `answer` gives
    the address of a slot where a Python function answers for a function pointer.
    """

    def __init__(
        self,
        memory: Memory,
        resolve: Callable[[SymbolReference], int],
        place_text: Callable[[bytes], int],
        answer: Callable[[TypeMeta, Callable[..., object]], int],
    ) -> None:
        self.memory = memory
        self.resolve = resolve
        self.place_text = place_text
        self.answer = answer

    def read(self, kind: TypeMeta, address: int, values: type[Enum] | None = None) -> Any:
        """The value of type `kind` at `address`; structs and arrays stay where they are."""
        if is_struct(kind):
            return Pointer(self, address, pointer_to(kind))
        if _is_array(kind):
            array: Any = kind
            if array._count is None:
                return Pointer(self, address, pointer_to(array._element))
            return Elements(self, address, array._element, array._count)
        return self.decode(kind, self.memory.read(address, kind._size), values)

    def view(self, kind: TypeMeta, address: int) -> Any:
        """What is at `address` as a thing to look into: the elements of an array, or a pointer."""
        if _is_array(kind):
            return self.read(kind, address)
        return Pointer(self, address, pointer_to(kind))

    def decode(self, kind: TypeMeta, raw: bytes, values: type[Enum] | None = None) -> Any:
        """`raw` as a Python value: an int, a pointer, or one of `values`."""
        number = int.from_bytes(raw[: kind._size], byte_order(kind), signed=kind._signed)
        if is_pointer(kind):
            return Pointer(self, number, kind)
        if kind is Bool:
            return bool(number)
        return _named(number, values) if values else number

    def write(self, kind: TypeMeta, address: int, value: object) -> None:
        """Put `value` as a `kind` at `address`."""
        self.memory.write(address, self.encode(kind, value))

    def encode(self, kind: TypeMeta, value: object) -> bytes:
        """`value` as the bytes of a `kind`."""
        packer = Packer(self._text, strict=False)
        packer.pack(kind, self.plain(kind, value))
        for one in packer.references:
            assert isinstance(one.target, str)
            number = self.resolve(SymbolReference(partial(str, one.target), one.addend))
            packer.bytes[one.offset : one.offset + one.size] = number.to_bytes(one.size, "little")
        return bytes(packer.bytes)

    def text(self, address: int) -> str:
        """The characters at `address`, up to a zero byte."""
        raw = bytearray()
        while byte := self.memory.read(address + len(raw), 1)[0]:
            raw.append(byte)
        return raw.decode()

    def _text(self, value: str) -> SymbolReference:
        return SymbolReference(lambda: "", self.place_text(value.encode() + b"\0"))

    def plain(self, kind: TypeMeta, value: object) -> Any:
        """`value` with what only host runs know (pointers, Python functions) as numbers."""
        if is_struct(kind):
            return self._plain_struct(typing_cast(StructMeta, kind), value)
        if _is_array(kind):
            return self._plain_array(kind, value)
        if is_pointer(kind):
            return self._plain_pointer(kind, value)
        return int(value) if isinstance(value, Pointer | Elements | Bits) else value

    def _plain_array(self, kind: Any, value: object) -> Any:
        if isinstance(value, list | tuple | Elements):
            return [self.plain(kind._element, one) for one in value]
        return value

    def _plain_struct(self, kind: StructMeta, value: object) -> Any:
        if isinstance(value, Pointer) and value._target is kind:
            value = {name: getattr(value, name) for name in kind._fields}
        given = value._given if type(value) is kind and isinstance(value, Struct) else value
        if not isinstance(given, dict):
            return value
        return {name: self.plain(kind._field(name).type, one) for name, one in given.items()}

    def _plain_pointer(self, kind: TypeMeta, value: object) -> Any:
        if value is None:
            return 0
        if isinstance(value, Pointer | Elements):
            check_pointer(kind, value)
            return int(value)
        if isinstance(value, bytes | bytearray):
            return self.place_text(bytes(value))
        if isinstance(value, MemoryOperand) or hasattr(value, "_symbol_reference"):
            self.resolve(symbol_reference(value, "a pointer")[0])  # refuses what is not loaded
            return value
        if issubclass(kind, Fn) and callable(value):
            return self.answer(kind, value)
        return value


def _is_array(kind: TypeMeta) -> bool:
    return issubclass(kind, Array)


def _named(number: int, values: type[Enum]) -> Any:
    if issubclass(values, Flag):
        return values(number)
    return next((one for one in values if one.value == number), number)


def check_pointer(kind: TypeMeta, value: Pointer | Elements) -> None:
    """Raise a mistake unless `value` points to what a `kind` points to."""
    wanted, given = getattr(kind, "_target", kind), value._target
    is_known = wanted in (given, unlinked(given)) or given is unlinked(wanted)
    if is_known or Void in (wanted, given):
        return
    raise TypeMistake(
        f"a pointer to a {given!r} where a {kind!r} is expected",
        expected=repr(kind),
        got=repr(value),
        fix=f"`host.at({wanted!r}, address)` if there is one",
    )


def register_value(values: Values, name: str, kind: TypeMeta, value: object) -> int:
    """`value` for the parameter `name` of type `kind`, as a caller leaves it in a register.

    Callers extend what is narrower than 32 bits, and clear the upper half of what is not wider.
    """
    number = values.plain(kind, value)
    if not isinstance(number, int):
        number = int.from_bytes(values.encode(kind, number), "little")
    numbers, number = numbers_of(kind), int(number)
    if number not in numbers:
        raise ValueRangeMistake(
            f"`{name}` does not take {number:#x}",
            expected=f"{name}: {kind!r}, from {numbers[0]:#x} to {numbers[-1]:#x}",
            got=f"{number:#x}",
        )
    return number % (1 << (64 if kind._size == SLOT else 32))
