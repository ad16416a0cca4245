"""Keys of functions for the cache: a hash of all that the findings in a function depend on."""

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
"""What stands for a register without a role, and for memory that a program's pointer names."""

KEY_SIZE = 16
"""Bytes; two functions meet by chance once in 2**64 functions."""


class CacheKeys:
    """Makes the keys of the functions of a build."""

    def __init__(self, build: Build) -> None:
        self._tables = build.tables
        self._symbols = _SymbolKeys(build)

    def key(self, placed: PlacedRoutine) -> bytes:
        """Return the key of a function."""
        routine, code, symbols = placed.routine, placed.code, self._symbols
        parts = (
            symbols[routine.symbol],
            _declarations(routine),
            [(offset, addend, symbols[target]) for offset, _, target, addend in code.relocations],
            [*self._table_targets(routine, code)],
            code.code,
            array("I", code.offsets).tobytes(),
            _operand_roles(routine),
        )
        return blake2b(_bytes(parts), digest_size=KEY_SIZE).digest()

    def _table_targets(self, routine: Routine, code: AssembledCode) -> Iterator[object]:
        """Yield where each jump table of the code leads."""
        if not self._tables.keys().isdisjoint(routine.targets):
            for _, _, target, _ in code.relocations:
                yield [code.labels.get(label) for label in self._tables.get(target, ())]


class _SymbolKeys(dict[str, bytes]):
    """What rules may ask about each symbol that a function refers to."""

    def __init__(self, build: Build) -> None:
        super().__init__()
        self._build = build

    def __missing__(self, symbol: str) -> bytes:
        build = self._build
        placed = build.routines.get(symbol)
        if placed is not None:
            key = self[symbol] = _bytes((symbol, *_as_callee(placed.routine)))
            return key
        datum = build.data.get(symbol)
        declared = None if datum is None else _as_datum(datum)
        pointees = [(one, one in build.routines) for one in build.pointees.get(symbol, ())]
        key = self[symbol] = _bytes((symbol, declared, pointees))
        return key


def _bytes(value: Any) -> bytes:
    """Return equal bytes for equal values: later versions of marshal tell shared objects apart."""
    return marshal.dumps(value, 0)


def _as_datum(datum: Data) -> tuple[object, ...]:
    return datum._storage._value_, datum._guard is not None


_EVENT_PARTS = ("lock", "index", "is_class", "sleeps", "uninterrupted")


def _as_callee(routine: Routine) -> tuple[object, ...]:
    return routine.kind._value_, routine.bits, signature_key(routine.signature)


def _declarations(routine: Routine) -> tuple[object, ...]:
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


def signature_key(signature: Signature) -> tuple[object, ...]:
    """Return what of a signature matters to the analysis of callers."""
    results = [one._size for one in signature.results]
    clobbers = signature.clobbers and [one.number for one in signature.clobbers]
    return len(signature.parameters), results, signature.never_returns, clobbers


class _Numbers(dict[object, int]):
    """A number for each role of a function, and the next ones for what else is asked for."""

    def __missing__(self, role: object) -> int:
        number = self[role] = len(self)
        return number


def _operand_roles(routine: Routine) -> bytes:
    """Return which roles the operands have, and where their memory is a program's."""
    numbers = _Numbers(zip(routine.roles, count(2)))
    numbers[None], numbers[User] = NO_ROLE, BY_USER
    return array("H", map(numbers.__getitem__, routine.plays)).tobytes()
