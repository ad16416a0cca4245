"""What code says about the locks that it takes and gives back, for the checker."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from pykasm.errors import DeclarationMistake
from pykasm.isa.code import Label
from pykasm.lang.builder import current
from pykasm.lang.operand import Operand
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.places import PlaceAddress
from pykasm.lang.structs import Struct, value_has_no_place
from pykasm.lang.symbolic import AddressOperand
from pykasm.lang.types import TypeMeta, Value
from pykasm.source import Source


class LockAction(Enum):
    """What happens to a lock."""

    TAKE = "take"
    TRY = "try"
    RELEASE = "release"
    BREAK = "break open"
    BEGIN = "begin"
    END = "end"


@dataclass(frozen=True, slots=True)
class LockEvent:
    """`action` happens to the lock called `lock` when the item of code at `index` runs.

    `is_class`: the name stands for one lock in each object of a type. `sleeps`: who waits for it
    sleeps, and so may who holds it. `interrupts_off`: the code relies on interrupts being off.
    A state begins and ends as if it were a lock; `pins`: the thread stays on its processor in it.
    `by_call`: a function does it to a lock of its caller's. `on_zero`: one that tries to take it
    has done so if its result is 0, others if it is not.
    """

    action: LockAction
    lock: str
    index: int
    is_class: bool = False
    sleeps: bool = False
    interrupts_off: bool = False
    pins: bool = False
    by_call: bool = False
    on_zero: bool = False

    def at(self, index: int) -> LockEvent:
        """Return the same event at the item with this index."""
        return self if index == self.index else replace(self, index=index)


class LockContract(NamedTuple):
    """The names of locks that callers of a function hold all the while, of those that it takes
    and leaves held, and of those that it is entered with and releases. `by_name` are those among
    them that were not found by a path."""

    holds: tuple[str, ...] = ()
    acquires: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    by_name: tuple[str, ...] = ()

    @property
    def at_entry(self) -> frozenset[str]:
        """The locks that callers hold."""
        return frozenset(self.holds + self.releases)

    @property
    def at_exit(self) -> frozenset[str]:
        """The locks that are held when the function is left."""
        return frozenset(self.holds + self.acquires)


NO_LOCKS = LockContract()


def taking(
    lock: Value, *, rank: str = "", sleeps: bool = False, interrupts_off: bool = False
) -> None:
    """Say that the next instruction takes `lock`, or begins to wait for it.

    `rank` tells it from another lock of its class that is held at the same time, such as that of
    the parent; `releasing` gives the same. `sleeps`: waiting for it is sleeping, and who holds it
    may sleep too. `interrupts_off`: interrupts must be off already.
    """
    _record("taking", LockAction.TAKE, lock, rank, sleeps, interrupts_off)


def releasing(lock: Value, *, rank: str = "") -> None:
    """Say that the next instruction releases `lock`."""
    _record("releasing", LockAction.RELEASE, lock, rank)


def breaking_open(lock: Value) -> None:
    """Say that the next instruction releases `lock` for whoever holds it, who must not go on."""
    _record("breaking_open", LockAction.BREAK, lock)


class PairedState(NamedTuple):
    """Something that code begins and ends in turn, such as "preemption disabled", called `name`.

    Nobody sleeps in it. `pins`: the thread stays on its processor in it. Pairs nest over calls, not
    within a function.
    """

    name: str
    pins: bool = False


def begins(state: PairedState) -> None:
    """Say that the next instruction begins `state`."""
    _record_state("begins", LockAction.BEGIN, state)


def ends(state: PairedState) -> None:
    """Say that the next instruction ends `state`."""
    _record_state("ends", LockAction.END, state)


def _record_state(word: str, action: LockAction, state: PairedState) -> None:
    if not isinstance(state, PairedState):
        raise DeclarationMistake(
            f"`{word}` takes a state",
            expected='such as `PREEMPTION_DISABLED = PairedState("preemption disabled")`',
            got=repr(state),
        )
    builder = current(word)
    at = len(builder.items)
    builder.lock_events.append(LockEvent(action, state.name, at, pins=state.pins))


def _record(
    word: str,
    action: LockAction,
    lock: Value,
    rank: str = "",
    sleeps: bool = False,
    interrupts_off: bool = False,
) -> None:
    builder = current(word)
    name = ranked(lock_name(lock, word), rank)
    is_class = isinstance(lock, MemoryOperand) and lock._within is not None
    at = len(builder.items)
    builder.lock_events.append(LockEvent(action, name, at, is_class, sleeps, interrupts_off))


class LockingCall(NamedTuple):
    """The parameters of a function that are locks of its callers', which it takes or releases for
    them, or takes if its result says so."""

    locks: str = ""
    unlocks: str = ""
    tries: str = ""

    def note(self, given: Mapping[str, object], sleeps: bool, on_zero: bool) -> None:
        """Note what the next instruction, which calls the function with the arguments `given`, does
        to the caller's locks. A lock that only a pointer leads to has no name."""
        builder = current("a call")
        at = len(builder.items)
        for parameter, action in zip(self, _BY_CALLS, strict=True):
            place = _place_at(given.get(parameter))
            if place is not None:
                name, is_class = lock_name(place, "a call"), place._within is not None
                event = LockEvent(action, name, at, is_class, sleeps, by_call=True, on_zero=on_zero)
                builder.lock_events.append(event)

    def check(self, parameters: Mapping[str, TypeMeta]) -> None:
        """Raise a mistake unless the function has these `parameters`."""
        for word, name in self._asdict().items():
            if name and name not in parameters:
                raise _unknown_lock(name, [*parameters], word)


