"""What code says about the locks that it takes and gives back, for the checker."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from operator import attrgetter

from pykasm.errors import DeclarationMistake
from pykasm.lang.builder import current
from pykasm.lang.data import Data
from pykasm.lang.subsystem import Component, data_of


class LockAction(Enum):
    """What happens to a lock."""

    TAKE = "take"
    RELEASE = "release"
    BREAK = "break open"


@dataclass(frozen=True, slots=True)
class LockEvent:
    """`action` happens to the lock called `lock` when the item of code at `index` runs."""

    action: LockAction
    lock: str
    index: int


def taking(lock: Component) -> None:
    """Say that the next instruction takes `lock`, or begins to wait for it."""
    _record("taking", LockAction.TAKE, lock)


def releasing(lock: Component) -> None:
    """Say that the next instruction releases `lock`."""
    _record("releasing", LockAction.RELEASE, lock)


def breaking_open(lock: Component) -> None:
    """Say that the next instruction releases `lock` for whoever holds it, who must not go on."""
    _record("breaking_open", LockAction.BREAK, lock)


def _record(word: str, action: LockAction, lock: Component) -> None:
    builder = current(word)
    builder.lock_events.append(LockEvent(action, lock_name(lock, word), len(builder.items)))


def lock_name(lock: object, word: str) -> str:
    """The path of attributes to a lock from its subsystem, such as `Console.lock`."""
    if isinstance(lock, Component):
        for path, datum in data_of(lock, ""):
            return datum._symbol_name().removesuffix(path)
    raise DeclarationMistake(
        f"`{word}` takes a lock",
        expected="a component that has data",
        got=repr(lock),
    )


def guard_of(datum: Data) -> str | None:
    """The name of the lock that must be held to touch `datum`, if it names one."""
    guard = datum._guard
    if isinstance(guard, str):
        return f"{datum._symbol_name().rpartition('.')[0]}.{guard}"
    return None if guard is None else lock_name(guard, "guarded_by")


def held_lock(owner: object, path: str) -> str:
    """The name of the lock at the attributes `path` of a subsystem."""
    try:
        lock = attrgetter(path)(owner)
    except AttributeError:
        lock = path
    return lock_name(lock, "holds")
