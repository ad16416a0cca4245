"""E054 and E055: paired states are begun and ended in turn, nothing sleeps in them, and they may
pin; interrupts that are turned off come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

from pykasm import *
from tests.unit.checking import broken, findings, mended, rules
from tests.unit.messages import refusal

PINNED = PairedState("pinned", pins=True)
OPEN = PairedState("memory open")


class Helpers(Subsystem):
    """Functions that others call, and the states that they begin."""

    depth = percpu(U32)
    count = percpu(U64)
    lock = bss(U32)

    @inline
    def pin(self) -> None:
        begins(PINNED)
        inc(self.depth)

    @inline
    def unpin(self) -> None:
        ends(PINNED)
        dec(self.depth)

    @inline
    @contextmanager
    def opened(self) -> Iterator[None]:
        begins(OPEN)
        stac()
        yield
        ends(OPEN)
        clac()

    @function(sleeps=True)
    def rest(self) -> None:
        hlt()

    @function
    def through(self) -> None:
        self.rest()

    @function
    def nested(self) -> None:
        self.pin()
        self.unpin()


Write = Callable[[Any, Any], None]


def written(write: Write) -> type[Helpers]:
    """A subsystem with a function of a number that `write` writes."""

    class States(Helpers):
        @function(context="thread")
        def run(self, number: U64) -> None:
            write(self, number)

    return States


def test_a_state_that_is_not_ended() -> None:
    assert broken("E054") == [
        """\
error[E054]: `preemption disabled` is not ended on some path to here
  FILE:LINE
  LINE |             ret()
        |             ^^^^^ the function is left here
  LINE |         inc(self.reasons)
        |         ^^^^^^^^^^^^^^^^^ `Broken.run` begins `preemption disabled`
help: end it on every path"""
    ]
    assert mended("E054") == []


def ended_twice(own: Any, number: Any) -> None:
    own.pin()
    with if_(number == 0):
        own.unpin()
    own.unpin()


def begun_twice(own: Any, number: Any) -> None:
    own.pin()
    own.pin()
    own.unpin()


def never_begun(own: Any, number: Any) -> None:
    own.unpin()


@pytest.mark.parametrize("write", [ended_twice, begun_twice, never_begun])
def test_other_states_out_of_turn(write: Write) -> None:
    assert set(rules(written(write)())) == {"E054"}


def by_call(own: Any, number: Any) -> None:
    own.pin()
    own.nested()
    own.unpin()


def in_a_loop(own: Any, number: Any) -> None:
    with while_(number != 0):
        own.pin()
        dec(number)
        with if_(number == 5):
            own.unpin()
            break_()
        own.unpin()


def one_in_another(own: Any, number: Any) -> None:
    own.pin()
    with own.opened():
        add(number, 1)
    own.unpin()


@pytest.mark.parametrize("write", [by_call, in_a_loop, one_in_another])
def test_states_in_turn(write: Write) -> None:
    assert rules(written(write)()) == []


def test_nothing_sleeps_in_a_state() -> None:
    def write(own: Any, number: Any) -> None:
        own.pin()
        own.through()
        own.unpin()

    (message,) = findings(written(write)())
    assert message.startswith("error[E040]: `States.through` may sleep, but `pinned` has begun\n")
    assert message.endswith("help: end the state first")


def counted(own: Any, number: Any) -> None:
    mov(rax, own.count)
    add(rax, number)
    mov(own.count, rax)


def counted_pinned(own: Any, number: Any) -> None:
    own.pin()
    counted(own, number)
    own.unpin()


def counted_open(own: Any, number: Any) -> None:
    with own.opened():
        counted(own, number)


@pytest.mark.parametrize(
    ("write", "found"), [(counted, ["E041"]), (counted_pinned, []), (counted_open, ["E041"])]
)
def test_states_that_pin_the_thread(write: Write, found: list[str]) -> None:
    assert rules(written(write)()) == found


def test_states_make_no_order_of_locks_harmless() -> None:
    """Unlike a lock that is held around both, a state is each processor's own."""

    def two(own: Any, first: Any, second: Any) -> None:
        own.pin()
        for lock in (first, second):
            taking(lock)
            mov(lock, 1)
        for lock in (second, first):
            releasing(lock)
            mov(lock, 0)
        own.unpin()

    class Locks(Helpers):
        other = bss(U32)

        @function(context="thread")
        def run(self) -> None:
            two(self, self.lock, self.other)
            self.back()

        @function
        def back(self) -> None:
            two(self, self.other, self.lock)

    assert rules(Locks()) == ["E052"]


