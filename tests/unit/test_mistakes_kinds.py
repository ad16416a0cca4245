"""Kinds of numbers: those of different kinds don't mix, whatever their width."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pykasm import *
from pykasm.hostrun import Host
from tests.unit.messages import message_of


class Physical(U64):
    """A physical address."""


class Nanoseconds(U64):
    """A time."""


class Deadline(Nanoseconds):
    """A time at which something ends."""


class Sectors(U32):
    """A size on a disk."""


class Request(Struct):
    """What is waited for."""

    when: Nanoseconds
    where: Physical
    length: Sectors
    number: U64


class Clock(Subsystem):
    """Functions that take and give numbers of kinds."""

    ends = bss(Deadline)

    @function
    def arm(self, when: Nanoseconds) -> Nanoseconds:
        ret(when)

    @function
    def page(self) -> Physical:
        ret(4096)

    @function
    def later(self, request: Ptr[Request], more: U64) -> Nanoseconds:
        when, end = keep(request.when), keep(Deadline)
        add(when, more)
        add(when, 5)
        mov(end, when)
        mov(self.ends, end)
        with if_(self.arm(end) > when):
            ret(0)
        ret(when)


def test_numbers_of_a_kind_are_numbers() -> None:
    clock = Clock()
    host = Host(clock)
    request = host.new(Request, when=7, where=4096, length=1)
    assert host.call(clock.later, request, 3) == 15
    assert host[clock.ends] == 15
    assert sizeof(Request) == 32


def test_two_kinds_in_one_instruction() -> None:
    class Wrong(Clock):
        @function
        def wrong(self, request: Ptr[Request]) -> None:
            when = keep(request.when)
            page = self.page()
            mov(when, page)

    assert (
        message_of(Wrong)
        == """\
error[type]: `when` and `page` are numbers of different kinds
  FILE:LINE
  LINE |             mov(when, page)
        |             ^^^^^^^^^^^^^^^
expected: two of one kind, such as Nanoseconds
got: when: Nanoseconds and page: Physical
help: convert one of them, by a function that is named for it"""
    )


Write = Callable[[Any, Any, Any], None]


def wrong(write: Write) -> str:
    """What a build says of a function that `write` writes of a request, a time and an address."""

    class Wrong(Clock):
        @function
        def wrong(self, request: Ptr[Request], when: Nanoseconds, where: Physical) -> None:
            write(request, when, where)

    return message_of(Wrong)


def compared(request: Any, when: Any, where: Any) -> None:
    with if_(when < where):
        nop()


@pytest.mark.parametrize(
    "write",
    [
        compared,
        lambda request, when, where: add(when, request.where),
        lambda request, when, where: sub(request.where, when),
        lambda request, when, where: cmp(when, where),
        lambda request, when, where: xchg(when, where),
        lambda request, when, where: cmove(when, where),
        lambda request, when, where: mov(request.where, when),
    ],
)
def test_other_instructions_with_two_kinds(write: Write) -> None:
    assert "numbers of different kinds" in wrong(write)


def test_an_argument_and_a_result_of_another_kind() -> None:
    class Wrong(Clock):
        @function
        def wrong(self, where: Physical) -> Nanoseconds:
            when = self.arm(where)
            ret(when)

    class Worse(Clock):
        @function
        def wrong(self) -> Physical:
            when = self.arm(1)
            ret(when)

    assert "expected: when: Nanoseconds\ngot: where: Physical" in message_of(Wrong)
    assert "expected: the result: Physical\ngot: when: Nanoseconds" in message_of(Worse)


class Converter(Clock):
    """Converts, by a name and at a place that says so."""

    @inline(changes="sectors")
    def bytes_of(self, sectors: Sectors) -> U32:
        """Turn a number of sectors, a register, into bytes."""
        shl(sectors, 9)
        return cast(sectors, U32)

    @function
    def size(self, request: Ptr[Request]) -> U32:
        size = self.bytes_of(scratch(request.length))
        ret(size)

    @function
    def count(self, request: Ptr[Request]) -> U64:
        mov(rax, request.when)  # a machine register has no kind
        add(rax, request.number)
        add(u64(request.where), rax)
        ret(rax)


def test_conversions_have_a_name() -> None:
    converter = Converter()
    host = Host(converter)
    request = host.new(Request, length=3, when=2, where=10, number=5)
    assert host.call(converter.size, request) == 3 * 512
    assert host.call(converter.count, request) == 7
