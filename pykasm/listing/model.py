"""What a listing shows, independent of how it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its address, its bytes, and its parts as text."""

    address: int
    code: bytes
    mnemonic: str
    operands: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
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
    address: int
    size: int
    facts: str
    groups: list[Group]


@dataclass(frozen=True, slots=True)
class DatumListing:
    """A datum: where it is, how large, of which type."""

    symbol: str
    address: int
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
