"""What of a function itself the findings in it depend on."""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Iterator
from hashlib import blake2b
from itertools import count
from typing import Any, NamedTuple

from pykasm.check.graph import JumpTables
from pykasm.isa.code import AssembledCode, Line
from pykasm.lang.objects import PlacedRoutine
from pykasm.lang.routine import Routine
from pykasm.lang.structs import owning_offsets
from pykasm.lang.types import TypeMeta, User, is_pointer

NO_ROLE, BY_USER = 0, 1
"""What stands for a register without a role, and for memory that a program's pointer names."""

KEY_SIZE = 16
"""Bytes; two functions meet by chance once in 2**64 functions."""


class Content(NamedTuple):
    """What the findings in a function depend on of itself, as a `digest`; they depend on what rules
    may ask about the `symbols` too."""

    digest: bytes
    symbols: tuple[str, ...]

    @classmethod
    def of(cls, placed: PlacedRoutine, tables: JumpTables) -> Content:
        """Return that of a function, in a build with these `tables`."""
        routine, code = placed.routine, placed.code
        parts = (
            _declarations(routine),
            [(offset, target, addend) for offset, _, target, addend in code.relocations],
            [*_table_targets(routine, code, tables)],
            code.code,
            array("I", code.offsets).tobytes(),
            _operand_roles(routine),
        )
        digest = blake2b(marshalled(parts), digest_size=KEY_SIZE).digest()
        return cls(digest, tuple(dict.fromkeys(one.target for one in code.relocations)))


def _table_targets(routine: Routine, code: AssembledCode, tables: JumpTables) -> Iterator[object]:
    """Yield where each jump table of the code leads."""
    if not tables.keys().isdisjoint(routine.targets):
        for _, _, target, _ in code.relocations:
            yield [code.labels.get(label) for label in tables.get(target, ())]


_EVENT_PARTS = (
    "lock",
    "index",
    "is_class",
    "sleeps",
    "interrupts_off",
    "pins",
    "by_call",
    "on_zero",
)


def _declarations(routine: Routine) -> tuple[object, ...]:
    roles = [
        (
            one.kind,
            one.register.number,
            one.start,
            one.used,
            one.type._by_user,
            is_pointer(one.type),
        )
        for one in routine.roles
    ]
    locks = [
        (event.action._value_, *(getattr(event, name) for name in _EVENT_PARTS))
        for event in routine.lock_events
    ]
    accesses = [
        *map(tuple, routine.guarded_accesses),
        *map(tuple, routine.element_accesses),
        *map(tuple, routine.said),
    ]
    places = [(one._displacement, one._kind._size) for one in routine.locals]
    traits = routine.entered._value_, routine.pushed, routine.copies_user, routine.context
    return (
        traits,
        roles,
        places,
        locks,
        accesses,
        _inlined(routine),
        *routine.locks,
        _exceptions(routine),
    )


def _inlined(routine: Routine) -> list[object]:
    """Return where the code of inline functions lies, and what it may change."""
    if not routine.inlined:
        return []
    at = {id(item): index for index, item in enumerate(routine.items)}
    roles = {id(role): number for number, role in enumerate(routine.roles)}
    return [
        (
            (one.name, sorted(one.changed), sorted(one.named.items())),
            (at[id(one.first)], at[id(one.last)], [roles[id(role)] for role in one.results]),
            [(number, *said_of(kind)) for number, kind in one.given],
        )
        for one in routine.inlined
    ]


def _exceptions(routine: Routine) -> tuple[object, ...]:
    """Return the exceptions from rules in a function, and the lines that they may be about."""
    if not routine.allowances:
        return ()
    allowed = [(one.rule, one.start, one.end) for one in routine.allowances]
    lines = [(*one.source, one.body_line) for one in routine.items if isinstance(one, Line)]
    return (*allowed, *lines)


class _Numbers(dict[object, int]):
    """A number for each role of a function, and the next ones for what else is asked for."""

    def __missing__(self, role: object) -> int:
        number = self[role] = len(self)
        return number


def _operand_roles(routine: Routine) -> bytes:
    """Return which roles the operands have, and where their memory is a program's."""
    numbers = _Numbers(zip(routine.roles, count(2)))
    numbers[None], numbers[User] = NO_ROLE, BY_USER
    return array("H", map(numbers.__getitem__, routine.operand_roles)).tobytes()


def marshalled(value: Any) -> bytes:
    """Return equal bytes for equal values: later versions of marshal tell shared objects apart."""
    return marshal.dumps(value, 0)


def said_of(kind: TypeMeta) -> tuple[object, ...]:
    """Return what words say of the values of a type, and whether these are pointers."""
    words = kind._owned, kind._fails, kind._nullable, kind._untrusted, kind._fetched, kind._remote
    filled = owning_offsets(getattr(kind, "_target", None)) if kind._filled else ()
    return (*words, kind._bounded, kind._disclosed, kind._by_user, filled, is_pointer(kind))
