"""E09x: indexes stay within their arrays, by the bounds that code itself has for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykasm import *
from pykasm.check.effects import effects
from pykasm.check.graph import Node
from pykasm.check.ranges import RangeFlow
from pykasm.encode.encoder import Encoder
from pykasm.isa.registers import REGISTERS
from pykasm.isa.statement import Statement
from tests.unit.checking import broken, faults, mended, rules

COUNT = 16


class Pair(Struct):
    """An element of a size that no address scales by."""

    first: U64
    second: U64
    third: U64


class Table(Struct):
    """Arrays in a struct."""

    small: Array[U8] = field(count=COUNT)
    pairs: Array[Pair] = field(count=COUNT)


Write = Callable[[Any, Any], None]


def checked(write: Write) -> list[str]:
    """The rules that a function breaks which `write` writes, of an array of 16 and a number."""

    class Arrays(Subsystem):
        array = bss(U64 * COUNT)
        table = bss(Table)

        @function
        def run(self, number: U64) -> U64:
            write(self, number)
            ret(number)

    return rules(Arrays())


def test_an_index_past_the_end() -> None:
    assert broken("E090") == [
        """\
error[E090]: `Broken.digits[number]` may go past the end of its array
  FILE:LINE
  LINE |         movzx(eax, self.digits[number])
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the array has 10 elements, and the index may be 10
help: bound the index by the number of elements, which `len(…)` or a constant names"""
    ]
    assert mended("E090") == []


def count_up(own: Any, number: Any, stop: int, step: int = 1) -> None:
    with for_(scratch(U32), 0, stop, step=step) as index:
        mov(own.array[index], number)


def count_down(own: Any, number: Any, stop: int) -> None:
    with for_(scratch(U64), 0, stop, down=True) as index:
        mov(own.array[index], number)


def masked(own: Any, number: Any, mask: int) -> None:
    and_(number, mask)
    mov(own.array[number], 1)


def at_most(own: Any, number: Any, last: int) -> None:
    with if_(number <= last):
        mov(own.array[number], 1)


def far(own: Any, number: Any, stop: int) -> None:
    pointer = scratch(Ptr[Pair])
    with if_(number < stop):
        point_at(pointer, own.table.pairs, number)
        mov(pointer.first, 0)


def by_hand(own: Any, number: Any, stop: int) -> None:
    xor(ecx, ecx)
    with while_(rcx != stop):
        with if_(number == rcx):
            mov(own.array[rcx], 1)
        inc(rcx)


def beyond(own: Any, number: Any, first: int) -> None:
    with if_(number >= first):
        mov(own.array[number], 1)


def of_struct(own: Any, number: Any, stop: int) -> None:
    with for_(keep(U32), 1, stop) as index:
        mov(own.table.small[index], u8(number))


@pytest.mark.parametrize(
    ("write", "right", "wrong"),
    [
        (count_up, COUNT, COUNT + 1),
        (count_down, COUNT, COUNT + 1),
        (masked, COUNT - 1, COUNT),
        (at_most, COUNT - 1, COUNT),
        (far, COUNT, COUNT + 1),
        (by_hand, COUNT, COUNT + 1),
        (beyond, COUNT - 1, COUNT),
        (of_struct, COUNT, COUNT + 1),
    ],
)
def test_bounds_and_those_that_are_off_by_one(write: Any, right: int, wrong: int) -> None:
    assert checked(lambda own, number: write(own, number, right)) == []
    assert checked(lambda own, number: write(own, number, wrong)) == ["E090"]


def guarded_in_a_longer_loop(own: Any, number: Any) -> None:
    with for_(scratch(U32), 0, 2 * COUNT) as index, if_(index < COUNT):
        mov(own.array[index], number)


def left_before_the_end(own: Any, number: Any) -> None:
    with for_(scratch(U32), 0, 2 * COUNT) as index:
        break_if(index == COUNT)
        mov(own.array[index], number)


def bounded_by_data(own: Any, number: Any) -> None:
    with while_(number > own.table.pairs[0].first):
        dec(number)
    mov(own.array[number], 1)


def counted_by_another(own: Any, number: Any) -> None:
    xor(ecx, ecx)
    with for_(scratch(U32), 0, 100), if_(own.array[rcx] == number):
        inc(rcx)


def wrapped(own: Any, number: Any) -> None:
    xor(ecx, ecx)
    with for_(scratch(U32), 0, 1000):
        mov(own.array[rcx], number)
        inc(rcx)
        with if_(rcx == COUNT):
            xor(ecx, ecx)


def narrow(own: Any, number: Any) -> None:
    movzx(ecx, u8(number))
    mov(own.array[rcx], number)


def shifted(own: Any, number: Any) -> None:
    shr(number, 40)  # what the upper bits may be is for its author to know
    mov(own.array[number], 1)


def in_steps(own: Any, number: Any) -> None:
    with for_(scratch(U32), 0, COUNT, step=3) as index:
        mov(own.array[index], number)


def signed(own: Any, number: Any) -> None:
    with for_(scratch(I32), 0, COUNT) as index:
        mov(own.array[cast(index, U32)], number)


@pytest.mark.parametrize(
    "write",
    [
        guarded_in_a_longer_loop,
        left_before_the_end,
        bounded_by_data,
        counted_by_another,
        wrapped,
        narrow,
        shifted,
        in_steps,
        signed,
    ],
)
def test_what_is_right_or_can_not_be_known(write: Write) -> None:
    assert checked(write) == []


# The analysis against what the machine does

_STEPS = st.sampled_from(["mov", "add", "sub", "and", "shr", "inc", "dec"])


@given(st.integers(0, 300), st.lists(st.tuples(_STEPS, st.integers(0, 31)), max_size=8))
def test_ranges_hold_what_is_computed(value: int, steps: list[tuple[str, int]]) -> None:
    rax = REGISTERS["rax"]
    statements = [Statement(64, "mov", (rax, value))]
    for name, number in steps:
        operands = (rax,) if name in ("inc", "dec") else (rax, number)
        statements.append(Statement(64, name, operands))
        value = computed(name, value, number)
    statements.append(Statement(64, "nop", ()))
    code = [one.code for one in Encoder().encode(statements)]
    nodes = [Node(None, effects(one, 64), 0, [at]) for at, one in enumerate(code, 1)]  # type: ignore[arg-type]
    nodes[-1].successors = []
    low, high, _ = RangeFlow(nodes, lambda node: ()).states[len(code) - 1].range(0)
    assert low <= value <= high


def computed(name: str, value: int, number: int) -> int:
    """What an instruction makes of `value`."""
    results = {
        "mov": number,
        "add": value + number,
        "sub": value - number,
        "and": value & number,
        "shr": value >> number,
        "inc": value + 1,
        "dec": value - 1,
    }
    return results[name] % (1 << 64)


class PhysicalAddress(U64, remote=True):
    """An address that devices go by."""


class PageRecord(Struct):
    """Leads to pages, and has a number."""

    page: PhysicalAddress
    number: U64


def test_an_address_of_others_is_followed() -> None:
    assert broken("E094") == [
        """\
