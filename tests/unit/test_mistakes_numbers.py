"""Mistakes with numbers and flags that the machine takes without a word: shifts by the width, parts
of addresses, flags of another condition."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pykasm import *
from pykasm.hostrun import Host
from pykasm.lang.image import Image
from tests.unit.messages import message_of, refusal


class Pair(Struct):
    """Two numbers."""

    first: U64
    second: U32


Write = Callable[[Ptr[Pair], U64], None]
"""What writes the body of a function of a pointer and a number."""


def body(write: Write) -> type[Subsystem]:
    """A subsystem with a function that `write` writes."""

    class Wrong(Subsystem):
        @function
        def wrong(self, pair: Ptr[Pair], number: U64) -> None:
            write(pair, number)

    return Wrong


# Shifts


def test_a_shift_by_the_width() -> None:
    class Wrong(Subsystem):
        @function
        def wrong(self, number: U64) -> None:
            shl(u32(number), 32)

    assert (
        message_of(Wrong)
        == """\
error[value-range]: `number` is shifted by 32, and has 32 bits
  FILE:LINE
  LINE |             shl(u32(number), 32)
        |             ^^^^^^^^^^^^^^^^^^^^
expected: 0 to 31
got: 32
help: shift all of it: `u64(number)`"""
    )


@pytest.mark.parametrize(
    "write",
    [
        lambda pair, number: shr(number, 64),
        lambda pair, number: sar(ax, 16),
        lambda pair, number: rol(cl, 8),
        lambda pair, number: shl(pair.second, 40),
        lambda pair, number: shld(eax, ecx, 32),
        lambda pair, number: shrd(number, rax, 64),
    ],
)
def test_other_shifts_by_the_width(write: Write) -> None:
    assert "is shifted by" in message_of(body(write))


class Shifts(Subsystem):
    """Shifts by all but the width."""

    @function
    def shift(self, number: U64) -> U64:
        shl(number, 63)
        shr(number, 32)
        shr(u32(number), 31)
        ret(number)


def test_shifts_by_less_are_right() -> None:
    shifts = Shifts()
    assert Host(shifts).call(shifts.shift, 1) == 1


# Addresses


def test_an_address_cut_to_32_bits() -> None:
    class Wrong(Subsystem):
        @function
        def wrong(self, pair: Ptr[Pair]) -> None:
            before = scratch(Ptr[Pair])
            lea(u32(before), bare[u64(pair) - 16])

    assert (
        message_of(Wrong)
        == """\
error[type]: `before` gets a part of an address
  FILE:LINE
  LINE |             lea(u32(before), bare[u64(pair) - 16])
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: all 64 bits of it
got: r11, of which 32 bits are written
help: write to `u64(before)`"""
    )


@pytest.mark.parametrize("cut", [lambda pair: u32(pair), lambda pair: u16(pair)])
def test_addresses_cut_on_the_way_between_registers(cut: Callable[[Ptr[Pair]], U32]) -> None:
    def write(pair: Ptr[Pair], number: U64) -> None:
        other = scratch(Ptr[Pair])
        mov(cut(other), cut(pair))

    assert "`other` gets a part of an address" in message_of(body(write))


class Low(Subsystem):
    """Has addresses below 4 GiB."""

    @function
    def low(self, pair: Ptr[Pair]) -> Ptr[Pair]:
        other = scratch(Ptr[Pair])
        xor(u32(other), u32(other))
        with if_(pair.first != 0):
            mov(u32(other), pair.second)
        ret(other)


def test_addresses_that_have_32_bits_are_loaded_so() -> None:
    low = Low()
    host = Host(low)
    assert host.call(low.low, host.new(Pair, first=1, second=0xFFFF_0000)) == 0xFFFF_0000
    assert host.call(low.low, host.new(Pair, first=0, second=7)) == 0


# Flags


def test_a_flag_that_a_condition_has_left() -> None:
    class Wrong(Subsystem):
        @function
        def wrong(self, pair: Ptr[Pair]) -> None:
            dec(pair.first)
            with if_(pair.second == 3):
                mov(pair.second, 4)
            with if_(ZF):
                mov(pair.second, 5)

    assert (
        message_of(Wrong)
        == """\
error[condition]: `ZF` is what `pair.second == 3` has left
  FILE:LINE
  LINE |             with if_(ZF):
        |                  ^^^^^^^
expected: an instruction of yours that sets ZF, and no condition behind it
got: `pair.second == 3`, which code looks at in between
help: look at ZF first"""
    )


def masked(pair: Ptr[Pair], number: U64) -> None:
    add(number, 1)
    with if_(pair.second & 1):
        mov(pair.second, 0)
        lea(rax, pair)
    with loop():
        break_if(CF)
        inc(number)


@inline
def carries(number: U64, limit: U64) -> Condition:
    """Whether one more is too much."""
    add(number, 1)
    with if_(number == limit):
        mov(limit, 0)
    return CF | (number > limit)


@pytest.mark.parametrize("write", [masked, lambda pair, number: branch(carries(number, rax))])
def test_other_flags_that_a_condition_has_left(write: Write) -> None:
    assert " has left" in message_of(body(write))


class Asserted(Subsystem):
    """Looks at a flag of its own, which debug builds have changed by then."""

    @function(exported=True)
    def failed(self, text: Ptr[U8]) -> None:
        mov(rax, text)

    @function
    def drop(self, pair: Ptr[Pair]) -> None:
        lock.dec(pair.first)
        asserts(pair.second == 0)
        with if_(ZF):
            mov(pair.second, 1)


def test_a_flag_that_an_assertion_has_left() -> None:
    asserted = Asserted()
    image = Image(entry=asserted.drop, subsystems=[asserted], on_assert=asserted.failed)
    image.assemble(debug=False)
    assert "`ZF` is what `pair.second == 0` has left" in refusal(lambda: image.assemble(debug=True))


def branch(test: Condition) -> None:
    with if_(test):
        nop()


class Flags(Subsystem):
    """Looks at flags behind what leaves them alone."""

    @function
    def count_down(self, number: U64, limit: U64) -> U64:
        with if_(number > limit):
            mov(number, limit)
        dec(number)
        mov(rax, number)
        with if_(ZF):
            mov(rax, limit)
        ret(rax)

    @function
    def step(self, number: U64) -> U64:
        add(number, 1)
        with if_(~CF & ZF):  # looked at twice: jumps leave flags alone
            ret(5)
        with if_(CF):
            ret(7)
        ret(number)


def test_flags_behind_what_leaves_them_alone() -> None:
    flags = Flags()
    host = Host(flags)
    assert host.call(flags.count_down, 9, 1) == 1
    assert host.call(flags.count_down, 3, 9) == 2
    assert host.call(flags.step, 2**64 - 1) == 7
    assert host.call(flags.step, 1) == 2
