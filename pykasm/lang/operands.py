"""Operands: typed registers and memory, and the arithmetic that makes addresses of them.

Names of this module's classes that are not part of the language begin with an underscore, because
attribute access on an operand means a field of what it points to.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from types import MethodType
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar
from typing import cast as typing_cast

from pykasm.errors import ConditionMistake, OperandFormMistake, TypeMistake
from pykasm.isa.code import Label
from pykasm.isa.registers import REGISTERS, Register, RegisterKind, general
from pykasm.isa.statement import Address
from pykasm.lang import types
from pykasm.lang.types import (
    I32,
    U64,
    Array,
    Field,
    Ptr,
    StructMeta,
    TypeMeta,
    Void,
    is_pointer,
    is_struct,
    operand_size,
)
from pykasm.source import Moment

T = TypeVar("T")

SCALES = (1, 2, 4, 8)
"""The factors that an address can multiply its index by (AMD64 APM vol. 1, 2.2.3)."""


class Role:
    """What a register is used for: the name that code gave it, and whether anything read it.

    `kind` is parameter, keep, scratch or result. The name is that of the variable the role was
    first assigned to, found in the source when somebody asks. `start` and `end` are the indexes of
    the items of code between which the role lives there (`end` None: up to the piece's end).
    """

    __slots__ = ("_name", "end", "kind", "moment", "register", "start", "type", "used")

    def __init__(
        self,
        kind: str,
        register: Register,
        type: TypeMeta,
        name: str = "",
        moment: Moment | None = None,
    ) -> None:
        self.kind = kind
        self.register = register
        self.type = type
        self.start = 0
        self.end: int | None = None
        self.moment = moment
        self.used = False
        self._name = name

    @property
    def name(self) -> str:
        """The variable's name; the register's where the source has none."""
        if not self._name:
            found = self.moment.assigned_name if self.moment else None
            self._name = found or self.register.name
        return self._name


class SymbolReference(NamedTuple):
    """The address of something that has a symbol, plus `addend` bytes.

    `symbol` gives the name; it is asked when code is emitted, after naming.
    """

    symbol: Callable[[], str] | Label
    addend: int = 0

    def _target(self) -> str | Label:
        return self.symbol if isinstance(self.symbol, Label) else self.symbol()

    def _plus(self, distance: int) -> SymbolReference:
        return SymbolReference(self.symbol, self.addend + distance)


class Within(NamedTuple):
    """Where a place lies: in `field` of a struct. `guarded` are the fields that name a lock among
    this one and those around it."""

    field: Field
    guarded: tuple[Field, ...]


class Operand:
    """A typed value in a register or in memory."""

    __slots__ = ("_kind", "_values")

    _kind: TypeMeta
    _values: type[Enum] | None

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise ConditionMistake(
            "a register or memory operand has no value while the code is being written",
            expected="a condition inside `if_`, `while_`, `break_if` …",
            got="Python's `if`, `while`, `and`, `or` or `not` on an operand",
            fix="use `with if_(…):`, and `&`, `|`, `~` to join conditions",
        )

    def __iter__(self) -> Any:  # without it Python would try indexes 0, 1, 2 … for ever
        raise TypeMistake(
            f"`{self._text()}` can't be iterated while the code is being written",
            expected="`for_` over a counter",
            got="Python's `for` on an operand",
        )

    def __lt__(self, other: object) -> Any:
        return _compare(self, "<", other)

    def __le__(self, other: object) -> Any:
        return _compare(self, "<=", other)

    def __gt__(self, other: object) -> Any:
        return _compare(self, ">", other)

    def __ge__(self, other: object) -> Any:
        return _compare(self, ">=", other)

    def __eq__(self, other: object) -> Any:
        return _compare(self, "==", other)

    def __ne__(self, other: object) -> Any:
        return _compare(self, "!=", other)

    def __and__(self, mask: object) -> Any:
        return _compare(self, "&", mask)

    __rand__ = __and__

    def __add__(self, other: object) -> Expression:
        return _expression(self) + other

    __radd__ = __add__

    def __sub__(self, other: object) -> Expression:
        return _expression(self) - other

    def __mul__(self, scale: int) -> Expression:
        return _scaled(self, scale)

    __rmul__ = __mul__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            return self._private(name)
        return self._member(name)

    def __getitem__(self, index: object) -> Any:
        return self._element_at(index)

    def __call__(self, *arguments: object) -> Any:
        """Call the function that this pointer points to."""
        return _call_pointer(self, arguments)

    def _text(self) -> str:
        raise NotImplementedError

    def _touch(self) -> None:
        """Take note that the roles this operand depends on are used."""

    def _private(self, name: str) -> Any:
        """The method `name` of the struct, which other methods of it call."""
        raise AttributeError(name)

    def _member(self, name: str) -> Any:
        raise TypeMistake(
            f"`{self._text()}` has no fields",
            expected="a pointer to a struct, or a struct in memory",
            got=f"{self._text()}: {self._kind!r}",
        )

    def _element_at(self, index: object) -> Any:
        raise TypeMistake(
            f"`{self._text()}` has no elements",
            expected="a pointer, or an array in memory",
            got=f"{self._text()}: {self._kind!r}",
        )


def _target(kind: TypeMeta) -> TypeMeta | None:
    return getattr(kind, "_target", None)


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

    def _seen_as(self, kind: TypeMeta) -> RegisterOperand:
        register = self._register
        if kind._size != register.size:
            register = general(register.number, kind._size)
        return RegisterOperand(register, kind, self._role)

    def _member(self, name: str) -> Any:
        target: TypeMeta | None = _target(self._kind)
        if target is None or not is_struct(target):
            return super()._member(name)
        return self._pointed(self._text())._member(name)

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
        return _indexed(self._pointed(), self._kind._target, index, self._text())


class MemoryOperand(Operand):
    """A typed place in memory: `segment:[base + index*scale + displacement + symbol]`."""

    __slots__ = (
        "_base",
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
        made._memo = None
        return made

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

    def _private(self, name: str) -> Any:
        methods = self._kind._methods if isinstance(self._kind, StructMeta) else {}
        if name not in methods:
            return super()._private(name)
        return MethodType(methods[name], self)

    def _member(self, name: str) -> Any:
        if not is_struct(self._kind):
            return super()._member(name)
        struct = typing_cast(StructMeta, self._kind)
        if name in struct._methods and name not in struct._fields:
            return MethodType(struct._methods[name], self)
        return _member_of(self, struct._field(name))

    def _element_at(self, index: object) -> MemoryOperand:
        if not issubclass(self._kind, Array):
            return typing_cast(MemoryOperand, super()._element_at(index))
        _check_bounds(self, index)
        return _indexed(self, self._kind._element, index, self._text())

    def _address(self, bits: int) -> Address:
        """The operand as the encoder takes it, in code of `bits`."""
        if self._memo is None:
            self._memo = self._made_address(bits)
        return self._memo

    def _as_expression(self) -> Expression:
        """The address of this place, as the start of another one."""
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


class Expression:
    """An address being made: at most one base, one scaled index, one symbol, and a number."""

    __slots__ = ("base", "displacement", "index", "reference", "scale", "segment")

    def __init__(
        self,
        base: RegisterOperand | None = None,
        index: RegisterOperand | None = None,
        scale: int = 1,
        displacement: int = 0,
        reference: SymbolReference | None = None,
        segment: Register | None = None,
    ) -> None:
        self.base = base
        self.index = index
        self.scale = scale
        self.displacement = displacement
        self.reference = reference
        self.segment = segment

    def __add__(self, other: object) -> Expression:
        if isinstance(other, int):
            return self._moved(other)
        return self._joined(_expression(other))

    __radd__ = __add__

    def __sub__(self, other: object) -> Expression:
        if isinstance(other, int):
            return self._moved(-other)
        raise OperandFormMistake(
            "an address can only take numbers away",
            expected="`address - number`",
            got=f"`address - {other!r}`",
        )

    def __bool__(self) -> bool:
        raise ConditionMistake(
            "an address expression is no condition", fix="compare registers or memory"
        )

    def _moved(self, distance: int) -> Expression:
        return Expression(
            self.base,
            self.index,
            self.scale,
            self.displacement + distance,
            self.reference,
            self.segment,
        )

    def _joined(self, other: Expression) -> Expression:
        bases = [one for one in (self.base, other.base) if one is not None]
        indexes = [(e.index, e.scale) for e in (self, other) if e.index is not None]
        if len(bases) == 2 and not indexes:
            indexes.append((bases.pop(), 1))
        if len(bases) > 1 or len(indexes) > 1 or (self.reference and other.reference):
            raise OperandFormMistake(
                "an address has one base, one scaled index and one symbol",
                expected="`base + index*scale + number`",
                got="more registers than that",
                fix="add two of them with `lea` first",
            )
        index, scale = indexes[0] if indexes else (None, 1)
        return Expression(
            bases[0] if bases else None,
            index,
            scale,
            self.displacement + other.displacement,
            self.reference or other.reference,
            self.segment or other.segment,
        )


AddressLike: TypeAlias = "Expression | Operand | int"


def _scaled(operand: Operand, scale: int) -> Expression:
    if not isinstance(operand, RegisterOperand):
        raise OperandFormMistake(
            f"`{operand._text()}` can't be scaled", expected="a register", got="memory"
        )
    if not isinstance(scale, int) or scale not in SCALES:
        raise OperandFormMistake(
            f"an index can't be multiplied by {_described(scale)}",
            expected="1, 2, 4 or 8",
            got=_described(scale),
            fix="multiply with `imul` or `lea` first",
        )
    return Expression(index=operand, scale=scale)


def _expression(value: object) -> Expression:
    """`value` as the start of an address."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, RegisterOperand):
        if issubclass(value._kind, Ptr):
            raise _literal_displacement(value)
        return Expression(base=value)
    if isinstance(value, MemoryOperand):
        if not is_pointer(value._kind):
            return value._as_expression()
    elif isinstance(value, int):
        return Expression(displacement=value)
    else:
        reference = getattr(value, "reference", None)
        if isinstance(reference, SymbolReference):
            return Expression(reference=reference)
    raise OperandFormMistake(
        f"`{_described(value)}` can't be part of an address",
        expected="registers, a symbol and numbers",
        got=_described(value),
    )


def _literal_displacement(pointer: RegisterOperand) -> TypeMistake:
    name, target = pointer._text(), pointer._kind._target  # type: ignore[attr-defined]
    example = f"`{name}[1]`"
    if is_struct(target):
        example = " or ".join(f"`{name}.{one}`" for one in list(target._fields)[:3])
    return TypeMistake(
        f"a bare displacement on the typed pointer `{name}`",
        expected="a field or an element: " + example,
        got=f"arithmetic on {name}: {pointer._kind!r}",
        fix=f"name what you mean, or `u64({name})` if it is really a number",
    )


def _described(value: object) -> str:
    return value._text() if isinstance(value, Operand) else repr(value)


def _member_of(place: MemoryOperand, found: Field) -> MemoryOperand:
    made = place._moved(found.type, found.offset, f"{place._text()}.{found.name}")
    made._values = found.values
    around = place._within.guarded if place._within is not None else ()
    made._within = Within(found, (*around, found) if found.guard else around)
    return made


def _check_bounds(array: MemoryOperand, index: object) -> None:
    count = array._kind._count  # type: ignore[attr-defined]
    if isinstance(index, int) and count is not None and not 0 <= index < count:
        raise TypeMistake(
            f"`{array._text()}` has no element {index}",
            expected=f"0 to {count - 1}",
            got=str(index),
        )


def _indexed(place: MemoryOperand, element: TypeMeta, index: object, name: str) -> MemoryOperand:
    if isinstance(index, int):
        return place._moved(element, index * element._size, f"{name}[{index}]")
    if not isinstance(index, RegisterOperand):
        raise OperandFormMistake(
            f"`{_described(index)}` can't index `{name}`",
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
    if place._index is not None:
        raise OperandFormMistake(
            f"`{name}` is indexed twice",
            expected="one index in an address",
            got=f"{place._index._text()} and {index._text()}",
            fix="take the address of the first element with `lea`",
        )
    index._touch()
    made = place._copy(element)
    made._index = _full_index(index)
    made._scale = element._size
    made._name = f"{name}[{index._text()}]"
    return made


def _full_index(index: RegisterOperand) -> RegisterOperand:
    """`index` in 64 bits: a U32 register has its upper half clear, others need an extension."""
    if index._register.size == 8 or index._register.kind is not RegisterKind.GENERAL:
        return index
    if index._register.size == 4 and not index._kind._signed:
        return index._seen_as(U64)
    extend = "movsxd" if index._kind is I32 else "movsx" if index._kind._signed else "movzx"
    raise OperandFormMistake(
        f"`{index._text()}` is too narrow to index with",
        expected="a register of 64 bits, or a U32 (its upper half is clear)",
        got=f"{index._text()}: {index._kind!r}",
        fix=f"`{extend}` it into a wider register first",
    )


def _compare(left: Operand, operator: str, right: object) -> Any:
    from pykasm.lang.conditions import comparison

    return comparison(left, operator, right)


def _call_pointer(pointer: Operand, arguments: tuple[object, ...]) -> Any:
    from pykasm.lang.calls import call_pointer

    return call_pointer(pointer, arguments)


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
    made = _expression(address)
    for one in (made.base, made.index):
        if one is not None:
            one._touch()
    return MemoryOperand(
        kind,
        segment=made.segment,
        base=made.base,
        index=made.index,
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
        raise TypeMistake(
            "`at` follows a pointer that is in a register",
            expected="a register of type Ptr[T]",
            got=_described(pointer),
        )
    return typing_cast(T, pointer._pointed())


def point_at(pointer: object, array: object, index: object) -> None:
    """Let `pointer` hold the address of `array[index]`, for elements of any size.

    `pointer` is a register of 64 bits, `array` an array in memory or a typed pointer, `index` a
    register. Clobbers flags.
    """
    place = array._pointed() if isinstance(array, RegisterOperand) else array
    if not isinstance(pointer, RegisterOperand) or not isinstance(index, RegisterOperand):
        raise OperandFormMistake(
            "`point_at` computes with registers",
            expected="`point_at(pointer, array, index)`, pointer and index in registers",
            got=f"{_described(pointer)} and {_described(index)}",
        )
    if not isinstance(place, MemoryOperand) or place._index is not None:
        raise TypeMistake(
            f"`{_described(array)}` is no array",
            expected="an array in memory, or a pointer to its first element",
            got=_described(array),
        )
    _point_at(u64(pointer), place, index)


def _point_at(pointer: Any, place: MemoryOperand, index: RegisterOperand) -> None:
    from pykasm.lang.builder import emit

    element = getattr(place._kind, "_element", place._kind)
    if place._base is not None and place._base._register is pointer._register:
        raise OperandFormMistake(
            f"`{pointer._text()}` is needed to find the array",
            expected="another register for the element's address",
            got=f"{pointer._register.name} for both",
        )
    emit("imul", pointer, _full_index(index), element._size)
    target = place._copy(Void)
    target._index = pointer
    emit("lea", pointer, target)


class SegmentOperand(RegisterOperand):
    """A segment register: an operand of `mov`, and a prefix: `gs[u32[0x28]]`."""

    __slots__ = ()

    def _element_at(self, index: object) -> MemoryOperand:
        if not isinstance(index, MemoryOperand):
            raise OperandFormMistake(
                f"`{self._register.name}[…]` takes a memory operand",
                expected=f"`{self._register.name}[u64[0x28]]`",
                got=_described(index),
            )
        made = index._copy(index._kind)
        made._segment = self._register
        return made


u8 = _Words(types.U8)
u16 = _Words(types.U16)
u32 = _Words(types.U32)
u64 = _Words(types.U64)
i8 = _Words(types.I8)
i16 = _Words(types.I16)
i32 = _Words(types.I32)
i64 = _Words(types.I64)
x80 = _Words(types.X80)
x128 = _Words(types.X128)
x256 = _Words(types.X256)
x512 = _Words(types.X512)
bare = _Words(Void)
"""Memory without a width, for instructions that only take an address: `invlpg(bare[rax])`."""
