"""Addresses of places in memory, as arguments of calls and values of roles."""

from __future__ import annotations

from typing import Any

from pykasm.errors import OperandFormMistake, PlaceMistake
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.types import Array, Ptr, TypeMeta, User


class PlaceAddress:
    """The address of a place in memory, which `lea` computes when it is needed.

    Its type is a pointer to what lies there; that of an array is a pointer to its first element.
    """

    __slots__ = ("_kind", "_place")

    _values = None

    def __init__(self, place: MemoryOperand) -> None:
        self._place = place
        self._kind = pointer_to(place)

    def _text(self) -> str:
        return f"address_of({self._place._text()})"

    __repr__ = _text

    def _touch(self) -> None:
        self._place._touch()

    def _as_source(self) -> PlaceAddress | RegisterOperand:
        """The register that holds this address already, if one does; otherwise the address itself.

        The address of guarded data stays one, since the checker follows it.
        """
        place = self._place
        base = place._base
        is_bare = place._index is None and place._reference is None and not place._displacement
        if base is None or not is_bare or base._register.name == "rsp":
            return self
        if place._within is not None and place._within.guarded:
            return self
        return base._seen_as(self._kind)

    def _as_operand(self, mnemonic: str) -> MemoryOperand:
        if mnemonic == "lea":
            return self._place
        raise OperandFormMistake(
            f"`{mnemonic}` does not compute the address of `{self._place._text()}`",
            expected="a register, memory, a number, a label or a symbol",
            got=self._text(),
            fix=f"`lea(register, {self._place._text()})` computes it",
        )


def pointer_to(place: MemoryOperand) -> TypeMeta:
    """The type of the address of `place`: a program's if it was reached by a program's pointer."""
    target: Any = place._kind
    if issubclass(target, Array):
        target = target._element
    by_user = place._base is not None and place._base._kind._by_user
    kind: Any = User if by_user else Ptr
    made: TypeMeta = kind[target]
    return made


def place_address(place: MemoryOperand) -> PlaceAddress:
    """The address of `place`; a mistake where the segment's base would be left out of it."""
    if place._segment is not None:
        raise PlaceMistake(
            f"`lea` computes the address of `{place._text()}` without the base of its segment",
            expected="a place in memory that no segment register belongs to",
            got=place._text(),
            fix="add the base of the segment, which is kept in memory: see `percpu` in the guide",
        )
    return PlaceAddress(place)
