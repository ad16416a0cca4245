"""Operands: typed registers and places in memory."""

from __future__ import annotations

from enum import Enum
from types import MethodType
from typing import Any, NamedTuple
from typing import cast as typing_cast

from pykasm.errors import OperandFormMistake, TypeMistake
from pykasm.isa.code import Label
from pykasm.isa.registers import REGISTERS, WORD, Register, RegisterKind, general
from pykasm.isa.statement import Address
from pykasm.lang.bitfields import BitPlace, named_bits
from pykasm.lang.condition import Condition
from pykasm.lang.expression import Expression, no_address
from pykasm.lang.field import Field
from pykasm.lang.numbers import I32, U64
from pykasm.lang.operand import Operand, described
from pykasm.lang.reference import SymbolReference
from pykasm.lang.role import Role
from pykasm.lang.structs import StructMeta, is_aggregate, is_struct, operand_size
from pykasm.lang.types import Array, Ptr, TypeMeta, Value, is_pointer

SCALES = (1, 2, 4, 8)
"""The factors that an address can multiply its index by (AMD64 APM vol. 1, 2.2.3)."""


class Within(NamedTuple):
    """Where a place lies: in `field` of a struct. `guarded` are the fields that name a lock, or who
    writes them, among this one and those around it."""

    field: Field
    guarded: tuple[Field, ...]


def _target(kind: TypeMeta) -> TypeMeta | None:
    return getattr(kind, "_target", None)


def no_elements(name: str, kind: TypeMeta) -> TypeMistake:
    """The mistake of looking for elements where what is pointed to has no size."""
    return TypeMistake(
        f"`{name}` has no elements: nothing says how large they are",
        expected="a pointer to a type that has a size",
        got=f"{name}: {kind!r}",
        fix=f"`cast({name}, Ptr[U8])` for bytes",
    )


