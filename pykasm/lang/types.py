"""Types of operands: integers, pointers, arrays, structs, unions, function pointers.

A type is a Python class, so that it can stand in annotations; it is never instantiated as a value
in a register or in memory (operands are, and carry their type). Struct instances are initial
values of data.
"""

from __future__ import annotations

import difflib
import sys
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, Flag
from functools import cache
from inspect import get_annotations
from types import FunctionType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    ParamSpec,
    TypeAlias,
    TypeVar,
)

from pykasm.errors import DeclarationMistake, TypeMistake, UnknownFieldMistake
from pykasm.lang.annotations import evaluated

if TYPE_CHECKING:
    from pykasm.lang.operand import Operand as _OperandForCheckers
else:
    _OperandForCheckers = object

POINTER_SIZE = 8

EnumType: TypeAlias = type[Enum]

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")


class TypeMeta(type):
    """Class of all types: `T * n` is an array, sizes are class attributes."""

    _size: int
    _align: int
    _signed: bool
    _by_user: bool

    def __mul__(cls, count: int) -> Any:
        """An array of `count` elements of this type."""
        return array_of(cls, count)

    def __repr__(cls) -> str:
        return cls.__name__


class Type(_OperandForCheckers, metaclass=TypeMeta):
    """Anything that an operand can be."""

    _size = 0
    _align = 1
    _signed = False
    _by_user = False
    """Whether it is an address that a program gave."""


class Integer(Type):
    """A whole number of a fixed width."""


class U8(Integer):
    """8 bits without sign."""

    _size = _align = 1


class U16(Integer):
    """16 bits without sign."""

    _size = _align = 2


class U32(Integer):
    """32 bits without sign."""

    _size = _align = 4


class U64(Integer):
    """64 bits without sign."""

    _size = _align = 8


class I8(Integer):
    """8 bits, two's complement."""

    _size = _align = 1
    _signed = True


class I16(Integer):
    """16 bits, two's complement."""

    _size = _align = 2
    _signed = True


class I32(Integer):
    """32 bits, two's complement."""

    _size = _align = 4
    _signed = True


class I64(Integer):
    """64 bits, two's complement."""

    _size = _align = 8
    _signed = True


class Vector(Type):
    """What instructions take as a whole and nobody reckons with, such as the contents of an SSE,
    AVX or x87 register."""


class X48(Vector):
    """What 16- and 32-bit code calls an fword: a table's bounds, a selector with an offset."""

    _size, _align = 6, 2


class X80(Vector):
    """An x87 register: 80-bit floating point."""

    _size, _align = 10, 16


class X128(Vector):
    """An xmm register."""

    _size = _align = 16


class X256(Vector):
    """A ymm register."""

    _size = _align = 32


class X512(Vector):
    """A zmm register."""

    _size = _align = 64


class Void(Type):
    """Nothing known: `Ptr[Void]` points to anything."""


class _PointerBase(Type):
    _size = _align = POINTER_SIZE


if TYPE_CHECKING:

    class Ptr(_PointerBase, Generic[T]):
        """The address of a `T`; fields of a struct are attributes, elements are indexed."""

        _target: ClassVar[TypeMeta]

    class User(Ptr[T]):
        """The address of a `T` that a program gave: only copy routines may follow it."""

    class Array(Type, Generic[T]):
        """`count` elements of `T`, written `T * count` (and `Array[T]` in annotations)."""

        _element: ClassVar[TypeMeta]
        _count: ClassVar[int]

    class Fn(_PointerBase, Generic[P, R]):
        """The address of a function: `Fn[[U32, Ptr[Frame]], U64]`."""

        _parameters: ClassVar[tuple[TypeMeta, ...]]
        _result: ClassVar[TypeMeta | None]