def test_what_is_no_state() -> None:
    def write(own: Any, number: Any) -> None:
        begins("pinned")  # type: ignore[arg-type]

    wrong = written(write)()
    assert "error[declaration]: `begins` takes a state" in refusal(lambda: findings(wrong))


# Interrupts


def test_interrupts_that_are_left_off() -> None:
    assert broken("E055") == [
        """\
error[E055]: interrupts are left off on some path to here
  FILE:LINE
  LINE |             ret(0)
        |             ^^^^^^ the function is left here
  LINE |         cli()
        |         ^^^^^ they are turned off here
help: turn them on again on every path, or let the function state `context="interrupts off"`"""
    ]
    assert mended("E055") == []


class Flags(Helpers):
    """Ways to turn interrupts off."""

    @function(context="interrupts off")
    def for_its_caller(self) -> None:
        cli()

    @function
    def as_they_were(self) -> None:
        flags = local(U64)
        pushfq()
        pop(flags)
        cli()
        self.for_its_caller()
        push(flags)
        popfq()

    @function
    def for_ever(self) -> NoReturn:
        cli()
        with loop():
            hlt()
        never()

    @function(context="thread")
    def run(self) -> None:
        self.as_they_were()
        self.for_ever()


def test_interrupts_that_come_back_or_may_stay_off() -> None:
    assert rules(Flags()) == []


class Forgets(Flags):
    """Turns interrupts off in a function that is called with them on."""

    @function
    def forgets(self) -> None:
        cli()
        self.for_its_caller()

    @function(context="thread")
    def run(self) -> None:
        self.forgets()


def test_interrupts_that_a_callee_leaves_off() -> None:
    assert rules(Forgets()) == ["E055"]


class TurnsOn(Flags):
    """Turns interrupts on for callers that may have them off."""

    ticks = bss(U64)

    @function(context="any")
    def note(self) -> None:
        cli()
        inc(self.ticks)
        sti()

    @function(context="thread")
    def run(self) -> None:
        self.note()


class TurnsOnUnderLock(TurnsOn):
    """Calls it where a lock is held."""

    @function
    def note(self) -> None:
        cli()
        inc(self.ticks)
        sti()

    @function(context="thread")
    def run(self) -> None:
        cli()
        taking(self.lock)
        mov(self.lock, 1)
        self.note()
        releasing(self.lock)
        mov(self.lock, 0)
        sti()


def test_interrupts_that_are_turned_on_for_who_has_them_off() -> None:
    assert findings(TurnsOn()) == [
        """\
error[E055]: interrupts are left on, and callers may have them off
  FILE:LINE
  LINE |         sti()
        |         ^^^^^ they are turned on here
help: restore the flags of before: `pushfq()`, `cli()`, then `popfq()`"""
    ]
    (found,) = findings(TurnsOnUnderLock())
    assert "`TurnsOnUnderLock.run` has them off here" in found


class TurnsOnInOrder(TurnsOnUnderLock):
    """Restores flags, or turns them off again; and where nobody relies on it, leaves them on."""

    @function(context="any")
    def note(self) -> None:
        flags = local(U64)
        pushfq()
        pop(flags)
        cli()
        inc(self.ticks)
        push(flags)
        popfq()

    @function(context="interrupts off")
    def rest(self) -> None:
        sti()
        hlt()
        cli()

    @function(context="thread")
    def run(self) -> None:
        cli()
        taking(self.lock)
        mov(self.lock, 1)
        self.note()
        releasing(self.lock)
        mov(self.lock, 0)
        self.rest()
        self.begin()

    @function
    def begin(self) -> None:
        sti()


def test_interrupts_that_are_turned_on_in_order() -> None:
    assert rules(TurnsOnInOrder()) == []
