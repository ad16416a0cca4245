"""Values that somebody else chose: a program, a device, a disk, whoever sent a packet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pykasm.errors import DeclarationMistake
from pykasm.lang.builder import current
from pykasm.lang.ownership import register_of
from pykasm.lang.types import TypeMeta, is_pointer, name_of, qualified

T = TypeVar("T")

if TYPE_CHECKING:
    Untrusted = Annotated[T, "untrusted"]
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


def trust(value: Any, reason: str) -> None:
    """Say that `value`, in a register, is bounded in a way that the checker can't see, and how."""
    number = register_of("trust", value, reason, "why it can do no harm")
    current("trust").say("trust", number)