else:

    class Ptr(_PointerBase):
        """The address of a `T`; fields of a struct are attributes, elements are indexed."""

        _target = Void

        def __class_getitem__(cls, target):
            return _made(cls, f"{cls.__name__}[{_name_of(target)}]", target, _target=target)

    class User(Ptr):
        """The address of a `T` that a program gave: only copy routines may follow it."""

        _by_user = True

    class Array(Type):
        """`count` elements of `T`, written `T * count` (and `Array[T]` in annotations)."""

        _element = Void
        _count = None

        def __class_getitem__(cls, element):
            return _made(cls, f"Array[{_name_of(element)}]", element, _element=element)

    class Fn(_PointerBase):
        """The address of a function: `Fn[[U32, Ptr[Frame]], U64]`."""

        _parameters = ()
        _result = None

        def __class_getitem__(cls, signature):
            parameters, result = signature
            names = ", ".join(_name_of(one) for one in parameters)
            label = f"Fn[[{names}], {_name_of(result)}]"
            key = (tuple(parameters), result)
            return _made(cls, label, key, _parameters=tuple(parameters), _result=result)


_derived: dict[tuple[type, object], TypeMeta] = {}


def _made(base: type, label: str, key: object, **attributes: object) -> TypeMeta:
    if (base, key) not in _derived:
        _derived[base, key] = TypeMeta(label, (base,), attributes)
    return _derived[base, key]


def _name_of(target: object) -> str:
    return getattr(target, "__name__", None) or str(target)


def array_of(element: TypeMeta, count: int) -> TypeMeta:
    """The type of `count` elements of type `element` in a row."""
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise DeclarationMistake(
            "an array's length is a whole number",
            expected="0 or more elements",
            got=repr(count),
        )
    attributes = {
        "_element": element,
        "_count": count,
        "_size": element._size * count,
        "_align": element._align,
    }
    return _made(Array, f"{element!r} * {count}", (element, count), **attributes)


def check_alignment(align: int) -> None:
    """Raise a mistake unless machines align to `align` bytes."""
    if align & (align - 1) or align < 1:
        raise DeclarationMistake(
            "an alignment is a power of two", expected="1, 2, 4, 8 …", got=str(align)
        )


@dataclass(frozen=True, slots=True)
class FieldOptions:
    """What `field(...)` says of a field beyond its type."""

    values: type[Enum] | None = None
    count: int | None = None
    align: int | None = None
    at: int | None = None
    guarded_by: str = ""


