"""The language's types, functions and data as a debugger is told of them."""

from __future__ import annotations

from enum import Enum, Flag
from functools import cache
from typing import Any
from typing import cast as typing_cast

from pykasm.isa.code import AssembledCode, Line
from pykasm.isa.registers import Register, general
from pykasm.lang.convention import SLOT
from pykasm.lang.data import Data
from pykasm.lang.field import Field
from pykasm.lang.routine import Routine
from pykasm.lang.structs import StructMeta, is_struct
from pykasm.lang.types import Array, Fn, Ptr, TypeMeta, Void, plain
from pykasm.objects.debug import (
    ArrayType,
    BaseType,
    DebugFunction,
    DebugType,
    DebugVariable,
    EnumType,
    FunctionType,
    InFrame,
    InRegister,
    Member,
    PointerType,
    StructType,
    Variable,
)
from pykasm.source import Source


class DebugTypes:
    """Converts types, each once, so that the same type is the same object."""

    def __init__(self) -> None:
        self._known: dict[tuple[TypeMeta, type[Enum] | None], DebugType] = {}

    def of(self, kind: TypeMeta, values: type[Enum] | None = None) -> DebugType:
        """The debugger's type for `kind`, named values given by `values`."""
        kind = plain(kind)
        key = (kind, values)
        if key not in self._known:
            if is_struct(kind):
                return self._struct(typing_cast(StructMeta, kind))
            made = self._simple(kind, values)
            self._known.setdefault(key, made)  # a struct that it points to may point back
        return self._known[key]

    def _struct(self, kind: StructMeta) -> StructType:
        made = StructType(kind.__name__, kind._size, union=kind._union)
        self._known[kind, None] = made  # before its members, which may point back to it
        made.members = [
            Member(one.name, self._field(one), one.offset) for one in kind._fields.values()
        ]
        return made

    def _field(self, field: Field) -> DebugType:
        """The type of a field: a struct of its bits if these have names."""
        number = self.of(field.type, field.values)
        if not field.bits or field.type._host is not None:
            return number
        members = [
            Member(one.name, number, 0, (one.shift, one.width))
            for one in field.bits
            if not one.name.startswith("_")
        ]
        return StructType(str(field), field.type._size, members)

    def _simple(self, kind: Any, values: type[Enum] | None) -> DebugType:
        if values is not None and kind._host is None:  # gdb knows the order of base types alone
            return _enumeration(kind, values)
        if issubclass(kind, Ptr):
            target = kind._target
            return PointerType(None if target is Void else self.of(target))
        if issubclass(kind, Fn):
            result = kind._result
            parameters = tuple(self.of(one) for one in kind._parameters)
            return PointerType(
                FunctionType(parameters, self.of(result) if isinstance(result, TypeMeta) else None)
            )
        if issubclass(kind, Array):
            return ArrayType(self.of(kind._element), kind._count)
        is_big_endian = kind._host is not None
        return BaseType(kind.__name__, kind._size, _encoding(kind), is_big_endian)


def _enumeration(kind: TypeMeta, values: type[Enum]) -> EnumType:
    named = tuple((one.name, int(one.value)) for one in values)
    return EnumType(values.__name__, kind._size, named, issubclass(values, Flag))


def debug_function(
    routine: Routine, code: AssembledCode, section: str, offset: int, types: DebugTypes
) -> DebugFunction:
    """What a debugger is told of `routine`, laid out as `code` at `offset` of `section`."""
    offsets = code.offsets
    results = routine.signature.results
    return DebugFunction(
        name=routine.symbol,
        section=section,
        offset=offset,
        code=code.code,
        declared=routine.declared,
        rows=_rows(code),
        prologue_end=offsets[routine.prologue_items],
        result=types.of(results[0]) if results else None,
        variables=[
            *_role_variables(routine, offsets, types),
            *_local_variables(routine, types, offsets),
        ],
        entry_frame=routine.entered,
        pushed=routine.pushed,
        bits=routine.bits,
    )


def _rows(code: AssembledCode) -> list[tuple[int, Source]]:
    rows: list[tuple[int, Source]] = []
    last: Source | None = None
    for item, offset in zip(code.body, code.offsets, strict=False):  # the last one is the end
        if type(item) is Line and item.source != last:
            last = item.source
            rows.append((offset, last))
    return rows


@cache
def _in_register(register: Register) -> InRegister:
    return InRegister(general(register.number, SLOT).name)


def _role_variables(routine: Routine, offsets: list[int], types: DebugTypes) -> list[Variable]:
    return [
        Variable(
            role.name,
            types.of(role.type),
            _in_register(role.register),
            0 if is_parameter and start == role.start else offsets[start],
            offsets[end],
            is_parameter,
        )
        for role, is_parameter in [(one, one.kind == "parameter") for one in routine.roles]
        for start, end in role.extents
    ]


def _local_variables(routine: Routine, types: DebugTypes, offsets: list[int]) -> list[Variable]:
    return [
        Variable(
            one._name,
            types.of(one._kind),
            InFrame(one._displacement),
            offsets[routine.prologue_items],
            offsets[-1],
        )
        for one in routine.locals
    ]


def debug_variable(datum: Data, types: DebugTypes, directory: str) -> DebugVariable:
    """What a debugger is told of a datum."""
    declared = datum._moment.source if datum._moment else Source(directory, 1)
    return DebugVariable(datum._symbol, datum._symbol, types.of(datum._kind), declared)


def _encoding(kind: TypeMeta) -> str:
    """How a debugger shows numbers of this type, as a member of `BaseEncoding` in lower case."""
    if kind._truth:
        return "boolean"
    return "signed" if kind._signed else "unsigned"
