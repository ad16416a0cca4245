"""Mistakes in what images and hosts are made of."""

from __future__ import annotations

from typing import Any

import pytest

from pykasm import *
from pykasm.hostrun import Host
from tests.unit.messages import message_of, refusal


class Clock(Subsystem):
    ticks = bss(U64)

    @function(exported=True)
    def tick(self) -> None:
        inc(self.ticks)

    @function(exported=True)
    def now(self) -> U64:
        ret(self.ticks)

    def helper(self) -> None:
        nop()


class User(Subsystem):
    def __init__(self, clock: Any) -> None:
        self.clock = clock

    @function(exported=True)
    def run(self) -> None:
        self.clock.tick()


def image(entry: Any, *subsystems: Any, **options: Any) -> Image:
    return Image(entry=entry, subsystems=list(subsystems), **options)


def test_a_class_in_the_list_of_subsystems() -> None:
    clock = Clock()
    assert (
        refusal(lambda: Image(entry=clock.tick, subsystems=[Clock]))  # type: ignore[list-item]
        == """\
error[declaration]: `Image` is made of subsystems
  FILE:LINE
  LINE |         refusal(lambda: Image(entry=clock.tick, subsystems=[Clock]))  # type: ignore[list-item]
        |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: instances of classes that extend `Subsystem`
got: the class `Clock`
help: `Clock(…)` makes one"""
    )


def test_a_subsystem_in_place_of_the_list() -> None:
    clock: Any = Clock()
    assert (
        refusal(lambda: Image(entry=clock.tick, subsystems=clock))
        == """\
error[declaration]: `Image` is made of subsystems
  FILE:LINE
  LINE |         refusal(lambda: Image(entry=clock.tick, subsystems=clock))
        |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: instances of classes that extend `Subsystem`
got: a Clock
help: `[a Clock]`"""
    )


@pytest.mark.parametrize(
    ("entry", "got"),
    [
        (lambda clock: clock, "got: a whole Clock\nhelp: name one of its functions"),
        (
            lambda clock: Clock.tick,
            "got: `tick` of the class\nhelp: make an instance, and name its function: `it.tick`",
        ),
        (
            lambda clock: clock.helper,
            "got: `helper`, a plain method: Python, with no code of its own\n"
            "help: mark it with `@function`, `@naked` or `@entry()`",
        ),
        (lambda clock: None, "got: None"),
    ],
)
def test_an_entry_that_is_no_function(entry: Any, got: str) -> None:
    clock = Clock()
    for option in ("entry", "on_assert"):
        options = {"entry": clock.tick, option: entry(clock)}
        if option == "entry" or entry(clock) is not None:
            message = refusal(lambda options=options: Image(subsystems=[clock], **options))
            what = f"error[declaration]: `{option}` of an image is a function of a subsystem"
            assert message.startswith(what)
            assert message.endswith(f"expected: `subsystem.function`\n{got}")


def test_an_entry_of_a_subsystem_that_is_not_listed() -> None:
    clock = Clock()
    assert (
        refusal(lambda: Image(entry=clock.tick, subsystems=[Clock()]))
        == """\
error[declaration]: `Clock.tick` belongs to no subsystem of the image
  FILE:LINE
  LINE |         refusal(lambda: Image(entry=clock.tick, subsystems=[Clock()]))
        |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: `entry=` with a function of one of the subsystems
got: one of a Clock that is not listed
help: list its subsystem too"""
    )


def test_a_call_of_another_object_than_the_listed_one() -> None:
    clock, user = Clock(), User(Clock())
    assert (
        refusal(image(user.run, clock, user).assemble)
        == """\
error[symbol]: `Clock.tick` belongs to another object than the one that the image has
  FILE:LINE
  LINE |         self.clock.tick()
        |         ^^^^^^^^^^^^^^^^^
expected: something of the objects that the image was given
got: that of another one with the same name
help: hand the same object to all that use it"""
    )


def test_an_address_of_another_object_than_the_listed_one() -> None:
    class Pointing(Subsystem):
        table = data(Fn[[], Void] * 1, [Clock().tick])

    clock, pointing = Clock(), Pointing()
    assert refusal(image(clock.tick, clock, pointing).assemble).startswith(
        "error[symbol]: `Clock.tick` belongs to another object than the one that the image has"
    )


