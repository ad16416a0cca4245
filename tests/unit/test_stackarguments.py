"""Arguments on the stack, sorted results, results of pointers: what callee and caller get."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykasm import *
from pykasm.hostrun import Host
from pykasm.lang.types import TypeMeta
from tests.unit.checking import rules
from tests.unit.moves_support import INTEGERS, numbers_in


class Record(Struct):
    count: U32
    byte: U8
    word: I16
    rest: Array[U8]


class Callees(Subsystem):
    """Functions whose last parameters are on the stack."""

    record = data(Record, Record(count=0x8000_0001, byte=0xFE, word=-2))

    @function(exported=True)
    def wide(self, a: U64, b: U64, c: U64, d: U64, e: U64, f: U64, g: U64, h: U32) -> U64:
        mov(rax, g)
        add(rax, a)
        mov(ecx, h)
        add(rax, rcx)
        ret(rax)

    @function(exported=True)
    def narrow(self, a: U64, b: U64, c: U64, d: U64, e: U64, f: U64, g: U32, h: U8, i: I16) -> U64:
        mov(eax, g)
        movzx(ecx, h)
        movsx(rdx, i)
        shl(rcx, 40)
        add(rax, rcx)
        shl(rdx, 48)
        add(rax, rdx)
        ret(rax)

    @function(exported=True)
    def numbers(self) -> U64:
        result = self.wide(1, 2, 3, 4, 5, 6, 0x8000_0000, 0xFFFF_FFFF)
        ret(result)

    @function(exported=True)
    def huge(self) -> U64:
        result = self.wide(1, 2, 3, 4, 5, 6, 0x1234_5678_9ABC_DEF0, 7)
        ret(result)

    @function(exported=True)
    def registers(self, g: U32, h: U8, i: I16) -> U64:
        result = self.narrow(1, 2, 3, 4, 5, 6, g, h, i)
        ret(result)

    @function(exported=True)
    def high_byte(self, value: U64) -> U64:
        mov(rax, value)
        result = self.narrow(1, 2, 3, 4, 5, 6, 0, ah, 0)
        ret(result)

    @function(exported=True)
    def memory(self) -> U64:
        record = self.record
        result = self.narrow(1, 2, 3, 4, 5, 6, record.count, record.byte, record.word)
        ret(result)

    @function(exported=True)
    def from_pointer(self, record: Ptr[Record]) -> U64:
        result = self.narrow(1, 2, 3, 4, 5, 6, record.count, record.byte, record.word)
        ret(result)

    @function(exported=True)
    def through_pointer(
        self, f: Fn[[U64, U64, U64, U64, U64, U64, U32, U8, I16], U64], record: Ptr[Record]
    ) -> U64:
        result = f(1, 2, 3, 4, 5, 6, record.count, record.byte, record.word)
        ret(result)


callees = Callees()
host = Host(callees)


def expected(g: int, h: int, i: int) -> int:
    return (g + (h << 40) + (i << 48)) % (1 << 64)


def test_numbers_that_no_push_takes() -> None:
    assert host.call(callees.numbers) == (0x8000_0000 + 1 + 0xFFFF_FFFF)
    assert host.call(callees.huge) == 0x1234_5678_9ABC_DEF0 + 1 + 7


@given(numbers_in(U32), numbers_in(U8), numbers_in(I16))
def test_narrow_arguments(g: int, h: int, i: int) -> None:
    assert host.call(callees.registers, g, h, i) == expected(g, h, i)
    host.reset()
    record = host.new(Record, count=g, byte=h, word=i)
    assert host.call(callees.from_pointer, record) == expected(g, h, i)
    assert host.call(callees.through_pointer, callees.narrow, record) == expected(g, h, i)


def test_narrow_arguments_in_memory_and_in_a_high_byte() -> None:
    assert host.call(callees.memory) == expected(0x8000_0001, 0xFE, -2)
    assert host.call(callees.high_byte, 0xABCD) == expected(0, 0xAB, 0)


@pytest.mark.parametrize("kind", INTEGERS)
@given(st.data())
def test_numbers_of_every_type(kind: TypeMeta, data: Any) -> None:
    number = data.draw(numbers_in(kind))

    class One(Subsystem):
        @function
        def last(self, a: U64, b: U64, c: U64, d: U64, e: U64, f: U64, g: kind) -> kind:  # type: ignore[valid-type]
            ret(g)

        @function
        def call(self) -> kind:  # type: ignore[valid-type]
            result = self.last(1, 2, 3, 4, 5, 6, number)
            ret(result)

    for one in (One.last, One.call):
        one.body.__annotations__ |= {
            name: kind for name, hint in one.body.__annotations__.items() if hint == "kind"
        }
    made = One()
    assert Host(made).call(made.call) == number


class Results(Subsystem):
    """Results that lie in each other's registers, with registers that callers go on using."""

    record = data(Record, Record(count=1))

    @function(exported=True, clobbers=())
    def run(self) -> tuple[U64, U64]:
        mov(rax, 1)
        mov(rdx, 2)
        ret(rdx, rax)

    @function(exported=True)
    def pair(self, a: U64) -> tuple[U64, U64]:
        lea(rdx, u64[a + 1])
        ret(a, rdx)

    @function(exported=True)
    def never(self, a: U64) -> U64:
        ret(a)

    @function(exported=True)
    def both(self, f: Fn[[U64], tuple[U64, U64]], a: U64) -> U64:
        low, high = f(a)
        shl(high, 8)
        add(low, high)
        ret(low)


def test_results_are_sorted_without_registers_that_live_on() -> None:
    results = Results()
    assert Host(results).call(results.run) == (2, 1)
    assert rules(results) == []


def test_two_results_through_a_pointer() -> None:
    results = Results()
    assert Host(results).call(results.both, results.pair, 5) == 5 + (6 << 8)


class Flexible(Subsystem):
    @function
    def third(self, record: Ptr[Record]) -> U8:
        mov(al, record.rest[2])
        ret(al)


def test_elements_behind_a_struct() -> None:
    class Room(Struct):
        record: Record
        bytes: Array[U8] = field(count=4)

    flexible = Flexible()
    host = Host(flexible)
    room = host.new(Room, bytes=[1, 2, 3, 4])
    start = int(room) + sizeof(Record)
    assert host.call(flexible.third, host.at(Record, int(room))) == host.read(start, 3)[2]
