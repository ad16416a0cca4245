"""What the findings in a piece of code depend on, as a key: equal keys, equal findings."""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Iterator
from hashlib import blake2b
from itertools import count
from typing import Any

from pykasm.check.build import Build
from pykasm.isa.code import AssembledCode
from pykasm.lang.convention import Signature
from pykasm.lang.data import Data
from pykasm.lang.objects import PlacedPiece
from pykasm.lang.routine import Piece
from pykasm.lang.types import User

NO_ROLE, BY_USER = 0, 1
"""What stands for a register that plays no role, and for memory that a program names."""

KEY_SIZE = 16
"""Bytes; two pieces of code meet by chance once in 2**64 pieces."""


class CacheKeys:
    """Makes the keys of the pieces of a build."""

    def __init__(self, build: Build) -> None:
        self._tables = build.tables
        self._told = _Told(build)

    def key(self, placed: PlacedPiece) -> bytes:
        """The key of a piece."""
        piece, code, told = placed.piece, placed.code, self._told
        parts = (
            told[piece.symbol],
            _declared(piece),
            [(offset, addend, told[target]) for offset, _, target, addend in code.relocations],
            [*self._jumps(piece, code)],
            code.code,
            array("I", code.offsets).tobytes(),
            _plays(piece),
        )
        return blake2b(_bytes(parts), digest_size=KEY_SIZE).digest()

    def _jumps(self, piece: Piece, code: AssembledCode) -> Iterator[object]:
        """Where the tables of the code lead."""
        if not self._tables.keys().isdisjoint(piece.targets):
            for _, _, target, _ in code.relocations:
                yield [code.labels.get(label) for label in self._tables.get(target, ())]


class _Told(dict[str, bytes]):
    """What rules may ask about a symbol, in short."""

    def __init__(self, build: Build) -> None:
        super().__init__()
        self._build = build

    def __missing__(self, symbol: str) -> bytes:
        build = self._build
        placed = build.pieces.get(symbol)
        if placed is not None:
            told = self[symbol] = _bytes((symbol, *_as_callee(placed.piece)))
            return told
        datum = build.data.get(symbol)
        kept = None if datum is None else _as_datum(datum)
        pointees = [(one, one in build.pieces) for one in build.pointers.get(symbol, ())]
        told = self[symbol] = _bytes((symbol, kept, pointees))
        return told


def _bytes(value: Any) -> bytes:
    """Equal bytes for equal values. Later versions of the format tell shared objects apart."""
    return marshal.dumps(value, 0)


def _as_datum(datum: Data) -> tuple[object, ...]:
    return datum._storage._value_, datum._guard is not None


_EVENT_PARTS = ("lock", "index", "is_class", "sleeps", "uninterrupted")


def _as_callee(piece: Piece) -> tuple[object, ...]:
    return piece.kind._value_, piece.bits, shape(piece.signature)


def _declared(piece: Piece) -> tuple[object, ...]:
    roles = [
        (one.kind, one.register.number, one.start, one.used, one.type._by_user)
        for one in piece.roles
    ]
    locks = [
        (event.action._value_, *(getattr(event, name) for name in _EVENT_PARTS))
        for event in piece.lock_events
    ]
    touches = [*map(tuple, piece.touches)]
    traits = piece.entered._value_, piece.pushed, piece.copies_user, piece.context
    return traits, roles, locks, touches, *piece.locks


def shape(signature: Signature) -> tuple[object, ...]:
    """What of a signature matters to code that calls it."""
    results = [one._size for one in signature.results]
    clobbers = signature.clobbers and [one.number for one in signature.clobbers]
    return len(signature.parameters), results, signature.never_returns, clobbers


class _Numbers(dict[object, int]):
    """A number for each role of a piece, and the next ones for what else is asked for."""

    def __missing__(self, role: object) -> int:
        number = self[role] = len(self)
        return number


def _plays(piece: Piece) -> bytes:
    """Which roles the operands play, and where they follow what a program gave."""
    numbers = _Numbers(zip(piece.roles, count(2)))
    numbers[None], numbers[User] = NO_ROLE, BY_USER
    return array("H", map(numbers.__getitem__, piece.plays)).tobytes()
