"""Operands that are symbols: places to go to, addresses, far pointers."""

from __future__ import annotations

from dataclasses import dataclass, field

from pykasm.lang.reference import SymbolReference
from pykasm.lang.types import TypeMeta


@dataclass(frozen=True, slots=True)
class BranchOperand:
    """A place that code can go to: a label, or something with a symbol."""

    reference: SymbolReference
    name: str
    code: object = None
    bits: int | None = None
    """The width of the code there, where that is known."""

    def _text(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class AddressOperand:
    """A symbol's address as an immediate of `size` bytes."""

    reference: SymbolReference
    size: int
    name: str
    target: TypeMeta | None = None
    """The type of what lies there, where that is known."""
    place: object = field(default=None, compare=False)
    """What lies there, where it is written as a place."""

    def _text(self) -> str:
        return f"offset {self.name}"

    def __add__(self, distance: object) -> AddressOperand:
        if not isinstance(distance, int):
            return NotImplemented  # a register: the sum is a memory operand's address
        return AddressOperand(self.reference._plus(distance), self.size, self.name)


@dataclass(frozen=True, slots=True)
class FarOperand:
    """`selector:place`, the target of a far jump in 16- and 32-bit code."""

    selector: int
    reference: SymbolReference
    size: int
    name: str

    def _text(self) -> str:
        return f"{self.selector:#x}:{self.name}"
