"""One instruction as data: what is rendered, encoded, memoised and checked.

A statement is hashable and says nothing about symbols or source lines, so equal statements have
equal bytes and are encoded once a build. Symbol values enter through *fix-ups*: fields of the
encoded bytes that layout fills in or leaves to a relocation.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, TypeAlias

from pykasm.isa.registers import Register


class Address(NamedTuple):
    """A memory operand.

    `size` is the operand's width in bytes (0 where the instruction has none: lea, invlpg).
    `base` may be rip. `symbolic` says that the displacement field takes a symbol's address;
    `displacement` is then 0 (the addend stands with the reference, not here).
    """

    size: int
    segment: Register | None = None
    base: Register | None = None
    index: Register | None = None  # type: ignore[assignment]  # hides tuple.index
    scale: int = 1
    displacement: int = 0
    symbolic: bool = False


class SymbolImmediate(NamedTuple):
    """An immediate that is a symbol's address, in a field of `size` bytes (2, 4 or 8)."""

    size: int


class BranchTarget(NamedTuple):
    """The target of a near jump or call; `short` asks for the form with an 8-bit distance."""

    short: bool


class FarPointer(NamedTuple):
    """`selector:offset` of a far jump or call in 16- and 32-bit code.

    The offset has `size` bytes (2 or 4); with `symbolic` it is a symbol's address.
    """

    selector: int
    offset: int
    size: int
    symbolic: bool = False


Operand: TypeAlias = Register | Address | int | SymbolImmediate | BranchTarget | FarPointer


class VectorOptions(NamedTuple):
    """What an EVEX prefix says beside the operands (Intel SDM vol. 2, 2.7).

    `mask` chooses the elements that the first operand gets, `zeroing` clears the others. The
    memory operand is one element repeated `copies` times (0: it is all there). `rounding` is one
    of `ROUNDINGS`, "" for that of mxcsr.
    """

    mask: Register | None = None
    zeroing: bool = False
    copies: int = 0
    rounding: str = ""


ROUNDINGS = ("rn-sae", "rd-sae", "ru-sae", "rz-sae", "sae")
"""To nearest, down, up, toward zero, all without exceptions; `sae` suppresses these alone."""


class Statement(NamedTuple):
    """`mnemonic operands` for code of `bits` (16, 32 or 64), with `prefix` ("" or lock, rep …)."""

    bits: int
    mnemonic: str
    operands: tuple[Operand, ...] = ()
    prefix: str = ""
    options: VectorOptions | None = None


class FixupKind(Enum):
    """How a field of an instruction is made from a symbol's address S, addend A, place P."""

    BRANCH8 = "S + A - P, 8 bits, within one routine"
    BRANCH16 = "S + A - P, 16 bits"
    BRANCH32 = "S + A - P, 32 bits, by a call or jump"
    PC32 = "S + A - P, 32 bits, RIP-relative memory"
    SIGNED32 = "S + A, 32 bits, sign-extended by the machine"
    ABSOLUTE16 = "S + A, 16 bits"
    ABSOLUTE32 = "S + A, 32 bits, zero-extended by the machine"
    ABSOLUTE64 = "S + A, 64 bits"


class Fixup(NamedTuple):
    """A field for a symbol's address.

    `offset` from the instruction's first byte, `operand` the index of the operand it belongs to,
    `addend` what the field's place in the instruction adds to the author's addend (-4 for a
    call: the distance counts from the instruction's end).
    """

    offset: int
    kind: FixupKind
    operand: int
    addend: int


class Encoding(NamedTuple):
    """The machine code of a statement: its bytes (fix-up fields zero) and its fix-ups."""

    code: bytes
    fixups: tuple[Fixup, ...] = ()