def field(
    values: type[Enum] | None = None,
    *,
    count: int | None = None,
    align: int | None = None,
    at: int | None = None,
    guarded_by: str = "",
) -> Any:
    """Say more of a struct's field.

    `values`: the enumeration or flag set that names its values. `count`: number of elements of an
    `Array[T]`. `align`: alignment in bytes. `at`: offset in bytes, where hardware leaves gaps.
    `guarded_by`: the lock that must be held to touch it, as the path to a field of the same
    struct, or as the name of a lock elsewhere, such as `RunQueue.lock`.
    """
    if align is not None:
        check_alignment(align)
    return FieldOptions(values, count, align, at, guarded_by)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct: its type, its offset in bytes, the struct that declares it, and the
    name of the lock that must be held to touch it."""

    name: str
    type: TypeMeta
    offset: int
    values: EnumType | None
    owner: StructMeta
    guard: str = ""

    def __str__(self) -> str:
        return f"{self.owner.__name__}.{self.name}"


def _round_up(value: int, boundary: int) -> int:
    return (value + boundary - 1) // boundary * boundary


class StructMeta(TypeMeta):
    """Class of structs: lays the annotated fields out when they are first asked for."""

    _options: dict[str, FieldOptions]
    _scope: Mapping[str, Any]
    _packed: bool
    _union: bool
    _laid_out: tuple[dict[str, Field], int, int] | None
    _methods: dict[str, FunctionType]

    def __new__(  # noqa: D102
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        packed: bool = False,
        align: int | None = None,
        size: int | None = None,
    ) -> StructMeta:
        if align is not None:
            check_alignment(align)
        options = {k: v for k, v in namespace.items() if isinstance(v, FieldOptions)}
        body = {k: v for k, v in namespace.items() if k not in options}
        inherited = [getattr(base, "_options", {}) for base in reversed(bases)]
        body["_options"] = {k: v for one in (*inherited, options) for k, v in one.items()}
        made = super().__new__(mcs, name, bases, body)
        made._scope = dict(sys._getframe(1).f_locals)
        made._packed = packed
        made._least_align = align
        made._least_size = size
        made._laid_out = None
        made._methods = _methods_of(made)
        return made

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **_: Any):
        super().__init__(name, bases, namespace)

    _least_align: int | None
    _least_size: int | None

    @property
    def _fields(cls) -> dict[str, Field]:
        return cls._layout()[0]

    @property
    def _size(cls) -> int:  # type: ignore[override] # follows from the fields
        return cls._layout()[1]

    @property
    def _align(cls) -> int:  # type: ignore[override] # the same
        return cls._layout()[2]

    def _layout(cls) -> tuple[dict[str, Field], int, int]:
        if cls._laid_out is None:
            cls._laid_out = _lay_out(cls)
        return cls._laid_out

    def _field(cls, name: str) -> Field:
        """The field `name`, or a mistake that names the nearest one."""
        found = cls._fields.get(name)
        if found is None:
            raise unknown_field(cls, name)
        return found


def unknown_field(struct: StructMeta, name: str) -> UnknownFieldMistake:
    """The mistake of naming a field or method that `struct` does not have."""
    methods = [f"{one}()" for one in struct._methods if not one.startswith("_")]
    known = [*struct._fields, *methods]
    near = difflib.get_close_matches(name, known, n=1)
    return UnknownFieldMistake(
        f"`{struct.__name__}` has no field {'or method ' if methods else ''}`{name}`",
        expected="one of " + ", ".join(known) if known else "a struct with fields",
        got=name,
        fix=f"did you mean `{near[0]}`?" if near else "",
    )


def _methods_of(struct: StructMeta) -> dict[str, FunctionType]:
    """The methods of `struct` and its bases that operands have, by their names."""
    return {
        name: value
        for one in reversed(struct.__mro__)
        for name, value in vars(one).items()
        if isinstance(value, FunctionType) and not name.startswith("__") and one is not Type
    }


def _field_types(struct: StructMeta) -> dict[str, Any]:
    """The types of the fields that `struct` itself declares."""
    scope = {**struct._scope, struct.__name__: struct}
    stated = {name: hint for name, hint in get_annotations(struct).items() if name[0] != "_"}
    hints = evaluated(stated, vars(sys.modules[struct.__module__]), scope)
    names = ChainMap(scope, vars(sys.modules[struct.__module__]))
    return {name: _resolved(hint, names) for name, hint in hints.items()}


def _resolved(kind: Any, names: Mapping[str, Any]) -> Any:
    """`kind` with the types that stand in it as strings, as in `Ptr["Node"]`, looked up."""
    if isinstance(kind, str):
        return names.get(kind, kind)
    if not isinstance(kind, TypeMeta):
        return kind
    if issubclass(kind, Ptr):
        return _generic(User if is_user(kind) else Ptr)[_resolved(kind._target, names)]
    if issubclass(kind, Array) and kind._count is None:
        return _generic(Array)[_resolved(kind._element, names)]
    if issubclass(kind, Fn):
        parameters = [_resolved(one, names) for one in kind._parameters]
        return _generic(Fn)[parameters, _resolved(kind._result, names)]
    return kind


def _generic(base: type) -> Any:
    """`base` for subscripts made at run time, which type checkers can't follow."""
    return base


