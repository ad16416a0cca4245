"""Who owns what: types whose values somebody has to give away, the word for the way out, and words
for counts of references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pykasm.errors import DeclarationMistake, TypeMistake
from pykasm.isa.registers import RegisterKind
from pykasm.lang.builder import current
from pykasm.lang.operand import described
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.types import TypeMeta, is_pointer, is_user, name_of, qualified

T = TypeVar("T")

if TYPE_CHECKING:
    Owned = Annotated[T, "owned"]
    Filled = Annotated[T, "filled"]
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

    class Filled:
        """The address of a struct, as a parameter, whose owning fields a function fills. The caller
        owns what they have then; if the function returns an error, they have nothing."""

        def __class_getitem__(cls, kind):
            if not isinstance(kind, TypeMeta) or not is_pointer(kind) or is_user(kind):
                raise DeclarationMistake(
                    "`Filled[…]` takes another type",
                    expected="the address of a struct in the kernel, such as `Ptr[Path]`",
                    got=name_of(kind),
                )
            return qualified(kind, "Filled", _filled=True)


def disown(value: Any, reason: str) -> None:
    """Say that the function does not own `value`, in a register, any more, and who does.

    The checker then neither asks that it is given away nor that it is left alone.
    """
    number = register_of("disown", value, reason, "who owns it from now on")
    current("disown").say("disown", number)


def take_over(value: Any, reason: str) -> None:
    """Say that the function owns `value`, in a register, from here on, and why: nothing else leads
    to it any more, such as a link in a list."""
    number = register_of("take_over", value, reason, "who owned it until now")
    current("take_over").say("take_over", number)


def gaining(count: Any) -> None:
    """Say that the next instruction counts one more reference in the field `count`.

    The function owns that reference to what has the field.
    """
    _count("gaining", "gain", count)


def dropping(count: Any) -> None:
    """Say that the next instruction takes a reference, which the function owns, off the field
    `count`, and sets ZF if it was the last. Where it was, the function owns what has the field."""
    _count("dropping", "drop", count)


def _count(word: str, what: str, count: object) -> None:
    """Note what happens to a count, whose object is found by a register; others have no owner."""
    if not isinstance(count, MemoryOperand) or count._within is None:
        raise TypeMistake(
            f"`{word}` takes a count of references",
            expected="a field of what is counted",
            got=described(count),
        )
    if count._base is not None:
        number, freed_by = count._base._register.number, count._within.field.freed_by
        current(word).say(what, number, freed_by)


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
