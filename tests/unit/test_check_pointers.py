"""Calls through pointers whose types have names."""

import pytest

from pykasm import *
from pykasm.check.examples.spinlock import SpinLock
from pykasm.errors import BuildFailed, DeclarationMistake
from tests.unit.checking import findings, rules


class Alarm(Struct):
    """Something that rings in an interrupt."""

    ring: "Ring"
    clean: "Clean"


class Ring(Fn[[Ptr[Alarm]], Void], context="interrupt"):
    """Called with interrupts off."""


class Clean(Fn[[Ptr[Alarm]], Void], context="thread"):
    """Called by threads."""


class Alarms(Subsystem):
    """Rings and cleans alarms."""

    alarm = bss(Alarm)
    count = bss(U64)

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function(sleeps=True)
    def wait(self) -> None:
        hlt()

    def _ring(self) -> None:
        lea(rdi, self.alarm)
        self.alarm.ring(cast(rdi, Ptr[Alarm]))

    def _clean(self) -> None:
        lea(rdi, self.alarm)
        self.alarm.clean(cast(rdi, Ptr[Alarm]))


class SleepingRing(Alarms):
    """Gives a function that sleeps away for interrupts."""

    @function
    def run(self) -> None:
        mov(self.alarm.ring, address_of(self.doze))
        self._ring()

    @function
    def doze(self, alarm: Ptr[Alarm]) -> None:
        self.wait()


def test_a_function_runs_in_the_context_of_the_pointers_to_it() -> None:
    assert findings(SleepingRing()) == [
        """\
error[E040]: `SleepingRing.wait` may sleep, but an interrupt handler calls it
  FILE:LINE
  LINE |         self.wait()
        |         ^^^^^^^^^^^
  LINE |     def wait(self) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^^ `SleepingRing.wait` sleeps
help: let the handler wake a thread that does the rest"""
    ]


class LyingRing(SleepingRing):
    """States another context than it runs in."""

    @function
    def run(self) -> None:
        mov(self.alarm.ring, address_of(self.lie))
        self._ring()

    @function(context="thread")
    def lie(self, alarm: Ptr[Alarm]) -> None:
        inc(self.count)


class GivenForThreads(LyingRing):
    """Runs where it says."""

    @function
    def run(self) -> None:
        mov(self.alarm.clean, address_of(self.lie))
        self._clean()


def test_what_a_function_states_is_not_believed() -> None:
    assert findings(LyingRing()) == [
        """\
error[E043]: `LyingRing.lie` states that it is code of threads, but `Ring` is for code of interrupts
  FILE:LINE
  LINE |     def lie(self, alarm: Ptr[Alarm]) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  LINE |         mov(self.alarm.ring, address_of(self.lie))
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `LyingRing.run` gives its address
help: do here what may be done there, and leave the rest to a thread"""
    ]
    assert findings(GivenForThreads()) == []


class InterruptedCaller(Alarms):
    """Calls with interrupts on what relies on their being off."""

    @function(context="thread")
    def run(self) -> None:
        mov(self.alarm.ring, address_of(self.tick))
        self._ring()

    @function
    def tick(self, alarm: Ptr[Alarm]) -> None:
        inc(self.count)


def test_callers_are_held_to_the_context_of_a_pointer() -> None:
    assert rules(InterruptedCaller()) == ["E043"]


class TakenAgain(Alarms):
    """Calls under a lock a function that takes it, and has one that sleeps for threads alone."""

    @function
    def run(self) -> None:
        mov(self.alarm.ring, address_of(self.count_locked))
        mov(self.alarm.clean, address_of(self.rest))
        self.lock.take()
        self._ring()
        self.lock.drop()

    @function
    def count_locked(self, alarm: Ptr[Alarm]) -> None:
        self.lock.take()
        inc(self.count)
        self.lock.drop()

    @function
    def rest(self, alarm: Ptr[Alarm]) -> None:
        self.wait()


class SleepsLocked(TakenAgain):
    """Calls the other one."""

    @function
    def run(self) -> None:
        mov(self.alarm.ring, address_of(self.count_locked))
        mov(self.alarm.clean, address_of(self.rest))
        self.lock.take()
        self._clean()
        self.lock.drop()


def test_calls_lead_to_the_functions_of_the_pointers_own_type() -> None:
    (message,) = findings(TakenAgain())
    assert message.splitlines()[0] == (
        "error[E050]: `TakenAgain.lock` is held, and `TakenAgain.count_locked` takes it"
    )
    (message,) = findings(SleepsLocked())
    assert message.splitlines()[0] == (
        "error[E040]: `SleepsLocked.rest` may sleep, but `SleepsLocked.lock` is held"
    )


class Prepared(Alarms):
    """Gives the address by a parameter of code in place, a datum and an argument."""

    def __init__(self) -> None:
        super().__init__()
        self.made = data(Alarm, Alarm(ring=self.in_datum))

    @function
    def run(self) -> None:
        self._prepare(address_of(self.in_place))
        self.take(address_of(self.as_argument))
        self._ring()

    @inline(changes=rax)
    def _prepare(self, ring: Ring) -> None:
        mov(rax, ring)
        mov(self.alarm.ring, rax)

    @function
    def take(self, ring: Ring) -> None:
        mov(self.alarm.ring, ring)

    @function
    def in_datum(self, alarm: Ptr[Alarm]) -> None:
        self.wait()

    @function
    def in_place(self, alarm: Ptr[Alarm]) -> None:
        self.wait()

    @function
    def as_argument(self, alarm: Ptr[Alarm]) -> None:
        self.wait()


def test_addresses_are_followed_however_they_are_given() -> None:
    assert rules(Prepared()) == ["E040"] * 3


class Untyped(Alarms):
    """Takes the address for nothing in particular: it may become a pointer of any type."""

    @function
    def run(self) -> None:
        lea(rax, self.rest)
        mov(self.alarm.clean, rax)
        self.lock.take()
        self._clean()
        self.lock.drop()

    @function
    def rest(self, alarm: Ptr[Alarm]) -> None:
        self.wait()


def test_an_address_without_a_type_may_be_of_each() -> None:
    assert rules(Untyped()) == ["E040"]


class Mixed(Alarms):
    """Takes a pointer of one type for another one."""

    @function
    def run(self) -> None:
        self.take(self.alarm.ring)

    @function
    def take(self, clean: Clean) -> None:
        mov(self.alarm.clean, clean)


class OtherFunction(Alarms):
    """Stores the address of a function that is called in another way."""

    @function
    def run(self) -> None:
        mov(self.alarm.ring, address_of(self.wait))


@pytest.mark.parametrize("wrong", [Mixed, OtherFunction])
def test_types_with_names_do_not_mix(wrong: type[Alarms]) -> None:
    with pytest.raises(BuildFailed):
        findings(wrong())


def test_a_context_that_there_is_none_of() -> None:
    with pytest.raises(DeclarationMistake, match="there is no context `treads`"):

        class Wrong(Fn[[], Void], context="treads"):  # type: ignore[arg-type]
            pass