class RegisterOperand(Operand):
    """A machine register seen as a type, with the role it plays if code gave it one."""

    __slots__ = ("_register", "_role")

    def __init__(
        self,
        register: Register,
        kind: TypeMeta,
        role: Role | None = None,
        values: type[Enum] | None = None,
    ) -> None:
        self._register = register
        self._kind = kind
        self._role = role
        self._values = values

    def __repr__(self) -> str:
        return self._text()

    def _text(self) -> str:
        return self._role.name if self._role else self._register.name

    def _touch(self) -> None:
        if self._role is not None:
            self._role.used = True

    def _is_same(self, other: Value) -> bool:
        return isinstance(other, RegisterOperand) and other._register is self._register

    @property
    def _declared(self) -> TypeMeta:
        return self._kind if self._role is None else self._role.type

    def _seen_as(self, kind: TypeMeta) -> RegisterOperand:
        register = self._register
        if kind._host is not None:
            raise TypeMistake(
                f"registers hold numbers in the machine's order of bytes, and `{self._text()}` too",
                expected="a place in memory",
                got=f"{self._text()} as a {kind!r}",
                fix="`bswap` it, or `rol` 16 bits by 8",
            )
        if kind._size != register.size:
            register = general(register.number, kind._size)
        return RegisterOperand(register, kind, self._role)

    def _member(self, name: str) -> Any:
        target: TypeMeta | None = _target(self._kind)
        if target is None or not is_struct(target):
            return super()._member(name)
        return self._pointed(self._text())._member(name)

    def _private(self, name: str) -> Any:
        target = _target(self._kind)
        if isinstance(target, StructMeta) and name in target._fields:
            return self._pointed(self._text())._member(name)
        return super()._private(name)

    def _pointed(self, name: str = "") -> MemoryOperand:
        """The memory that this pointer points to, called `name`."""
        self._touch()
        target = _target(self._kind)
        if target is None:
            return typing_cast(MemoryOperand, super()._element_at(0))
        return MemoryOperand(target, base=self, name=name or f"[{self._text()}]")

    def _element_at(self, index: object) -> MemoryOperand:
        if not issubclass(self._kind, Ptr):
            return typing_cast(MemoryOperand, super()._element_at(index))
        if self._kind._target._size == 0:
            raise no_elements(self._text(), self._kind)
        return self._pointed()._indexed(self._kind._target, index, self._text())

    def _as_expression(self) -> Expression:
        if issubclass(self._kind, Ptr):
            raise self._bare_displacement(self._kind._target)
        return Expression(base=self)

    def _bare_displacement(self, target: Any) -> TypeMistake:
        name = self._text()
        example = f"`{name}[1]`"
        if is_struct(target):
            example = " or ".join(f"`{name}.{one}`" for one in list(target._fields)[:3])
        return TypeMistake(
            f"a bare displacement on the typed pointer `{name}`",
            expected="a field or an element: " + example,
            got=f"arithmetic on {name}: {self._kind!r}",
            fix=f"name what you mean, or `u64({name})` if it is really a number",
        )

    def _scaled(self, scale: int) -> Expression:
        if not isinstance(scale, int) or scale not in SCALES:
            raise OperandFormMistake(
                f"an index can't be multiplied by {described(scale)}",
                expected="1, 2, 4 or 8",
                got=described(scale),
                fix="multiply with `imul` or `lea` first",
            )
        return Expression(index=self, scale=scale)

    def _as_index(self) -> RegisterOperand:
        """All 64 bits: a U32 role has its upper half clear, others need an extension."""
        register, kind = self._register, self._kind
        if is_pointer(kind):
            raise self._no_index("is an address, not a number", f"`u64({self._text()})` if it is")
        if register.size == U64._size or register.kind is not RegisterKind.GENERAL:
            return self
        if register.size == WORD and not kind._signed:
            if self._role is not None and self._role.register.size == WORD:
                return self._seen_as(U64)
            raise self._no_index("is a part of a register that may hold more", self._clearing)
        extend = "movsxd" if kind is I32 else "movsx" if kind._signed else "movzx"
        raise self._no_index(
            "is too narrow to index with", f"`{extend}` it into a wider register first"
        )

    def _no_index(self, why: str, fix: str) -> OperandFormMistake:
        return OperandFormMistake(
            f"`{self._text()}` {why}",
            expected="a register of 64 bits, or a U32 (its upper half is clear)",
            got=f"{self._text()}: {self._kind!r}",
            fix=fix,
        )

    @property
    def _clearing(self) -> str:
        """How to index with 32 bits of a register that has more."""
        low, whole = self._register, general(self._register.number, U64._size)
        if self._role is not None:
            return f"`scratch(u32({self._text()}))` is an index"
        return f"`mov({low}, {low})` clears it; index with {whole} then"