def _lay_out(struct: StructMeta) -> tuple[dict[str, Field], int, int]:
    extended = _extended(struct)
    fields = dict(extended._fields) if extended else {}
    end = max((one.offset + one.type._size for one in fields.values()), default=0)
    align = max(struct._least_align or 1, extended._align if extended else 1)
    for name, kind in _field_types(struct).items():
        options = struct._options.get(name, FieldOptions())
        one = _completed(struct, name, kind, options)
        own_align = options.align or (1 if struct._packed else one._align)
        start = 0 if struct._union else _round_up(end, own_align)
        if options.at is not None:
            start = _explicit_offset(struct, name, options.at, start)
        if name in fields:
            start = _offset_again(struct, fields, name, one)
        owner = fields[name].owner if name in fields else struct
        fields[name] = Field(name, one, start, options.values, owner)
        end, align = max(end, start + one._size), max(align, own_align)
    if struct._methods:
        from pykasm.lang.methods import check_methods

        check_methods(struct.__name__, struct._methods, fields)
    least = max(struct._least_size or 0, extended._size if extended else 0)
    return _guarded(struct, fields), max(_round_up(end, align), least), align


def _extended(struct: StructMeta) -> StructMeta | None:
    """The struct with whose fields, as they lie there, `struct` begins."""
    found = [one for one in struct.__bases__ if isinstance(one, StructMeta) and one._fields]
    if len(found) > 1:
        raise DeclarationMistake(
            f"`{struct.__name__}` extends more than one struct",
            expected="one, with whose fields it begins",
            got=", ".join(one.__name__ for one in found),
            fix="make the others fields",
        )
    return found[0] if found else None


def _offset_again(
    struct: StructMeta, fields: Mapping[str, Field], name: str, kind: TypeMeta
) -> int:
    """Where a field of the extended struct lies that `struct` declares as a `kind`."""
    known = fields[name]
    behind = [one.offset for one in fields.values() if one.offset > known.offset]
    room = min(behind, default=known.offset + known.type._size) - known.offset
    if kind._size > room and not struct._union:
        raise DeclarationMistake(
            f"`{struct.__name__}.{name}` is larger than `{known}`, where it lies",
            expected=f"at most {room} bytes",
            got=f"{kind!r}, {kind._size} bytes",
            fix="give it another name",
        )
    return known.offset


def _guarded(struct: StructMeta, fields: dict[str, Field]) -> dict[str, Field]:
    """`fields` with the names of their locks."""
    made = dict(fields)
    for name, options in struct._options.items():
        if name in fields and options.guarded_by:
            guard = _guard(struct, fields, options.guarded_by)
            made[name] = replace(fields[name], guard=guard)
    return made


def _guard(struct: StructMeta, fields: dict[str, Field], path: str) -> str:
    """The name of the lock at `path` in a struct; one that leads elsewhere is a name already."""
    first, *rest = path.split(".")
    if first not in fields:
        if rest:
            return path
        near = difflib.get_close_matches(first, fields, n=1)
        raise DeclarationMistake(
            f"`{struct.__name__}` has no lock `{path}`",
            expected="`guarded_by=` with a field of the same struct, or a lock elsewhere by name",
            got=path,
            fix=f"did you mean `{near[0]}`?" if near else "",
        )
    found = fields[first]
    for name in rest:
        if not isinstance(found.type, StructMeta):
            raise unknown_part(found, name)
        found = found.type._field(name)
    return str(found)


def unknown_part(place: Field, name: str) -> DeclarationMistake:
    """The mistake of looking for `name` in a field that has no fields."""
    return DeclarationMistake(
        f"`{place}` has no field `{name}`", expected="a struct", got=repr(place.type)
    )


def _completed(struct: StructMeta, name: str, kind: object, options: FieldOptions) -> TypeMeta:
    if not isinstance(kind, TypeMeta) or isinstance(getattr(kind, "_target", None), str):
        raise DeclarationMistake(
            f"`{struct.__name__}.{name}` has no machine type",
            expected="U8 … U64, I8 … I64, Ptr[T], Array[T], Fn[…] or a Struct",
            got=_name_of(kind),
        )
    if issubclass(kind, Array) and kind._count is None:
        if options.count is None:
            raise DeclarationMistake(
                f"`{struct.__name__}.{name}` is an array of unknown length",
                expected=f"`{name}: {kind!r} = field(count=…)`",
                got="no count",
            )
        return array_of(kind._element, options.count)
    return kind


