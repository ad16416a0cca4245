"""What code says of its locks: how they are called, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pykasm import *
from pykasm.check.examples.spinlock import SpinLock
from pykasm.errors import BuildFailed, Mistake
from pykasm.lang.routine import Routine
from tests.unit.messages import normalised


class Queue(Struct):
    """Something with a lock in it."""

    lock: SpinLock
    length: U32 = field(guarded_by="lock")


class Pipe(Struct):
    """Something with something with a lock in it."""

    state: U8 = field(guarded_by="readers.lock")
    owner: U8 = field(guarded_by="Table.lock")
    readers: Queue
    locks: Array[SpinLock] = field(count=4)


class LongQueue(Queue):
    """A queue with more fields."""

    longest: U32


def routine(function: Any) -> Routine:
    program = Image(function, [function._owner]).assemble()
    return next(
        one for unit in program.units for one in unit.routines if one.symbol == str(function)
    )


def failure(function: Any) -> str:
    with pytest.raises(BuildFailed) as caught:
        Image(function, [function._owner]).assemble()
    return normalised(str(caught.value))


def test_locks_are_called_by_their_symbol_or_by_the_struct_that_has_them() -> None:
    class Taker(Subsystem):
        lock = bss(SpinLock)
        locks = bss(SpinLock * 2)
        pipe = bss(Pipe)
        long = bss(LongQueue)

        @function(exported=True)
        def run(self, pipe: Ptr[Pipe], index: U64) -> None:
            taking(self.lock)
            taking(self.locks[index])
            taking(self.pipe.readers.lock)
            taking(pipe.readers.lock, rank="second")
            taking(pipe.locks[index])
            taking(self.long.lock)
            nop()

    assert [(one.lock, one.is_class) for one in routine(Taker().run).lock_events] == [
        ("Taker.lock", False),
        ("Taker.locks", False),
        ("Queue.lock", True),
        ("Queue.lock:second", True),
        ("Pipe.locks", True),
        ("Queue.lock", True),
    ]


def test_contracts_name_locks_by_paths() -> None:
    class Taker(Subsystem):
        lock = bss(SpinLock)

        @function(
            exported=True,
            holds=("pipe.readers.lock", "lock"),
            acquires="pipe.locks",
            releases="RunQueue.lock",
        )
        def run(self, pipe: Ptr[Pipe]) -> None:
            nop()

    assert routine(Taker().run).locks == (
        ("Queue.lock", "Taker.lock"),
        ("Pipe.locks",),
        ("RunQueue.lock",),
        ("RunQueue.lock",),
    )


def test_fields_name_their_guards_by_paths() -> None:
    fields = {**Pipe._fields, **LongQueue._fields}  # type: ignore[attr-defined]
    assert {name: one.guard for name, one in fields.items()} == {
        "state": "Queue.lock",
        "owner": "Table.lock",
        "readers": "",
        "locks": "",
        "lock": "",
        "length": "Queue.lock",
        "longest": "",
    }


def test_touches_of_guarded_fields_are_noted() -> None:
    class Toucher(Subsystem):
        pipe = bss(Pipe)
        pipes = bss(Pipe * 4)

        @function(exported=True)
        def run(self, pipe: Ptr[Pipe], other: Ptr[Pipe], register: U64) -> None:
            mov(pipe.state, 1)
            inc(self.pipe.readers.length)
            lea(register, pipe.readers.length)
            mov(self.pipes[1].owner, 2)
            with unshared(pipe):
                mov(pipe.state, 0)
                mov(other.readers.length, 0)
            with unshared(self.pipe):
                mov(self.pipe.owner, 3)

    assert [
        (one.field, one.guard, one.address) for one in routine(Toucher().run).guarded_accesses
    ] == [
        ("Pipe.state", "Queue.lock", False),
        ("Queue.length", "Queue.lock", False),
        ("Queue.length", "Queue.lock", True),
        ("Pipe.owner", "Table.lock", False),
        ("Queue.length", "Queue.lock", False),
    ]


def whole_message(make: Callable[[], object]) -> str:
    with pytest.raises(Mistake) as caught:
        make()
    return normalised(str(caught.value))


def test_a_guard_is_a_field() -> None:
    class Misguarded(Struct):
        lock: SpinLock
        length: U32 = field(guarded_by="lokc")

    assert (
        whole_message(lambda: sizeof(Misguarded))
        == """\
