"""What the findings in a routine depend on, as a key: equal keys, equal findings."""

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
from pykasm.lang.objects import PlacedRoutine
from pykasm.lang.routine import Routine
from pykasm.lang.types import User

NO_ROLE, BY_USER = 0, 1
"""What stands for a register that plays no role, and for memory that a program names."""

KEY_SIZE = 16
"""Bytes; two routines meet by chance once in 2**64 routines."""


class CacheKeys:
    """Makes the keys of the routines of a build."""

    def __init__(self, build: Build) -> None:
        self._tables = build.tables
        self._told = _Told(build)

    def key(self, placed: PlacedRoutine) -> bytes:
        """The key of a routine."""
        routine, code, told = placed.routine, placed.code, self._told
        parts = (
            told[routine.symbol],
            _declared(routine),
            [(offset, addend, told[target]) for offset, _, target, addend in code.relocations],
            [*self._jumps(routine, code)],
            code.code,
            array("I", code.offsets).tobytes(),
            _plays(routine),
        )
        return blake2b(_bytes(parts), digest_size=KEY_SIZE).digest()

    def _jumps(self, routine: Routine, code: AssembledCode) -> Iterator[object]:
        """Where the tables of the code lead."""
        if not self._tables.keys().isdisjoint(routine.targets):
            for _, _, target, _ in code.relocations:
                yield [code.labels.get(label) for label in self._tables.get(target, ())]


class _Told(dict[str, bytes]):
    """What rules may ask about a symbol, in short."""

    def __init__(self, build: Build) -> None:
        super().__init__()
        self._build = build

    def __missing__(self, symbol: str) -> bytes:
        build = self._build
        placed = build.routines.get(symbol)
        if placed is not None:
            told = self[symbol] = _bytes((symbol, *_as_callee(placed.routine)))
            return told
        datum = build.data.get(symbol)
        kept = None if datum is None else _as_datum(datum)
        pointees = [(one, one in build.routines) for one in build.pointers.get(symbol, ())]
        told = self[symbol] = _bytes((symbol, kept, pointees))
        return told


def _bytes(value: Any) -> bytes:
    """Equal bytes for equal values. Later versions of the format tell shared objects apart."""
    return marshal.dumps(value, 0)


def _as_datum(datum: Data) -> tuple[object, ...]:
    return datum._storage._value_, datum._guard is not None


_EVENT_PARTS = ("lock", "index", "is_class", "sleeps", "uninterrupted")


def _as_callee(routine: Routine) -> tuple[object, ...]:
    return routine.kind._value_, routine.bits, shape(routine.signature)


def _declared(routine: Routine) -> tuple[object, ...]:
    roles = [
        (one.kind, one.register.number, one.start, one.used, one.type._by_user)
        for one in routine.roles
    ]
    locks = [
        (event.action._value_, *(getattr(event, name) for name in _EVENT_PARTS))
        for event in routine.lock_events
    ]
    touches = [*map(tuple, routine.touches)]
    traits = routine.entered._value_, routine.pushed, routine.copies_user, routine.context
    return traits, roles, locks, touches, *routine.locks


def shape(signature: Signature) -> tuple[object, ...]:
    """What of a signature matters to code that calls it."""
    results = [one._size for one in signature.results]
    clobbers = signature.clobbers and [one.number for one in signature.clobbers]
    return len(signature.parameters), results, signature.never_returns, clobbers


class _Numbers(dict[object, int]):
    """A number for each role of a routine, and the next ones for what else is asked for."""

    def __missing__(self, role: object) -> int:
        number = self[role] = len(self)
        return number


def _plays(routine: Routine) -> bytes:
    """Which roles the operands play, and where they follow what a program gave."""
    numbers = _Numbers(zip(routine.roles, count(2)))
    numbers[None], numbers[User] = NO_ROLE, BY_USER
    return array("H", map(numbers.__getitem__, routine.plays)).tobytes()