class MemoryOperand(Operand):
    """A typed place in memory: `segment:[base + index*scale + displacement + symbol]`."""

    __slots__ = (
        "_base",
        "_count",
        "_displacement",
        "_index",
        "_memo",
        "_name",
        "_reference",
        "_scale",
        "_segment",
        "_within",
    )

    def __init__(
        self,
        kind: TypeMeta,
        *,
        segment: Register | None = None,
        base: RegisterOperand | None = None,
        index: RegisterOperand | None = None,
        scale: int = 1,
        displacement: int = 0,
        reference: SymbolReference | None = None,
        name: str = "",
        values: type[Enum] | None = None,
    ) -> None:
        self._kind = kind
        self._values = values
        self._segment = segment
        self._base = base
        self._index = index
        self._scale = scale
        self._displacement = displacement
        self._reference = reference
        self._name = name
        self._within: Within | None = None
        self._count: int | None = None
        """How many elements there are, of which `_index` chooses one; None if nobody knows."""
        self._memo: Address | None = None

    def __repr__(self) -> str:
        return self._text()

    def _text(self) -> str:
        return self._name or self._spelled()

    def _spelled(self) -> str:
        """The address as arithmetic, for operands that no field names."""
        parts = [one._register.name for one in (self._base,) if one is not None]
        if self._index is not None:
            scale = f"*{self._scale}" if self._scale != 1 else ""
            parts.append(self._index._register.name + scale)
        if self._reference is not None:
            target = self._reference._target()
            parts.append(target.name if isinstance(target, Label) else target)
        text = " + ".join(parts)
        if self._displacement or not parts:
            sign = "-" if self._displacement < 0 else "+" if parts else ""
            text = f"{text} {sign} {abs(self._displacement):#x}".strip()
        return f"{self._segment.name + ':' if self._segment else ''}[{text}]"

    @property
    def _has_parts(self) -> bool:
        return is_aggregate(self._kind)

    def _compared(self, operator: str, right: object) -> Condition:
        if isinstance(right, MemoryOperand):
            raise OperandFormMistake(
                f"`{self._text()}` and `{right._text()}` are both in memory",
                expected="at least one register or number",
                got="two memory operands",
                fix="load one of them into a register first",
            )
        return super()._compared(operator, right)

    def _touch(self) -> None:
        for one in (self._base, self._index):
            if one is not None:
                one._touch()

    def _copy(self, kind: TypeMeta) -> MemoryOperand:
        """The same place, seen as `kind`; the caller may still change the copy."""
        made = MemoryOperand.__new__(MemoryOperand)
        made._kind = kind
        made._values = None
        made._segment = self._segment
        made._base = self._base
        made._index = self._index
        made._scale = self._scale
        made._displacement = self._displacement
        made._reference = self._reference
        made._name = self._name
        made._within = self._within
        made._count = self._count
        made._memo = None
        return made

    @property
    def _declared(self) -> TypeMeta:
        return self._kind if self._within is None else self._within.field.type

    def _seen_as(self, kind: TypeMeta) -> MemoryOperand:
        return self._copy(kind)

    def _moved(self, kind: TypeMeta, distance: int, name: str) -> MemoryOperand:
        """The place of type `kind`, `distance` bytes further on."""
        made = self._copy(kind)
        made._name = name
        if self._reference is not None:
            made._reference = self._reference._plus(distance)
        else:
            made._displacement += distance
        return made

    def _at(self, reference: SymbolReference) -> MemoryOperand:
        """What lies at `reference` instead."""
        made = self._copy(self._kind)
        made._reference = reference
        return made

    def _private(self, name: str) -> Any:
        if isinstance(self._kind, StructMeta):
            if name in self._kind._methods:
                return MethodType(self._kind._methods[name], self)
            if name in self._kind._fields:
                return self._field(self._kind._fields[name])
        return super()._private(name)

    def _member(self, name: str) -> Any:
        if not is_struct(self._kind):
            field = self._within.field if self._within is not None else None
            if field is not None and field.bits and field.type is self._kind:
                return BitPlace(self, named_bits(field, name))
            target: Any = _target(self._kind)
            if target is not None and is_struct(target):
                if name not in target._methods:
                    target._field(name)
                raise self._not_loaded(f".{name}")
            return super()._member(name)
        struct = typing_cast(StructMeta, self._kind)
        if name in struct._methods and name not in struct._fields:
            return MethodType(struct._methods[name], self)
        return self._field(struct._field(name))

    def _not_loaded(self, part: str) -> OperandFormMistake:
        """The mistake of going to a `part` of what this pointer in memory points to."""
        text = self._text()
        last = text.rpartition(".")[2]
        name = last if last.isidentifier() else "pointer"
        return OperandFormMistake(
            f"`{text}` is a pointer in memory, and no address goes through memory",
            expected="a pointer in a register",
            got=f"{text}: {self._kind!r}",
            fix=f"load it first: `{name} = scratch({text})`, then `{name}{part}`",
        )

    def _field(self, found: Field) -> MemoryOperand:
        made = self._moved(found.type, found.offset, f"{self._text()}.{found.name}")
        made._values = found.values
        around = self._within.guarded if self._within is not None else ()
        is_guarded = found.guard or found.writers
        made._within = Within(found, (*around, found) if is_guarded else around)
        return made

    def _element_at(self, index: object) -> MemoryOperand:
        if not issubclass(self._kind, Array):
            if issubclass(self._kind, Ptr):
                raise self._not_loaded(f"[{described(index)}]")
            return typing_cast(MemoryOperand, super()._element_at(index))
        self._check_bounds(self._kind._count, index)
        made = self._indexed(self._kind._element, index, self._text())
        if made._index is not self._index:
            made._count = self._kind._count
        return made

    def _check_bounds(self, count: int | None, index: object) -> None:
        if not isinstance(index, int):
            return
        if index < 0 or (count is not None and index >= count):
            most = "or more" if count is None else f"to {count - 1}"
            raise TypeMistake(
                f"`{self._text()}` has no element {index}",
                expected="no index" if count == 0 else f"0 {most}",
                got=str(index),
                fix="`Array[T]` without a count stands for all behind the struct"
                if count == 0
                else "",
            )

    def _indexed(self, element: TypeMeta, index: object, name: str) -> MemoryOperand:
        """The element at `index` of those that begin here; `name` is what they are called."""
        if isinstance(index, int):
            return self._moved(element, index * element._size, f"{name}[{index}]")
        if not isinstance(index, RegisterOperand):
            raise OperandFormMistake(
                f"`{described(index)}` can't index `{name}`",
                expected="a number or a register",
                got="memory" if isinstance(index, MemoryOperand) else repr(index),
                fix="load it into a register first",
            )
        if element._size not in SCALES:
            raise OperandFormMistake(
                f"elements of `{name}` have {element._size} bytes, which no address can scale by",
                expected="elements of 1, 2, 4 or 8 bytes",
                got=repr(element),
                fix=f"`point_at(pointer, {name}, {index._text()})` computes the address",
            )
        if self._index is not None:
            raise OperandFormMistake(
                f"`{name}` is indexed twice",
                expected="one index in an address",
                got=f"{self._index._text()} and {index._text()}",
                fix="take the address of the first element with `lea`",
            )
        index._touch()
        made = self._copy(element)
        made._index = index._as_index()
        made._scale = element._size
        made._name = f"{name}[{index._text()}]"
        return made

    def _address(self, bits: int) -> Address:
        """The operand as the encoder takes it, in code of `bits`."""
        if self._memo is None:
            self._memo = self._made_address(bits)
        return self._memo

    def _as_expression(self) -> Expression:
        if is_pointer(self._kind):
            raise no_address(self._text())
        return Expression(
            self._base,
            self._index,
            self._scale,
            self._displacement,
            self._reference,
            self._segment,
        )

    def _made_address(self, bits: int) -> Address:
        base = self._base._register if self._base is not None else None
        index = self._index._register if self._index is not None else None
        symbolic = self._reference is not None
        if symbolic and base is None and index is None and self._segment is None and bits == 64:
            base = REGISTERS["rip"]
        parts = (
            operand_size(self._kind),
            self._segment,
            base,
            index,
            self._scale,
            self._displacement,
            symbolic,
        )
        return tuple.__new__(Address, parts)


class SegmentOperand(RegisterOperand):
    """A segment register: an operand of `mov`, and a prefix: `gs[u32[0x28]]`."""

    __slots__ = ()

    def _element_at(self, index: object) -> MemoryOperand:
        if not isinstance(index, MemoryOperand):
            raise OperandFormMistake(
                f"`{self._register.name}[…]` takes a memory operand",
                expected=f"`{self._register.name}[u64[0x28]]`",
                got=described(index),
            )
        made = index._copy(index._kind)
        made._segment = self._register
        return made
