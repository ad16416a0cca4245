"""Values that somebody else chose: a program, a device, a disk, whoever sent a packet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pykasm.errors import DeclarationMistake, TypeMistake
from pykasm.lang.builder import current, emit
from pykasm.lang.operand import described
from pykasm.lang.ownership import register_of
from pykasm.lang.roles import release, scratch
from pykasm.lang.types import TypeMeta, is_pointer, is_user, name_of, plain, qualified

T = TypeVar("T")

if TYPE_CHECKING:
    Untrusted = Annotated[T, "untrusted"]
    Fetched = Annotated[T, "fetched"]
    Bounded = Annotated[T, "bounded"]
    Disclosed = Annotated[T, "disclosed"]
else:

    class Untrusted:
        """A number that somebody else chose: it is no index, length, shift or divisor before a
        comparison has bounded it."""

        def __class_getitem__(cls, kind):
            if not isinstance(kind, TypeMeta) or is_pointer(kind):
                raise DeclarationMistake(
                    "`Untrusted[…]` takes another type",
                    expected="a number; `User[T]` is an address that a program gave",
                    got=name_of(kind),
                )
            return qualified(kind, "Untrusted", _untrusted=True)

    class Bounded:
        """A number, as a parameter, that the caller has bounded, whoever chose it: how much a
        function copies to memory whose size the caller alone knows."""

        def __class_getitem__(cls, kind):
            if not isinstance(kind, TypeMeta) or is_pointer(kind):
                raise DeclarationMistake(
                    "`Bounded[…]` takes another type",
                    expected="a number, such as `U64`",
                    got=name_of(kind),
                )
            return qualified(kind, "Bounded", _bounded=True)

    class Disclosed:
        """The address of what a function shows to somebody else, such as a program; the parameter
        behind it says how many bytes."""

        def __class_getitem__(cls, kind):
            if not isinstance(kind, TypeMeta) or is_user(kind):
                raise DeclarationMistake(
                    "`Disclosed[…]` takes another type",
                    expected="an address in the kernel, such as `U64` or `Ptr[U8]`",
                    got=name_of(kind),
                )
            return qualified(kind, "Disclosed", _disclosed=True)

    class Fetched:
        """A program's pointer, as a parameter of a function that copies in what it leads to."""

        def __class_getitem__(cls, kind):
            if not isinstance(kind, TypeMeta) or not is_user(kind):
                raise DeclarationMistake(
                    "`Fetched[…]` takes another type",
                    expected="an address that a program gave, `Fetched[User[U8]]`",
                    got=name_of(kind),
                )
            return qualified(kind, "Fetched", _fetched=True)


def bounded(value: T, count: int) -> T:
    """Make `value`, a register, 0 unless it is below `count`, and return it: an index into what has
    so many elements, also where the processor runs ahead of a comparison.

    Takes a scratch register meanwhile. Flags are lost.
    """
    operand: Any = value
    number = register_of("bounded", operand, "it is masked below", "")
    kind = plain(operand._kind)
    if kind._size < _LEAST or not isinstance(count, int):
        raise TypeMistake(
            "`bounded` takes a whole register and a number",
            expected="a register of 32 or 64 bits, and how many elements there are",
            got=f"{described(value)}, {described(count)}",
        )
    mask = scratch(kind)
    emit("cmp", operand, count)
    emit("sbb", mask, mask)  # all ones where it is below, else 0
    emit("and", operand, mask)
    release(mask)
    current("bounded").say("trust", number)
    return value


_LEAST = 4
"""Bytes of a register that can be an index as it is."""


def refetch(pointer: Any, reason: str) -> None:
    """Say that the next call copies in once more what a program's `pointer`, in a register, leads
    to, and why it does no harm that the program may have changed that."""
    current("refetch").say("refetch", register_of("refetch", pointer, reason, "why it is no harm"))


def trust(value: Any, reason: str) -> None:
    """Say that `value`, in a register, is bounded in a way that the checker can't see, and how."""
    number = register_of("trust", value, reason, "why it can do no harm")
    current("trust").say("trust", number)
