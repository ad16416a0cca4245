"""From a field to the struct that has it: `container_of`."""

from __future__ import annotations

from typing import Any, TypeVar, overload
from typing import cast as typing_cast

from pykasm.errors import DeclarationMistake, OperandFormMistake, TypeMistake
from pykasm.isa.code import Line
from pykasm.lang.builder import InlineCode, current, emit
from pykasm.lang.links import unlinked
from pykasm.lang.numbers import U64
from pykasm.lang.operand import Operand, described
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.role import Role
from pykasm.lang.routinebuilder import RoutineBuilder
from pykasm.lang.structs import StructMeta
from pykasm.lang.types import POINTER_SIZE, Ptr, TypeMeta, is_pointer, name_of, pointer_to
from pykasm.source import author_moment

T = TypeVar("T")


@overload
def container_of(link: Ptr[Any], kind: type[T], field: str) -> Ptr[T]: ...
@overload
def container_of(link: object, kind: type[T], field: str) -> T: ...
def container_of(link: object, kind: type[T], field: str) -> Any:
    """The struct of type `kind` whose `field` is `link`: a pointer in a register, or a place.

    A pointer's register becomes the address of the struct; the pointer's name ends. A place in
    memory gives a place, without an instruction. Changes flags.
    """
    part, offset = _field_at(kind, field)
    struct = typing_cast(TypeMeta, kind)
    if isinstance(link, MemoryOperand) and link._kind in (part, unlinked(part)):
        made = link._moved(struct, -offset, f"container_of({link._text()})")
        made._within = None
        return made
    _check_pointer(link, part, f"{struct.__name__}.{field}")
    if not offset:
        assert isinstance(link, RegisterOperand | MemoryOperand)
        return link._seen_as(pointer_to(struct))
    if not isinstance(link, RegisterOperand):
        raise OperandFormMistake(
            f"`{described(link)}` is a pointer in memory, which would become another one",
            expected="a pointer in a register",
            got=described(link),
            fix=f"load it first: `link = scratch({described(link)})`",
        )
    return _moved_back(link, pointer_to(struct), offset)


def _moved_back(link: RegisterOperand, kind: TypeMeta, offset: int) -> RegisterOperand:
    """The register of `link`, lower by `offset`, by a name of its own."""
    builder = current("container_of")
    assert isinstance(builder, RoutineBuilder)
    register = link._register
    emit("sub", link._seen_as(U64), offset)
    line = builder.items[-1]
    assert isinstance(line, Line)
    role = Role("inline", register, kind, moment=author_moment())
    builder.assign(role)
    changed = frozenset({register.number})
    builder.inlined.append(InlineCode("container_of", changed, {}, line, line, [role], []))
    return RegisterOperand(register, kind, role)


def _field_at(kind: object, path: str) -> tuple[TypeMeta, int]:
    """The type and the offset of the field at `path` of the struct `kind`."""
    found, offset = kind, 0
    for name in path.split("."):
        if not isinstance(found, StructMeta):
            raise DeclarationMistake(
                "`container_of` takes a struct and the name of a field",
                expected='`container_of(link, Thread, "link")`',
                got=f"{name_of(kind)}, {path!r}",
            )
        one = found._field(name)
        found, offset = one.type, offset + one.offset
    return typing_cast(TypeMeta, found), offset


def _check_pointer(link: object, part: TypeMeta, field: str) -> None:
    """Raise a mistake unless `link` may point to a `part`."""
    if isinstance(link, Operand):
        kind = link._kind
        is_machine_register = isinstance(link, RegisterOperand) and link._role is None
        target = getattr(kind, "_target", None)
        if target is part or (part._elements and target is unlinked(part)):
            return
        if is_machine_register and not is_pointer(kind) and kind._size == POINTER_SIZE:
            return
    raise TypeMistake(
        f"`{described(link)}` is no `{field}`",
        expected=f"{pointer_to(part)!r}",
        got=f"{described(link)}: {link._kind!r}" if isinstance(link, Operand) else described(link),
    )