class Twice(Subsystem):
    count = bss(U64)
    _count = bss(U64)

    @function(exported=True)
    def wrong(self) -> None:
        inc(self.count)
        inc(self._count)


TWICE = """\
error[symbol]: there are two symbols `Twice.count`
  FILE:LINE
  LINE |     _count = bss(U64)
        |              ^^^^^^^^ the second one
  LINE |     count = bss(U64)
        |             ^^^^^^^^ the first one
expected: a name of its own for each datum and each routine
got: one name for two
help: rename one of them; underscores around a name are no part of its symbol"""


def test_two_data_of_one_symbol() -> None:
    assert message_of(Twice) == TWICE
    assert refusal(lambda: Host(Twice())) == TWICE


def test_a_datum_and_a_function_of_one_symbol() -> None:
    class Wrong(Subsystem):
        _wrong = bss(U64)

        @function(exported=True)
        def wrong(self) -> None:
            inc(self._wrong)

    expected = """\
error[symbol]: there are two symbols `Wrong.wrong`
  FILE:LINE
  LINE |         def wrong(self) -> None:
        |         ^^^^^^^^^^^^^^^^^^^^^^^^ the second one
  LINE |         _wrong = bss(U64)
        |                  ^^^^^^^^ the first one
expected: a name of its own for each datum and each routine
got: one name for two
help: rename one of them; underscores around a name are no part of its symbol"""
    assert message_of(Wrong) == expected
    assert refusal(lambda: Host(Wrong())) == expected


def test_a_function_and_a_stub_of_one_symbol() -> None:
    class Wrong(Subsystem):
        @function(exported=True)
        def wrong(self) -> None:
            nop()

        @emits
        def stubs(self) -> None:
            with stub("wrong"):
                ret()

    for made in (lambda: message_of(Wrong), lambda: refusal(lambda: Host(Wrong()))):
        assert made().startswith("error[symbol]: there are two symbols `Wrong.wrong`")


def test_two_subsystems_whose_symbols_meet() -> None:
    class Part(Component):
        x = bss(U64)

    class Outer(Subsystem):
        def __init__(self) -> None:
            self.inner = Part()

    class Inner(Subsystem):
        label = "Outer.inner"
        x = bss(U64)

        @function(exported=True)
        def get(self, other: U64) -> U64:
            ret(self.x)

    inner, outer = Inner(), Outer()
    message = refusal(image(inner.get, inner, outer).assemble)
    assert message.startswith("error[symbol]: there are two symbols `Outer.inner.x`")


def test_a_host_knows_the_objects_that_it_was_given() -> None:
    clock, other = Clock(), Clock()
    host, _ = Host(clock), Host(other)
    pointer = host.new(Ptr[U64])
    for name, wrong in (
        ("now", lambda: host.call(other.now)),
        ("now", lambda: host.stub(other.now, lambda: 1)),
        ("ticks", lambda: host[other.ticks]),
        ("ticks", lambda: host.address(other.ticks)),
        ("ticks", lambda: host.at(Ptr[U64], pointer).__setitem__(0, other.ticks)),
    ):
        message = refusal(wrong)
        what = f"`Clock.{name}` belongs to another object than the one that the host has"
        assert message.startswith(f"error[symbol]: {what}\n")
        assert message.endswith("help: hand the same object to all that use it")
    assert host.call(clock.now) == 0


@pytest.mark.parametrize(
    ("subject", "got"),
    [
        (lambda: Clock, "got: the class `Clock`\nhelp: `Clock(…)` makes one"),
        (
            lambda: Clock().tick,
            "got: Clock.tick\nhelp: give the subsystem that the function belongs to",
        ),
        (lambda: 5, "got: 5"),
    ],
)
def test_a_host_of_something_else(subject: Any, got: str) -> None:
    message = refusal(lambda: Host(subject()))
    assert message.startswith("error[declaration]: `Host` is made of subsystems\n")
    assert message.endswith(f"extend `Subsystem`\n{got}")


def test_a_class_given_to_what_uses_an_instance() -> None:
    assert (
        refusal(lambda: Host(User(Clock)))
        == """\
error[call]: `tick` is called without the object that it belongs to
  FILE:LINE
  LINE |         self.clock.tick()
        |         ^^^^^^^^^^^^^^^^^
expected: a call on an instance of `Clock`
got: `Clock.tick`, of the class
help: `Clock(…)` makes an instance"""
    )
