"""Parameters that live across calls: `Keep[T]` in place of `T`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

from pykasm.errors import DeclarationMistake
from pykasm.lang.types import TypeMeta, name_of

T = TypeVar("T")


class Kept(NamedTuple):
    """The annotation of a parameter that moves to a callee-saved register first of all."""

    type: TypeMeta

    def __mro_entries__(self, bases: object) -> Any:
        """Refuse to be a base class."""
        raise DeclarationMistake(
            f"`{self!r}` is no class that others extend",
            expected="`Subsystem`, `Component`, `Struct` or `Union`",
            got=repr(self),
        )

    def __repr__(self) -> str:
        return f"Keep[{name_of(self.type)}]"


if TYPE_CHECKING:
    Keep = Annotated[T, "kept"]
else:

    class Keep:
        """A parameter of type `T` that survives calls: the function begins with `x = keep(x)`.

        Callers pass a `T`; only the function itself is another.
        """

        def __class_getitem__(cls, kind):
            return Kept(kind)
