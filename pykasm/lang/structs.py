"""Structs and unions: fields at fixed offsets."""

from __future__ import annotations

import copyreg
import difflib
import sys
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from types import FunctionType, GenericAlias
from typing import TYPE_CHECKING, Any

from pykasm.errors import DeclarationMistake, TypeMistake, UnknownFieldMistake, placed_at
from pykasm.lang.annotations import annotations_of, known_types
from pykasm.lang.declarations import (
    check_bits,
    check_body,
    check_class_options,
    check_values,
    field_span,
)
from pykasm.lang.field import Field, FieldOptions, check_alignment, check_number
from pykasm.lang.links import linked, relinked, unlinked, with_elements
from pykasm.lang.methods import check_names
from pykasm.lang.types import (
    Array,
    Fn,
    Ptr,
    Type,
    TypeMeta,
    User,
    array_of,
    flexible_array,
    is_known,
    is_named,
    is_user,
    name_of,
    plain,
    requalified,
)
from pykasm.source import Moment, Span, author_moment


def _round_up(value: int, boundary: int) -> int:
    return (value + boundary - 1) // boundary * boundary


class StructMeta(TypeMeta):
    """Class of structs: lays the annotated fields out when they are first asked for."""

    _options: dict[str, FieldOptions]
    _scope: Mapping[str, Any]
    """The names around it, where those are not its module's."""
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
        link: bool = False,
        **options: object,
    ) -> StructMeta:
        check_class_options(name, options)
        if align is not None:
            check_alignment(align)
        check_number("size", size)
        moment = author_moment()
        check_body(name, namespace, moment)
        stated = {k: v for k, v in namespace.items() if isinstance(v, FieldOptions)}
        body = {k: v for k, v in namespace.items() if k not in stated}
        inherited = [getattr(base, "_options", {}) for base in reversed(bases)]
        body["_options"] = {k: v for one in (*inherited, stated) for k, v in one.items()}
        made = super().__new__(mcs, name, bases, body)
        frame = sys._getframe(1)
        names = frame.f_locals
        made._scope = {} if names is frame.f_globals else {**names}
        made._moment = moment
        made._packed = packed
        made._least_align = align
        made._least_size = size
        made._laid_out = None
        made._methods = _methods_of(made)
        if link:
            made._is_link = True
        return made

    def derived(cls, name: str) -> StructMeta:
        """A struct like this one, called `name`."""
        made = type.__new__(StructMeta, name, (cls,), {"__module__": cls.__module__})
        made._laid_out = None
        return made

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **_: Any):
        super().__init__(name, bases, namespace)

    _least_align: int | None
    _least_size: int | None
    _moment: Moment | None

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
            if cls in _under_way:
                raise _in_itself(cls)
            _under_way.append(cls)
            try:
                cls._laid_out = _lay_out(cls)
            finally:
                _under_way.pop()
        return cls._laid_out

    def _span(cls, name: str) -> Span | None:
        """The line that declares the field `name`; where the class is made if nobody can tell."""
        return field_span(name, cls._moment)

    def _field(cls, name: str) -> Field:
        """The field `name`, or a mistake that names the nearest one."""
        found = cls._fields.get(name)
        if found is None:
            raise unknown_field(cls, name)
        return found


_under_way: list[StructMeta] = []
"""Structs whose fields are being laid out now: each is part of the one before it."""


def _in_itself(struct: StructMeta) -> DeclarationMistake:
    way = [*_under_way[_under_way.index(struct) :], struct]
    return DeclarationMistake(
        f"`{struct.__name__}` contains itself, so it would have no end",
        expected="fields of other types, or pointers",
        got=" in ".join(f"a {one.__name__}" for one in reversed(way)),
        fix=f'`Ptr["{struct.__name__}"]` is the address of another one',
        span=struct._moment.span if struct._moment else None,
    )


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
    inner = {name: value for name, value in vars(struct).items() if isinstance(value, type)}
    scope = {**struct._scope, **inner, struct.__name__: struct}
    stated = {name: hint for name, hint in annotations_of(struct).items() if name[:2] != "__"}
    hints: dict[str, object] = {}
    for name, hint in stated.items():
        with placed_at(partial(struct._span, name)):
            hints |= known_types({name: hint}, vars(sys.modules[struct.__module__]), scope)
    names = ChainMap(scope, vars(sys.modules[struct.__module__]))
    return {name: resolved(hint, names) for name, hint in hints.items()}