def _explicit_offset(struct: StructMeta, name: str, at: int, least: int) -> int:
    if at < least:
        raise DeclarationMistake(
            f"`{struct.__name__}.{name}` overlaps the field before it",
            expected=f"an offset of {least} or more",
            got=f"at={at}",
        )
    return at


class Struct(Type, metaclass=StructMeta):
    """Fields at fixed offsets, declared by annotations.

    `class Gate(Struct, packed=True)` leaves no padding; `align=` and `size=` (bytes) raise what
    follows from the fields. An instance, `Gate(selector=8)`, is an initial value for data: fields
    that are left out are zero. A struct that extends another one begins with the other's fields.

    A method emits code where it is called; its `self` is the memory of the operand it is called
    on, whether that is a datum, a field, an element, or what a pointer in a register points to.
    """

    _union = False
    _signed = False

    def __init__(self, **values: Any) -> None:
        struct = type(self)
        for name in values:
            struct._field(name)
        self._given = values

    if not TYPE_CHECKING:

        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(name)
            raise value_has_no_place(self)


def value_has_no_place(value: Struct) -> TypeMistake:
    """The mistake of using an initial value as if it were a datum."""
    name = type(value).__name__
    return TypeMistake(
        f"`{name}(…)` is an initial value and lies nowhere in memory",
        expected="a datum, or a pointer to a struct",
        got=f"an instance of `{name}`",
        fix=f"`bss({name})`, or `data({name}, {name}(…))`, is a datum",
    )


class Union(Struct):
    """Fields that share their place, for registers and descriptors with several readings."""

    _union = True


def pointer_to(kind: TypeMeta) -> TypeMeta:
    """`Ptr[kind]` of a type that is known only while this runs."""
    of: Any = Ptr
    made: TypeMeta = of[kind]
    return made


def is_pointer(kind: TypeMeta) -> bool:
    """Whether `kind` is a `Ptr[…]` or a `Fn[…]`."""
    return issubclass(kind, _PointerBase)


def is_user(kind: TypeMeta) -> bool:
    """Whether `kind` is an address that a program gave."""
    return issubclass(kind, User)


def is_struct(kind: TypeMeta) -> bool:
    """Whether `kind` is a struct or union."""
    return isinstance(kind, StructMeta)


@cache
def operand_size(kind: TypeMeta) -> int:
    """The width in bytes that `kind` gives a memory operand; 0 for structs, arrays and Void."""
    aggregate = is_struct(kind) or issubclass(kind, Array)
    return 0 if aggregate else kind._size


def numbers_of(kind: TypeMeta) -> range:
    """The numbers that a `kind` holds."""
    count = 1 << (kind._size * 8)
    least = -(count // 2) if kind._signed else 0
    return range(least, least + count)


def sizeof(kind: object) -> int:
    """Bytes that a value of the type `kind` takes."""
    if not isinstance(kind, TypeMeta):
        raise DeclarationMistake(
            "`sizeof` takes a type", expected="a type such as U32 or a Struct", got=repr(kind)
        )
    return kind._size


def offsetof(struct: object, path: str) -> int:
    """Offset in bytes of the field `path` (`"a.b"` for nested ones) of `struct`."""
    offset = 0
    for name in path.split("."):
        if not isinstance(struct, StructMeta):
            raise DeclarationMistake(
                "`offsetof` goes through structs", expected="a Struct", got=_name_of(struct)
            )
        found = struct._field(name)
        offset, struct = offset + found.offset, found.type
    return offset


def fields_of(struct: object) -> Iterator[Field]:
    """The fields of `struct` in order."""
    assert isinstance(struct, StructMeta)
    return iter(struct._fields.values())


def value_names(values: type[Enum], number: int) -> str:
    """`number` by the names that `values` gives it: `PRESENT|WRITE`, `FREE`, or the number."""
    if issubclass(values, Flag):
        named = values(number)
        return str(named.name or number)
    return next((one.name for one in values if one.value == number), str(number))