error[declaration]: `Misguarded` has no lock `lokc`
  FILE:LINE
  LINE |         whole_message(lambda: sizeof(Misguarded))
        |                               ^^^^^^^^^^^^^^^^^^
expected: `guarded_by=` with a field of the same struct, or a lock elsewhere by name
got: lokc
help: did you mean `lock`?"""
    )


def test_a_guard_inside_of_a_field_is_a_field_too() -> None:
    class Misguarded(Struct):
        queue: Queue
        count: U32
        length: U32 = field(guarded_by="count.lock")

    assert (
        whole_message(lambda: sizeof(Misguarded))
        == """\
error[declaration]: `Misguarded.count` has no field `lock`
  FILE:LINE
  LINE |         whole_message(lambda: sizeof(Misguarded))
        |                               ^^^^^^^^^^^^^^^^^^
expected: a struct
got: U32"""
    )


def test_contracts_name_what_there_is() -> None:
    class Holder(Subsystem):
        lock = bss(SpinLock)

        @function(exported=True, holds="lokc")
        def run(self) -> None:
            nop()

    assert (
        failure(Holder().run)
        == """\
error[declaration]: `holds` names no lock: `lokc`
  FILE:LINE
  LINE |         def run(self) -> None:
        |         ^^^^^^^^^^^^^^^^^^^^^^
expected: a path from a parameter or from `self` to a lock, such as `cache.lock`
got: lokc
help: did you mean `lock`?

1 error"""
    )


def test_contracts_name_fields_that_there_are() -> None:
    class Holder(Subsystem):
        @function(exported=True, acquires="queue.lokc")
        def run(self, queue: Ptr[Queue]) -> None:
            nop()

    assert (
        failure(Holder().run)
        == """\
error[unknown-field]: `Queue` has no field `lokc`
  FILE:LINE
  LINE |         def run(self, queue: Ptr[Queue]) -> None:
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: one of lock, length
got: lokc
help: did you mean `lock`?

1 error"""
    )


def test_a_lock_behind_a_bare_pointer_has_no_name() -> None:
    class Taker(Subsystem):
        @function(exported=True)
        def run(self, lock: Ptr[SpinLock]) -> None:
            taking(at(lock))

    assert (
        failure(Taker().run)
        == """\
error[declaration]: `taking` takes a lock
  FILE:LINE
  LINE |             taking(at(lock))
        |             ^^^^^^^^^^^^^^^^
expected: a datum, or a field of a struct
got: `[lock]`
help: name it by the struct that has it: `cache.lock`

1 error"""
    )


def test_a_context_is_one_of_few() -> None:
    assert (
        whole_message(lambda: function(context="threads"))  # type: ignore[call-overload]
        == """\
error[declaration]: there is no context `threads`
  FILE:LINE
  LINE |         whole_message(lambda: function(context="threads"))  # type: ignore[call-overload]
        |                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: one of thread, deferred, interrupt, interrupts off, any
got: 'threads'
help: did you mean `thread`?"""
    )


def test_unshared_covers_guarded_fields() -> None:
    class Maker(Subsystem):
        @function(exported=True)
        def run(self, queue: Ptr[LongQueue]) -> None:
            with unshared(queue):
                mov(queue.longest, 0)

    assert (
        failure(Maker().run)
        == """\
error[declaration]: no guarded field of `queue` is touched here
  FILE:LINE
  LINE |             with unshared(queue):
        |                  ^^^^^^^^^^^^^^^
expected: a block that writes fields which name their lock
got: a block that needs no `unshared`
help: take it out

1 error"""
    )


def test_unshared_takes_an_object() -> None:
    class Maker(Subsystem):
        @function(exported=True)
        def run(self) -> None:
            with unshared(7):  # type: ignore[arg-type]
                nop()

    assert (
        failure(Maker().run)
        == """\
error[type]: `unshared` takes an object
  FILE:LINE
  LINE |             with unshared(7):  # type: ignore[arg-type]
        |                  ^^^^^^^^^^^
expected: a pointer in a register, or a datum
got: 7

1 error"""
    )


def test_code_that_sleeps_runs_in_threads() -> None:
    assert (
        whole_message(lambda: function(sleeps=True, context="interrupt"))
        == """\
error[declaration]: `context="interrupt"` means that nothing sleeps
  FILE:LINE
  LINE |         whole_message(lambda: function(sleeps=True, context="interrupt"))
        |                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: `sleeps=True` with `context="thread"`, or none
got: `sleeps=True` with `context="interrupt"`"""
    )
