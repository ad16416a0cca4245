"""Stand-ins for parts that a test is not about."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from pykasm import *
from pykasm.errors import CallMistake, in_one_line
from pykasm.hostrun import Host, HostFault, HostStop, stand_ins
from tests.unit.messages import normalised


class Panic(Subsystem):
    """Ends all."""

    @function
    def stop(self, message: Ptr[U8]) -> NoReturn:
        with loop():
            hlt()
        never()


class Store(Subsystem):
    """Has functions and data of all kinds."""

    count = bss(U32)

    def __init__(self, panic: Panic) -> None:
        self.panic = panic
        self.room = bss(U64)

    @function
    def take(self, size: Keep[U64]) -> Ptr[U8]:
        self.panic.stop(text("empty"))

    @function
    def both(self, first: U8, second: U64) -> tuple[U64, U32]:
        ret(1, 2)

    @naked
    def bare(self) -> None:
        jmp(self.panic.stop)

    @function
    def forget(self) -> None:
        mov(self.room, 0)

    @emits
    def stubs(self) -> None:
        with stub("first"):
            jmp(self.panic.stop)

    def twice(self) -> None:
        """Plain Python, which emits code where it is called."""
        self.forget()
        self.forget()


class Grown(Store):
    """Inherits them."""


class Shop(Subsystem):
    """Uses the store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @function
    def sell(self, size: U64) -> U64:
        self.store.twice()
        inc(self.store.count)
        found = self.store.take(size)
        ret(cast(found, U64))

    @function
    def pair(self) -> U64:
        low, high = self.store.both(1, 2)
        add(low, u64(high))
        ret(low)

    @function
    def jump(self) -> None:
        call(self.store.bare)


CONTENTS: Contents = (Panic, Store, Shop)


@pytest.fixture
def parts() -> Parts:
    return Parts(CONTENTS, instead=stand_ins(Store))


def test_functions_do_nothing_and_return_0(parts: Parts) -> None:
    host = Host(parts[Shop])
    assert host.call(parts[Shop].sell, 5) == 0
    assert host.call(parts[Shop].pair) == 0
    host.call(parts[Shop].jump)


def test_data_of_the_class_is_there(parts: Parts) -> None:
    host = Host(parts[Shop])
    host.call(parts[Shop].sell, 5)
    assert host[parts[Store].count] == 1


def test_the_test_answers_with_the_types_of_the_real_one(parts: Parts) -> None:
    host = Host(parts[Shop])
    asked = host.stub(parts[Store].take, lambda size: host.bytes(b"x"))
    assert host.call(parts[Shop].sell, 7) != 0
    assert asked.calls == [(7,)]


def test_what_the_real_one_needs_is_not_needed() -> None:
    shop = Parts((Shop,), instead=stand_ins(Store))[Shop]
    assert Host(shop).call(shop.pair) == 0


def test_it_is_one_of_the_class_and_has_its_name(parts: Parts) -> None:
    store = parts[Store]
    assert isinstance(store, Store)
    assert repr(store.take) == "Store.take"


def test_inherited_functions_are_there_too() -> None:
    grown = stand_ins(Grown)[Grown]
    assert Host(grown).call(grown.take, 1) == 0


def test_what_never_returns_is_a_fault_until_it_is_answered_for() -> None:
    parts = Parts(CONTENTS, instead=stand_ins(Panic))
    host = Host(parts[Store])
    with pytest.raises(HostFault):
        host.call(parts[Store].take, 1)
    host.stub(parts[Panic].stop)
    with pytest.raises(HostStop):
        host.call(parts[Store].take, 1)


@pytest.mark.parametrize("wrong", [5, object, Panic()])
def test_only_classes_of_subsystems_have_stand_ins(wrong: Any) -> None:
    with pytest.raises(CallMistake) as caught:
        stand_ins(wrong)
    assert (
        normalised(str(caught.value))
        == f"""\
error[call]: `stand_ins` takes classes of subsystems
  FILE:LINE
  LINE |         stand_ins(wrong)
        |         ^^^^^^^^^^^^^^^^
expected: `stand_ins(Panic, Clock)`
got: {in_one_line(repr(wrong))}"""
    )
