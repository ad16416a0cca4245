"""What a listing shows, independent of how it is shown and of where things are linked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Instruction(NamedTuple):
    """One instruction: where it begins in its function, its bytes, and its parts as text.

    The bytes of one that is `linked` are those before linking, which fills in an address.
    """

    offset: int
    code: bytes
    linked: bool
    mnemonic: str
    operands: str
    comment: str = ""


class Mark(NamedTuple):
    """A label that some branch of the function goes to."""

    name: str


@dataclass(slots=True)
class Group:
    """What one line of the function's body made."""

    line: int
    text: str
    rows: list[Instruction | Mark] = field(default_factory=list)


@dataclass(slots=True)
class FunctionListing:
    """A function: its heading, facts about it, its code by lines."""

    symbol: str
    heading: str
    file: str
    line: int
    size: int
    facts: str
    groups: list[Group]


@dataclass(frozen=True, slots=True)
class DatumListing:
    """A datum: how large it is, of which type, and where it lives."""

    symbol: str
    size: int
    type: str
    storage: str


@dataclass(slots=True)
class UnitListing:
    """A subsystem."""

    name: str
    functions: list[FunctionListing]
    data: list[DatumListing]

    @property
    def size(self) -> int:
        """Bytes of code and data."""
        code = sum(one.size for one in self.functions)
        return code + sum(one.size for one in self.data)
