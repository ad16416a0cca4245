"""Calls of functions in this process: arguments, results, what is loaded, going back."""

from __future__ import annotations

from enum import IntEnum

import pytest

from pykasm import *
from pykasm.errors import BuildFailed, CallMistake, SymbolMistake, TypeMistake, ValueRangeMistake
from pykasm.hostrun import Host, HostError


class Colour(IntEnum):
    RED = 1
    BLUE = 7


class Counter(Subsystem):
    """Something for others to use."""

    hits = data(U32, 40)

    @function
    def hit(self) -> U32:
        inc(self.hits)
        ret(self.hits)


class Unused(Subsystem):
    """What nothing refers to is not assembled, so its mistake stays unseen."""

    datum = bss(U32)

    @function
    def broken(self) -> None:
        mov(eax, rbx)


class Numbers(Subsystem):
    """Functions of numbers."""

    def __init__(self, counter: Counter) -> None:
        self.counters = [counter]
        self.unused = Unused()

    @function
    def add(self, a: U64, b: U64) -> U64:
        mov(rax, a)
        add(rax, b)
        ret(rax)

    @function
    def negate(self, a: I16) -> I16:
        mov(ax, a)
        neg(ax)
        ret(ax)

    @function
    def widen(self, a: I8, b: U8) -> tuple[I64, U64]:
        movsx(rax, a)
        movzx(edx, b)
        ret(rax, rdx)

    @function
    def eighth(
        self, a: U64, b: U64, c: U64, d: U64, e: U64, f: U64, g: U64, h: U64
    ) -> tuple[U64, U64]:
        mov(rax, g)
        mov(rdx, h)
        ret(rax, rdx)

    @function
    def hit_twice(self) -> U32:
        ignore(self.counters[0].hit())
        count = self.counters[0].hit()
        ret(count)

    @function
    def nothing(self) -> None:
        nop()

    @function
    def upper_half(self, a: U32) -> U64:
        ret(u64(a))

    @naked
    def bare_add(self, a: U64, b: U64) -> U64:
        lea(rax, bare[rdi + rsi])
        ret()

    @entry(bits=32)
    def start(self) -> None:
        hlt()


counter = Counter()
numbers = Numbers(counter)


@pytest.fixture
def host() -> Host:
    return Host(numbers)


def test_passes_numbers_and_gives_the_result(host: Host) -> None:
    assert host.call(numbers.add, 2, 3) == 5


def test_wraps_as_the_machine_does(host: Host) -> None:
    assert host.call(numbers.add, 2**64 - 1, 3) == 2


def test_gives_signed_results_their_sign(host: Host) -> None:
    assert host.call(numbers.negate, 5) == -5
    assert host.call(numbers.negate, -5) == 5


def test_gives_two_results_as_a_tuple(host: Host) -> None:
    assert host.call(numbers.widen, -1, 255) == (-1, 255)


def test_passes_arguments_beyond_the_sixth_on_the_stack(host: Host) -> None:
    assert host.call(numbers.eighth, *range(1, 9)) == (7, 8)


def test_gives_none_where_a_function_returns_nothing(host: Host) -> None:
    assert host.call(numbers.nothing) is None


def test_takes_members_of_enumerations_as_numbers(host: Host) -> None:
    assert host.call(numbers.add, Colour.RED, Colour.BLUE) == 8


def test_clears_the_upper_half_of_32_bit_arguments_as_callers_do(host: Host) -> None:
    assert host.call(numbers.upper_half, 0xFFFF_FFFF) == 0xFFFF_FFFF


def test_calls_code_without_a_frame(host: Host) -> None:
    assert host.call(numbers.bare_add, 2, 3) == 5


def test_loads_subsystems_that_the_given_one_calls(host: Host) -> None:
    assert host.call(numbers.hit_twice) == 42


def test_does_not_assemble_what_nothing_refers_to() -> None:
    with pytest.raises(BuildFailed, match="mov"):
        Host(numbers.unused)
    Host(numbers)


def test_keeps_data_from_call_to_call_until_reset(host: Host) -> None:
    host.call(numbers.hit_twice)
    assert host.call(counter.hit) == 43
    host.reset()
    assert host.call(counter.hit) == 41


def test_resets_to_the_last_checkpoint(host: Host) -> None:
    host.call(counter.hit)
    host.checkpoint()
    host.call(counter.hit)
    host.reset()
    assert host[counter.hits] == 41


def test_hosts_of_one_subsystem_do_not_share_memory(host: Host) -> None:
    other = Host(numbers)
    host.call(counter.hit)
    assert other[counter.hits] == 40


def test_takes_an_image() -> None:
    host = Host(Image(numbers.start, [counter, numbers]))
    assert host.call(counter.hit) == 41


def test_counts_instructions(host: Host) -> None:
    host.call(numbers.bare_add, 1, 2)
    assert host.instructions == 2


def test_untraced_hosts_count_no_instructions() -> None:
    host = Host(numbers, traced=False)
    assert host.call(numbers.add, 1, 2) == 3
    with pytest.raises(HostError, match="not traced"):
        _ = host.instructions


def test_shows_the_registers_after_a_call(host: Host) -> None:
    host.call(numbers.add, 2, 3)
    assert host.registers["rax"] == 5


def test_refuses_the_wrong_number_of_arguments(host: Host) -> None:
    with pytest.raises(CallMistake) as mistake:
        host.call(numbers.add, 1)
    assert mistake.value.what == "`Numbers.add` takes 2 arguments"
    assert mistake.value.expected == "Numbers.add(a: U64, b: U64)"


@pytest.mark.parametrize("value", [-32769, 32768])
def test_refuses_a_number_that_the_type_has_no_room_for(host: Host, value: int) -> None:
    with pytest.raises(ValueRangeMistake, match="`a` does not take"):
        host.call(numbers.negate, value)


def test_refuses_an_argument_of_another_type(host: Host) -> None:
    with pytest.raises(TypeMistake, match="can't be the value of a U64"):
        host.call(numbers.add, 1, 2.5)


def test_refuses_functions_that_are_not_loaded(host: Host) -> None:
    with pytest.raises(SymbolMistake, match=r"`Unused.broken` is not loaded"):
        host.call(numbers.unused.broken)


def test_refuses_data_that_is_not_loaded(host: Host) -> None:
    with pytest.raises(SymbolMistake, match=r"`Unused.datum` is not loaded"):
        _ = host[numbers.unused.datum]


def test_refuses_code_that_is_no_function(host: Host) -> None:
    with pytest.raises(CallMistake, match="can't be called in a host run"):
        host.call(numbers.start)
    with pytest.raises(CallMistake, match="a host calls and replaces functions"):
        host.call(len)
