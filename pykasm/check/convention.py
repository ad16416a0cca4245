"""The calling convention as the analyses need it: register numbers, and what calls change."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pykasm.check.effects import RBP
from pykasm.isa.registers import general
from pykasm.lang import convention
from pykasm.lang.convention import SLOT, Kind, Signature

CALLEE_SAVED = (*(register.number for register in convention.CALLEE_SAVED), RBP)
CALLER_SAVED = tuple(register.number for register in convention.CALLER_SAVED)
RESULTS = tuple(register.number for register in convention.RESULTS)

FRAMED = (Kind.FUNCTION, Kind.INTERRUPT)
"""Kinds of code that the language gives a prologue and an epilogue."""


@dataclass(frozen=True)
class Callee:
    """What a caller knows of a function: `signature` None for code without the convention."""

    signature: Signature | None

    @cached_property
    def changed(self) -> tuple[int, ...]:
        """The numbers of the registers that a call may change."""
        if self.signature is None:
            return CALLER_SAVED
        return tuple(register.number for register in self.signature.changed)


def register_name(number: int) -> str:
    """Return the 64-bit name of a general register."""
    return general(number, SLOT).name
