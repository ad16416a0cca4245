"""Who owns what: types whose values somebody has to give away, and the word for the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pykasm.errors import DeclarationMistake, TypeMistake
from pykasm.isa.registers import RegisterKind
from pykasm.lang.builder import current
from pykasm.lang.operand import described
from pykasm.lang.operands import RegisterOperand
from pykasm.lang.types import TypeMeta, name_of, qualified

T = TypeVar("T")

if TYPE_CHECKING:
    Owned = Annotated[T, "owned"]
else:

    class Owned:
        """A `T` that somebody owns. Whoever gets it as a result owns it from then on, a function
        that takes it as an argument owns it then, and so does what has a field of the type."""

        def __class_getitem__(cls, kind):
            if not isinstance(kind, TypeMeta):
                raise DeclarationMistake(
                    "`Owned[…]` takes a type",
                    expected="an address or a number that stands for what is owned",
                    got=name_of(kind),
                )
            return qualified(kind, "Owned", _owned=True)


def disown(value: Any, reason: str) -> None:
    """Say that the function does not own `value`, in a register, any more, and who does.

    The checker then neither asks that it is given away nor that it is left alone.
    """
    number = register_of("disown", value, reason, "who owns it from now on")
    current("disown").say("disown", number)


def register_of(word: str, value: Any, reason: object, why: str) -> int:
    """The number of the register that `word` says something of, for a `reason` that tells `why`."""
    general = isinstance(value, RegisterOperand) and value._register.kind is RegisterKind.GENERAL
    if not general:
        raise TypeMistake(
            f"`{word}` takes a register",
            expected="what `keep` or `scratch` gave, a parameter, or a result",
            got=described(value),
        )
    if not isinstance(reason, str) or not reason.strip():
        raise DeclarationMistake(f"`{word}` needs a reason", expected=why, got=repr(reason))
    value._touch()
    number: int = value._register.number
    return number