def _generic(base: type) -> Any:
    """`base` for subscripts made at run time, which type checkers can't follow."""
    return base


def resolved(kind: Any, names: Mapping[str, Any]) -> Any:
    """`kind` with the types that stand in it as strings, as in `Ptr["Node"]`, looked up."""
    if isinstance(kind, str):
        return names.get(kind, kind)
    if isinstance(kind, GenericAlias):
        return GenericAlias(tuple, tuple(resolved(one, names) for one in kind.__args__))
    if not isinstance(kind, TypeMeta):
        return kind
    if plain(kind) is not kind:
        return requalified(kind, resolved(plain(kind), names))
    if issubclass(kind, Ptr):
        return _generic(User if is_user(kind) else Ptr)[resolved(kind._target, names)]
    if issubclass(kind, Array) and kind._count is None:
        return _generic(Array)[resolved(kind._element, names)]
    if issubclass(kind, Fn) and not is_named(kind):
        parameters: Any = ... if kind._open else [resolved(one, names) for one in kind._parameters]
        return _generic(Fn)[parameters, resolved(kind._result, names)]
    return kind


def _lay_out(struct: StructMeta) -> tuple[dict[str, Field], int, int]:
    extended = _extended(struct)
    fields = dict(extended._fields) if extended else {}
    if struct._elements:
        fields = {
            name: replace(one, type=relinked(one.type, struct._elements))
            for name, one in fields.items()
        }
    end = max((one.offset + one.type._size for one in fields.values()), default=0)
    align = max(struct._least_align or 1, extended._align if extended else 1)
    types = _field_types(struct)
    if types:
        _check_end(struct, fields)
    for name, kind in types.items():
        options = struct._options.get(name, FieldOptions())
        one = _completed(struct, name, kind, options, is_last=name == [*types][-1])
        with placed_at(partial(struct._span, name)):
            own = f"{struct.__name__}.{name}"
            one = with_elements(one, options.elements or own, bool(options.elements), own)
            check_values(f"{struct.__name__}.{name}", one, options.values)
            check_bits(f"{struct.__name__}.{name}", one, options.bits)
        own_align = options.align or (1 if struct._packed else one._align)
        start = 0 if struct._union else _round_up(end, own_align)
        if options.at is not None:
            start = _explicit_offset(struct, name, options.at, start)
        if name in fields:
            start = _offset_again(struct, fields, name, one)
        owner = fields[name].owner if name in fields else struct
        fields[name] = Field(
            name,
            one,
            start,
            options.values,
            owner,
            writers=options.written_by,
            bits=options.bits,
            freed_by=options.freed_by,
        )
        end, align = max(end, start + one._size), max(align, own_align)
    check_names(struct.__name__, struct._methods, fields, struct._span)
    if struct._least_size and struct._least_size % align:
        raise DeclarationMistake(
            f"`{struct.__name__}` has a size of {struct._least_size} bytes, which is no multiple "
            "of its alignment",
            expected=f"a multiple of {align}, so that all elements of an array are aligned",
            got=f"size={struct._least_size}",
        )
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
            is_free = options.unlocked_reads
            made[name] = replace(fields[name], guard=guard, unlocked_reads=is_free)
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


