"""What code says about the locks that it takes and gives back, for the checker."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from operator import attrgetter

from pykasm.errors import DeclarationMistake
from pykasm.isa.code import Label
from pykasm.lang.builder import current
from pykasm.lang.data import Data
from pykasm.lang.operands import MemoryOperand, Operand
from pykasm.lang.types import Struct, value_has_no_place


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


def taking(lock: Operand) -> None:
    """Say that the next instruction takes `lock`, or begins to wait for it."""
    _record("taking", LockAction.TAKE, lock)


def releasing(lock: Operand) -> None:
    """Say that the next instruction releases `lock`."""
    _record("releasing", LockAction.RELEASE, lock)


def breaking_open(lock: Operand) -> None:
    """Say that the next instruction releases `lock` for whoever holds it, who must not go on."""
    _record("breaking_open", LockAction.BREAK, lock)


def _record(word: str, action: LockAction, lock: Operand) -> None:
    builder = current(word)
    builder.lock_events.append(LockEvent(action, lock_name(lock, word), len(builder.items)))


def lock_name(lock: object, word: str) -> str:
    """What a lock is called: its field and the struct that has it, or else its symbol.

    All locks in one field, such as `Cache.lock`, are one class: they have a common place in the
    order of locks.
    """
    if isinstance(lock, MemoryOperand):
        if lock._within is not None:
            return str(lock._within)
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
