"""Roles: `keep`, `scratch` and `local` say what a value is for; the language finds its place."""

from __future__ import annotations

from typing import Any, TypeVar, overload
from typing import cast as typing_cast

from pykasm.errors import PlaceMistake, RegisterMistake, TypeMistake, ValueRangeMistake
from pykasm.lang.arguments import text_given
from pykasm.lang.builder import current, emit
from pykasm.lang.convention import STACK_ALIGNMENT, Kind
from pykasm.lang.numbers import held_as
from pykasm.lang.operand import Operand
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.places import PlaceAddress
from pykasm.lang.role import Role
from pykasm.lang.routinebuilder import RoutineBuilder
from pykasm.lang.structs import fits_register
from pykasm.lang.symbolic import AddressOperand
from pykasm.lang.types import TypeMeta
from pykasm.source import author_moment

T = TypeVar("T")

LARGEST_FRAME = (1 << 31) - STACK_ALIGNMENT
"""Bytes of locals: displacements have 32 bits with their sign (AMD64 APM vol. 1, 2.2.2)."""


def _builder(word: str) -> RoutineBuilder:
    builder = current(word)
    assert isinstance(builder, RoutineBuilder)
    if builder.kind not in (Kind.FUNCTION, Kind.INTERRUPT) and word != "scratch":
        raise PlaceMistake(
            f"`{word}` in code without a frame",
            expected="`@function` or `@interrupt`, whose prologue makes one",
            got=f"`@{builder.kind.value}`",
        )
    return builder


def _with_place(value: object) -> object:
    """`value`, the address of a datum as that of a place, which `lea` computes."""
    place = value.place if isinstance(value, AddressOperand) else None
    return PlaceAddress(place) if isinstance(place, MemoryOperand) else value


def _type_of(value: object, word: str) -> TypeMeta:
    kind = value if isinstance(value, TypeMeta) else getattr(value, "_kind", None)
    if isinstance(value, MemoryOperand):
        kind = held_as(value._kind)
    if not isinstance(kind, TypeMeta):
        raise TypeMistake(
            f"`{word}` takes a type or a value that has one",
            expected=f"`{word}(U32)`, `{word}(Ptr[Frame])` or `{word}(register)`",
            got=text_given(value),
        )
    if not fits_register(kind):
        raise TypeMistake(
            f"a register can't hold a {kind!r}",
            expected="a number or a pointer"
            if kind._size in (1, 2, 4, 8)
            else "a type of 1, 2, 4 or 8 bytes",
            got=f"{kind._size} bytes",
            fix=f"`{word}({kind._host!r})`: loads and stores swap the bytes"
            if kind._host
            else "use `local`, or a pointer to it",
        )
    return kind


def _placed(builder: RoutineBuilder, role: Role, value: object) -> Any:
    """The register of `role`, with `value` if that is one: the role's life begins with it."""
    made = RegisterOperand(role.register, role.type, role)
    if isinstance(value, Operand | PlaceAddress):
        source = value._as_source() if isinstance(value, PlaceAddress) else value
        emit("mov" if isinstance(source, Operand) else "lea", made, source)
        role.begin(len(builder.items))
        made._values = value._values
    return made


@overload
def keep(value: type[T]) -> T: ...
@overload
def keep(value: T) -> T: ...
def keep(value: object) -> Any:
    """A callee-saved register for `value`, or for a value of that type to come.

    It survives calls. The prologue saves the register. Errors: none is free.
    """
    builder = _builder("keep")
    value = _with_place(value)
    return keep_as("", value, _type_of(value, "keep"), builder)


def keep_as(name: str, value: object, kind: TypeMeta, builder: RoutineBuilder) -> Any:
    """What `keep` does, for a role that is called `name` if that is not empty."""
    made = _placed(builder, builder.keep(kind, name), value)
    if isinstance(value, RegisterOperand) and value._role and builder.holds(value._role):
        builder.release(value._register)
    return made


@overload
def scratch(value: type[T]) -> T: ...
@overload
def scratch(value: T) -> T: ...
def scratch(value: object) -> Any:
    """A caller-saved register for `value`, or for a value of that type; any call ends its life."""
    builder = _builder("scratch")
    value = _with_place(value)
    kind = _type_of(value, "scratch")
    role = builder.take("scratch", builder.scratch_registers, kind)
    return _placed(builder, role, value)


def local(kind: type[T]) -> T:
    """A place of type `kind` in the function's stack frame, not initialised."""
    builder = _builder("local")
    if not isinstance(kind, TypeMeta) or not kind._size:
        raise TypeMistake(
            "`local` takes a type", expected="`local(U64)` or `local(Frame)`", got=repr(kind)
        )
    moment = author_moment()
    name = (moment.assigned_name if moment else None) or "local"
    made: Any = builder.local(kind, name)
    if builder.local_bytes > LARGEST_FRAME:
        raise ValueRangeMistake(
            "the locals of this function are too large",
            expected=f"{LARGEST_FRAME:#x} bytes together, so that all are within reach of rbp",
            got=f"{builder.local_bytes:#x} bytes with `{name}`",
            fix="`bss`, or memory from an allocator",
        )
    return typing_cast(T, made)


def release(*values: object) -> None:
    """End the life of roles, so that their registers can be handed out again."""
    builder = current("release")
    assert isinstance(builder, RoutineBuilder)
    for value in values:
        if not isinstance(value, RegisterOperand) or value._role is None:
            raise TypeMistake(
                "`release` takes roles",
                expected="what `keep` or `scratch` gave",
                got=value._text() if isinstance(value, MemoryOperand) else repr(value),
            )
        if not builder.holds(value._role):
            raise RegisterMistake(
                f"the life of `{value._text()}` has ended already",
                expected="a role that still has its register",
                got=f"{value._register.name}, which a `release` or a call freed",
            )
        builder.release(value._register)


def ignore(result: object, reason: str = "") -> None:
    """Say that the result of a call may be dropped; why, if it may be an error."""
    for one in result if isinstance(result, tuple) else (result,):
        if not isinstance(one, RegisterOperand) or one._role is None:
            raise TypeMistake(
                "`ignore` takes the result of a call",
                expected="`ignore(self.f())`, where `f` has one",
                got=one._text() if isinstance(one, Operand) else repr(one),
            )
        one._touch()
        if reason:
            current("ignore").say("ignore", one._register.number)
