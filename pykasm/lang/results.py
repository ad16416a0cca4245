"""Types of what may be an error or null, and is to be tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

from pykasm.errors import DeclarationMistake
from pykasm.lang.numbers import U64
from pykasm.lang.types import TypeMeta, is_pointer, name_of, qualified

T = TypeVar("T")


def _refused(word: str, kind: object, expected: str) -> DeclarationMistake:
    return DeclarationMistake(
        f"`{word}[…]` takes another type", expected=expected, got=name_of(kind)
    )


if TYPE_CHECKING:
    OrErrno = Annotated[T, "or errno"]
    OrNull = Annotated[T, "or null"]
else:

    class OrErrno:
        """A number, or below 0 a negated errno. Whoever gets it looks at it or passes it on."""

        def __class_getitem__(cls, kind):
            if not isinstance(kind, TypeMeta) or not kind._signed:
                raise _refused("OrErrno", kind, "a number with a sign, such as `OrErrno[I32]`")
            return qualified(kind, "OrErrno", _fails=True)

    class OrNull:
        """An address, or null. It is followed only where a test has told that it is not null."""

        def __class_getitem__(cls, kind):
            if not isinstance(kind, TypeMeta) or not (is_pointer(kind) or issubclass(kind, U64)):
                raise _refused(
                    "OrNull", kind, "an address, such as `OrNull[Ptr[Block]]` or `OrNull[U64]`"
                )
            return qualified(kind, "OrNull", _nullable=True)