_BY_CALLS = (LockAction.TAKE, LockAction.RELEASE, LockAction.TRY)


def _place_at(address: object) -> MemoryOperand | None:
    """The lock at an address that code makes, if it has a name."""
    place: object = None
    if isinstance(address, PlaceAddress):
        place = address._place
    elif isinstance(address, AddressOperand):
        place = address.place
    has_name = isinstance(place, MemoryOperand) and (place._within or place._reference)
    return place if isinstance(place, MemoryOperand) and has_name else None


NO_LOCKING = LockingCall()


class LockWatcher(Protocol):
    """What the code of locks tells, in debug builds, of what it does. Its methods emit code that
    changes no register but the flags."""

    def before_taking(self, lock: Any, rank: str, place: Source) -> None:
        """`lock` is about to be taken, at `rank` among those of its class, in the line `place`."""

    def before_releasing(self, lock: Any, rank: str, place: Source) -> None:
        """`lock` is about to be released, at `rank` among those of its class, in the line
        `place`."""

    def before_breaking(self) -> None:
        """A lock is about to be released for whoever holds it."""


_watches: list[LockWatcher | None] = []


@contextmanager
def watching_locks(watch: LockWatcher | None) -> Iterator[None]:
    """Give locks inside `watch` to tell what they do; None if nobody watches them."""
    _watches.append(watch)
    try:
        yield
    finally:
        _watches.pop()


def lock_watch() -> LockWatcher | None:
    """What the image has as `on_lock`, in debug builds, for the code of locks; else None."""
    return _watches[-1] if _watches else None


def ranked(lock: str, rank: str) -> str:
    """The name of a lock that stands at `rank` among those of its class."""
    return f"{lock}:{rank}" if rank else lock


def class_of(lock: str) -> str:
    """The name of a lock without its rank."""
    return lock.partition(":")[0]


def lock_name(lock: object, word: str) -> str:
    """What a lock is called: its field and the struct that has it, or else its symbol.

    All locks in one field, such as `Cache.lock`, are one class: they have a common place in the
    order of locks.
    """
    if isinstance(lock, MemoryOperand):
        if lock._within is not None:
            return str(lock._within.field)
        if lock._reference is not None and not isinstance(lock._reference.symbol, Label):
            return lock._reference.symbol()
    if isinstance(lock, Struct):
        raise value_has_no_place(lock)
    raise DeclarationMistake(
        f"`{word}` takes a lock",
        expected="a datum, or a field of a struct",
        got=f"`{lock._text()}`" if isinstance(lock, Operand) else repr(lock),
        fix="name it by the struct that has it: `cache.lock`",
    )


def found_locks(
    stated: LockContract, owner: object, parameters: Mapping[str, TypeMeta]
) -> LockContract:
    """`stated`, whose paths begin with a parameter or an attribute of `owner`, with names."""
    found = LockContract(
        *(
            tuple(lock_at(path, owner, parameters, word) for path in paths)
            for word, paths in stated._asdict().items()
        )
    )
    if not any(stated):
        return NO_LOCKS
    pairs = [
        pair for old, new in zip(stated, found, strict=True) for pair in zip(old, new, strict=True)
    ]
    return found._replace(by_name=tuple(path for path, name in pairs if path == name))


def lock_at(path: str, owner: object, parameters: Mapping[str, TypeMeta], word: str) -> str:
    """The name of the lock at `path`, which begins with a parameter or an attribute of `owner`.

    A path that begins with neither is a name already, such as `RunQueue.lock`.
    """
    first, _, rest = path.partition(".")
    kind = parameters.get(first)
    if kind is None and not hasattr(owner, first):
        if rest:
            return path
        raise _unknown_lock(first, [*parameters, *vars(owner)], word)
    place: object = getattr(owner, first, None)
    if kind is not None:
        target: TypeMeta = getattr(kind, "_target", kind)
        place = MemoryOperand(target, name=first)
    return lock_name(attrgetter(rest)(place) if rest else place, word)


def _unknown_lock(name: str, known: list[str], word: str) -> DeclarationMistake:
    near = difflib.get_close_matches(name, known, n=1)
    return DeclarationMistake(
        f"`{word}` names no lock: `{name}`",
        expected="a path from a parameter or from `self` to a lock, such as `cache.lock`",
        got=name,
        fix=f"did you mean `{near[0]}`?" if near else "",
    )
