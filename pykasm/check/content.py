"""What the findings in a piece of code depend on, as a key: equal keys, equal findings."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

from pykasm.check.subject import Build
from pykasm.isa.code import AssembledCode, Line
from pykasm.lang.builder import BranchOperand
from pykasm.lang.objects import PlacedPiece
from pykasm.lang.operands import MemoryOperand, RegisterOperand, Role
from pykasm.lang.piece import Piece, Signature

NO_ROLE, SYMBOL, OTHER = -1, -2, -3
"""What stands for an operand that plays no role."""

KEY_SIZE = 16
"""Bytes; two pieces of code meet by chance once in 2**64 pieces."""


def content_key(placed: PlacedPiece, build: Build) -> bytes:
    """The key of a piece of `build`."""
    piece, code = placed.piece, placed.code
    digest = blake2b(checker_version(), digest_size=KEY_SIZE)
    digest.update(repr(_declared(piece)).encode())
    digest.update(code.code)
    digest.update(array("q", code.offsets).tobytes())
    digest.update(array("q", _operands(piece, code)).tobytes())
    digest.update(repr(list(_surroundings(code, build))).encode())
    return digest.digest()


def _declared(piece: Piece) -> tuple[object, ...]:
    roles = [
        (role.kind, role.register.name, role.start, role.end, role.used) for role in piece.roles
    ]
    signature = shape(piece.signature)
    return piece.symbol, piece.kind, piece.bits, piece.entered, piece.pushed, signature, roles


def shape(signature: Signature | None) -> tuple[object, ...] | None:
    """What of a signature matters to code that calls it."""
    if signature is None:
        return None
    registers = tuple(one.register.number if one.register else None for one in signature.parameters)
    return registers, len(signature.results), signature.never_returns


def _operands(piece: Piece, code: AssembledCode) -> Iterator[int]:
    """A number for each operand and part of an address: which role it plays."""
    numbers: dict[Role | None, int] = {role: number for number, role in enumerate(piece.roles)}
    numbers[None] = NO_ROLE
    for item in code.body:
        for operand in item.written if type(item) is Line else ():
            kind = type(operand)
            if kind is RegisterOperand:
                yield numbers.setdefault(operand._role, len(numbers))  # type: ignore[attr-defined]
            elif kind is MemoryOperand:
                for part in (operand._base, operand._index):  # type: ignore[attr-defined]
                    yield OTHER if part is None else numbers.setdefault(part._role, len(numbers))
            else:
                yield SYMBOL if kind is BranchOperand else OTHER


def _surroundings(code: AssembledCode, build: Build) -> Iterator[object]:
    """Each reference of the code, and what is known of its target."""
    for offset, _, target, addend in code.relocations:
        table = [code.labels.get(label) for label in build.tables.get(target, ())]
        yield offset, target, addend, table, _known(target, build)


def _known(symbol: str, build: Build) -> tuple[object, ...]:
    """What rules may ask about another symbol."""
    placed, datum = build.pieces.get(symbol), build.data.get(symbol)
    callee = (placed.piece.kind, shape(placed.piece.signature)) if placed else None
    return callee, None if datum is None else datum._storage


@cache
def checker_version() -> bytes:
    """Changes with every change of the checker."""
    digest = blake2b(version("iced-x86").encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.digest()