error[E094]: an address is followed that only others go by
  FILE:LINE
  LINE |         rep.stosq()
        |         ^^^^^^^^^^^
  LINE |         mov(rdi, self.page)
        |         ^^^^^^^^^^^^^^^^^^^ it comes from here
help: turn it into an address of the kernel's first"""
    ]
    assert mended("E094") == []


class FollowsPages(Subsystem):
    """Goes by addresses of others in several ways."""

    @function(exported=True)
    def run(self, page: PhysicalAddress) -> U64:
        ret(u64[page])

    @function(exported=True)
    def of_a_table(self, table: Ptr[PageRecord]) -> U64:
        mov(rcx, table.page)
        lea(rdx, u64[rcx + 8])
        mov(rax, u64[rdx])
        ret(rax)

    @function(exported=True)
    def of_a_call(self) -> U64:
        mov(rax, u64[self.page_of()])
        ret(rax)

    @function
    def page_of(self) -> PhysicalAddress:
        mov(eax, 0x1000)
        ret(rax)


class ComputesFromPages(Subsystem):
    """Computes from addresses of others, and goes by that."""

    @function(exported=True)
    def run(self, page: PhysicalAddress, base: U64) -> U64:
        mov(rax, u64[u64(page) + base])
        add(page, base)
        add(rax, u64[page])
        ret(rax)

    @function(exported=True)
    def of_a_table(self, table: Ptr[PageRecord]) -> PhysicalAddress:
        mov(table.number, 1)
        ret(table.page)


def test_addresses_of_others() -> None:
    assert faults(FollowsPages()) == {(name, "E094") for name in ("run", "of_a_table", "of_a_call")}
    assert faults(ComputesFromPages()) == set()