def _check_end(struct: StructMeta, fields: Mapping[str, Field]) -> None:
    """Raise a mistake where the struct that `struct` extends ends with a flexible array."""
    for one in fields.values():
        if issubclass(one.type, Array) and one.type._count is None:
            raise DeclarationMistake(
                f"`{struct.__name__}` would have fields where the elements of `{one}` are",
                expected="a struct to extend that does not end with an array without a count",
                got=f"{one}: {one.type!r}",
                span=struct._moment.span if struct._moment else None,
            )


def _completed(
    struct: StructMeta, name: str, kind: object, options: FieldOptions, is_last: bool
) -> TypeMeta:
    if not isinstance(kind, TypeMeta) or not is_known(kind):
        raise DeclarationMistake(
            f"`{struct.__name__}.{name}` has no machine type",
            expected="U8 … U64, I8 … I64, Ptr[T], Array[T], Fn[…] or a Struct",
            got=name_of(kind),
            span=struct._span(name),
        )
    if issubclass(kind, Array) and kind._count is None:
        if options.count is None and (is_last or struct._union):
            return flexible_array(kind._element)
        if options.count is None:
            raise DeclarationMistake(
                f"`{struct.__name__}.{name}` is an array of unknown length",
                expected=f"`{name}: {kind!r} = field(count=…)`, unless it is the last field",
                got="no count",
                span=struct._span(name),
            )
        return array_of(kind._element, options.count)
    if options.count is not None:
        raise DeclarationMistake(
            f"`{struct.__name__}.{name}` is no array of unknown length",
            expected=f"`{name}: Array[{kind!r}] = field(count={options.count})`",
            got=f"`count=` for a {kind!r}",
            span=struct._span(name),
        )
    return kind


def _explicit_offset(struct: StructMeta, name: str, at: int, least: int) -> int:
    if at < least:
        raise DeclarationMistake(
            f"`{struct.__name__}.{name}` overlaps the field before it",
            expected=f"an offset of {least} or more",
            got=f"at={at}",
        )
    return at


def _reduced(struct: StructMeta) -> str | tuple[Any, ...]:
    """How `pickle` takes a struct: by its name, or by what it links."""
    return (
        (linked, (unlinked(struct), struct._elements)) if struct._elements else struct.__qualname__
    )


copyreg.pickle(StructMeta, _reduced)


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


def is_struct(kind: TypeMeta) -> bool:
    """Whether `kind` is a struct or union."""
    return isinstance(kind, StructMeta)


def is_aggregate(kind: TypeMeta) -> bool:
    """Whether `kind` has parts, so that no instruction takes it as a whole."""
    return is_struct(kind) or issubclass(kind, Array)


def fits_register(kind: object) -> bool:
    """Whether a general-purpose register can hold a `kind`."""
    if not isinstance(kind, TypeMeta) or kind._host is not None:
        return False
    return is_known(kind) and kind._size in (1, 2, 4, 8) and not is_aggregate(kind)


@cache
def operand_size(kind: TypeMeta) -> int:
    """The width in bytes that `kind` gives a memory operand; 0 for structs, arrays and Void."""
    return 0 if is_aggregate(kind) else kind._size


def offsetof(struct: object, path: str) -> int:
    """Offset in bytes of the field `path` (`"a.b"` for nested ones) of `struct`."""
    offset = 0
    for name in path.split("."):
        if not isinstance(struct, StructMeta):
            raise DeclarationMistake(
                "`offsetof` goes through structs", expected="a Struct", got=name_of(struct)
            )
        found = struct._field(name)
        offset, struct = offset + found.offset, found.type
    return offset


def owning_offsets(struct: object) -> tuple[int, ...]:
    """Where the fields of a struct lie that own what they point to, also inside of others."""
    found: list[int] = []
    for one in fields_of(struct):
        if one.type._owned:
            found.append(one.offset)
        elif is_struct(one.type):
            found += (one.offset + offset for offset in owning_offsets(one.type))
    return (*found,)


def fields_of(struct: object) -> Iterator[Field]:
    """The fields of `struct` in order."""
    assert isinstance(struct, StructMeta)
    return iter(struct._fields.values())
