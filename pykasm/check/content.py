"""What the findings in a piece of code depend on, as a key: equal keys, equal findings."""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from functools import cache
from hashlib import blake2b
from typing import Any

from pykasm.check.subject import Build
from pykasm.isa.code import AssembledCode, Line
from pykasm.lang.builder import BranchOperand
from pykasm.lang.objects import PlacedPiece
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.piece import Piece, Signature
from pykasm.lang.role import Role
from pykasm.lang.types import is_user

_is_user = cache(is_user)

NO_ROLE, SYMBOL, OTHER = -1, -2, -3
"""What stands for an operand that plays no role."""

KEY_SIZE = 16
"""Bytes; two pieces of code meet by chance once in 2**64 pieces."""


class Contents:
    """Makes the keys of the pieces of a build."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._known: dict[str, bytes] = {}

    def key(self, placed: PlacedPiece) -> bytes:
        """The key of a piece."""
        piece, code = placed.piece, placed.code
        parts = (
            _declared(piece),
            [*self._surroundings(code)],
            code.code,
            code.offsets,
            _operands(piece, code),
        )
        return blake2b(_bytes(parts), digest_size=KEY_SIZE).digest()

    def _surroundings(self, code: AssembledCode) -> Iterator[object]:
        """Each reference of the code, and what is known of its target."""
        tables = self._build.tables
        for offset, _, target, addend in code.relocations:
            if target in tables:
                yield [code.labels.get(label) for label in tables[target]]
            known = self._known.get(target)
            if known is None:
                known = self._known[target] = self._told(target)
            yield offset, addend, known

    def _told(self, symbol: str) -> bytes:
        """What rules may ask about another symbol."""
        placed, datum = self._build.pieces.get(symbol), self._build.data.get(symbol)
        callee = placed and _as_callee(placed.piece)
        pointees = [
            (one, one in self._build.pieces) for one in self._build.pointers.get(symbol, ())
        ]
        return _bytes((symbol, callee, None if datum is None else datum._storage.value, pointees))


_EVENT_PARTS = ("lock", "index", "is_class", "sleeps", "uninterrupted")


def _bytes(value: Any) -> bytes:
    """Equal bytes for equal values. Later versions of the format tell shared objects apart."""
    return marshal.dumps(value, 0)


def _as_callee(piece: Piece) -> tuple[object, ...]:
    return piece.kind.value, piece.bits, shape(piece.signature)


def _declared(piece: Piece) -> tuple[object, ...]:
    roles = [
        (role.kind, role.register.number, role.start, role.end, role.used) for role in piece.roles
    ]
    locks = [
        (event.action.value, *(getattr(event, name) for name in _EVENT_PARTS))
        for event in piece.lock_events
    ]
    traits = piece.kind.value, piece.bits, piece.entered.value, piece.pushed, piece.copies_user
    surroundings = piece.context, *piece.locks
    return piece.symbol, traits, shape(piece.signature), roles, locks, surroundings


def shape(signature: Signature) -> tuple[object, ...]:
    """What of a signature matters to code that calls it."""
    registers = [one.register.number if one.register else None for one in signature.parameters]
    changed = [one.number for one in signature.changed]
    return registers, len(signature.results), signature.never_returns, changed


def _operands(piece: Piece, code: AssembledCode) -> list[int]:
    """A number for each operand and part of an address: which role it plays, and whether the
    address came from a program."""
    numbers: dict[Role | None, int] = {role: number for number, role in enumerate(piece.roles)}
    numbers[None] = NO_ROLE
    number = numbers.setdefault
    made: list[int] = []
    for item in code.body:
        for operand in item.written if type(item) is Line else ():
            kind = type(operand)
            if kind is RegisterOperand:
                made.append(number(operand._role, len(numbers)))  # type: ignore[attr-defined]
            elif kind is MemoryOperand:
                base, index = operand._base, operand._index  # type: ignore[attr-defined]
                made.append(OTHER if base is None else number(base._role, len(numbers)))
                made.append(OTHER if index is None else number(index._role, len(numbers)))
                made.append(base is not None and _is_user(base._kind))
            else:
                made.append(SYMBOL if kind is BranchOperand else OTHER)
    return made
