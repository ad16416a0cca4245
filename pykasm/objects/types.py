"""Types in `.debug_info` (DWARF 5, chapter 5)."""

from __future__ import annotations

from functools import singledispatch

from pykasm.objects import shapes
from pykasm.objects.debug import (
    ArrayType,
    BaseType,
    DebugType,
    EnumType,
    FunctionType,
    PointerType,
    StructType,
)
from pykasm.objects.dwarf import BaseEncoding
from pykasm.objects.entries import EntryWriter

_POINTER_SIZE = 8
_BIG_ENDIAN = 1
"""`DW_END_big` (7.8)."""

_SIGN_BIT = 1 << 63
"""A flag that gdb takes for a negative value; with it, it would print the set as a number."""


def write_types(out: EntryWriter) -> None:
    """Write every type referred to so far, and those that these refer to."""
    written = 0
    while written < len(out.types):
        pending = list(out.types)[written:]
        for described in pending:
            _write(described, out)
        written += len(pending)


@singledispatch
def _write(described: DebugType, out: EntryWriter) -> None:
    raise TypeError(f"{described!r} is not a type that a debugger knows")


@_write.register
def _base(described: BaseType, out: EntryWriter) -> None:
    shape = shapes.BIG_ENDIAN_TYPE if described.big_endian else shapes.BASE_TYPE
    out.begin_type(shape, described)
    out.name(described.name)
    out.uleb(described.size)
    out.number(BaseEncoding[described.encoding.upper()], 1)
    if described.big_endian:
        out.number(_BIG_ENDIAN, 1)


@_write.register
def _pointer(described: PointerType, out: EntryWriter) -> None:
    target = described.target
    out.begin_type(shapes.ANY_POINTER if target is None else shapes.POINTER, described)
    out.uleb(_POINTER_SIZE)
    if target is not None:
        out.type(target)


@_write.register
def _array(described: ArrayType, out: EntryWriter) -> None:
    out.begin_type(shapes.ARRAY, described)
    out.type(described.element)
    if described.count is None:
        out.begin(shapes.OPEN_SUBRANGE)
    else:
        out.begin(shapes.SUBRANGE)
        out.uleb(described.count)
    out.end_children()


@_write.register
def _struct(described: StructType, out: EntryWriter) -> None:
    out.begin_type(shapes.UNION if described.union else shapes.STRUCT, described)
    out.name(described.name)
    out.uleb(described.size)
    for member in described.members:
        out.begin(shapes.BITS if member.bits else shapes.MEMBER)
        out.name(member.name)
        out.type(member.type)
        if member.bits:
            shift, width = member.bits
            out.uleb(width)
            out.uleb(member.offset * 8 + shift)
        else:
            out.uleb(member.offset)
    out.end_children()


@_write.register
def _enumeration(described: EnumType, out: EntryWriter) -> None:
    out.begin_type(shapes.ENUMERATION, described)
    out.name(described.name)
    out.uleb(described.size)
    for name, value in described.values:
        if described.flags and value >= _SIGN_BIT:
            continue
        out.begin(shapes.ENUMERATOR if value >= 0 else shapes.NEGATIVE_ENUMERATOR)
        out.name(name)
        if value >= 0:
            out.uleb(value)
        else:
            out.sleb(value)
    out.end_children()


@_write.register
def _function(described: FunctionType, out: EntryWriter) -> None:
    result = described.result
    out.begin_type(shapes.PROCEDURE_TYPE if result is None else shapes.FUNCTION_TYPE, described)
    if result is not None:
        out.type(result)
    for parameter in described.parameters:
        out.begin(shapes.PARAMETER_TYPE)
        out.type(parameter)
    out.end_children()
