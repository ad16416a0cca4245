"""Words of flow, run: random programs do what the same programs in Python do."""

from __future__ import annotations

from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pykasm import *
from pykasm.errors import BuildFailed
from pykasm.hostrun import Host
from pykasm.lang.numbers import numbers_of
from tests.unit.flow_support import (
    LOG_SIZE,
    OPERATORS,
    VARIABLES,
    Block,
    Chain,
    Code,
    Mark,
    Return,
    State,
    conditions,
    programs,
)
from tests.unit.moves_support import INTEGERS, with_parameters

Variables: Any = type(
    "Variables",
    (Struct,),
    {"__annotations__": {f"v{n}": kind for n, kind in enumerate(VARIABLES)}},
)


class Program(Subsystem):
    """A program's variables and its log; `code` is the program."""

    held = bss(Variables)
    log = bss(U64 * LOG_SIZE)
    length = bss(U64)
    code: Any = None

    @property
    def variables(self) -> list[Any]:
        """The places of the variables."""
        return [getattr(self.held, f"v{number}") for number in range(len(VARIABLES))]

    @function
    def run(self) -> None:
        for _ in range(5):
            keep(U64)  # so that conditions may use every register
        self.code.emit(Code(self))


def ran(code: Any, values: list[int]) -> State:
    """The state after running `code` on the machine."""
    program = Program()
    program.code = code
    host = Host(program)
    for place, value in zip(program.variables, values, strict=True):
        host[place] = value
    host.call(program.run)
    state = State([host[place] for place in program.variables])
    state.log = host[program.log][: host[program.length]]
    return state


@settings(max_examples=150, deadline=None)
@given(programs())
def test_programs_do_what_they_do_in_python(case: Any) -> None:
    code, values = case
    expected = State(values)
    with suppress(Return):
        code.run(expected)
    found = ran(code, values)
    assert found.log == expected.log
    assert found.values == expected.values


@settings(max_examples=200, deadline=None)
@given(conditions())
def test_conditions_hold_where_they_hold_in_python(case: Any) -> None:
    test, values = case
    code = Chain(((test, Block((Mark(1),))),), Block((Mark(0),)))
    assert ran(code, values).log == [int(test.holds(State(values)))]


class Switches(Subsystem):
    """Switches over parts of registers."""

    def choose(self, part: object) -> None:
        """Emit a switch that a jump table fits; it leaves the choice in r8."""
        with switch(part):
            for number in range(6):
                with case(number):
                    mov(r8d, number + 10)
            with default():
                mov(r8d, 99)

    @function
    def by_half(self, value: U64) -> tuple[U64, U64]:
        value = keep(value)
        self.choose(u32(value))
        ret(r8, value)

    @function
    def by_byte(self, value: U64) -> tuple[U64, U64]:
        value = keep(value)
        self.choose(u8(value))
        ret(r8, value)

    @function
    def by_word_of_role(self, value: U16) -> tuple[U64, U64]:
        value = keep(value)
        self.choose(value)
        ret(r8, 0)

    @function
    def by_named_half(self, value: U64) -> tuple[U64, U64]:
        mov(rax, value)
        self.choose(eax)
        ret(r8, 0)

    @function
    def by_named_byte(self, value: U64) -> tuple[U64, U64]:
        mov(rax, value)
        self.choose(al)
        ret(r8, rax)

    @function
    def by_high_byte(self, value: U64) -> tuple[U64, U64]:
        mov(rax, value)
        self.choose(ah)
        ret(r8, rax)


switches = Switches()
REST = 0x1234_5678_9ABC_DE00


@pytest.mark.parametrize("name", ["by_half", "by_byte", "by_named_byte"])
def test_a_switch_over_a_part_leaves_the_rest_alone(name: str) -> None:
    part = 0xFFFF_FFFF if name == "by_half" else 0xFF
    for number in (0, 3, 5, 6):
        value = REST & ~part | number
        expected = number + 10 if number < 6 else 99
        assert Host(switches).call(getattr(switches, name), value) == (expected, value)


def test_a_switch_over_a_high_byte_leaves_the_rest_alone() -> None:
    value = 0x1234_5678_9ABC_0355
    assert Host(switches).call(switches.by_high_byte, value) == (13, value)


def test_a_switch_over_a_named_half_ignores_the_upper_half() -> None:
    assert Host(switches).call(switches.by_named_half, 0x1_0000_0003) == (13, 0)


class FarCases(Subsystem):
    """A switch over numbers from `first` on."""

    def __init__(self, first: int) -> None:
        self.first = first

    @function
    def choose(self, value: U32) -> U32:
        with switch(value):
            for number in range(5):
                with case(self.first + number):
                    ret(number)
        ret(99)


@pytest.mark.parametrize("first", [4000, 0x4_0000, 0x4000_0000, 0x8000_0000, 0xFFFF_FFFB])
def test_a_switch_over_large_numbers(first: int) -> None:
    cases = FarCases(first)
    chosen = [Host(cases).call(cases.choose, first + number) for number in range(-1, 5)]
    assert chosen == [99, 0, 1, 2, 3, 4]


def test_a_switch_over_a_word() -> None:
    assert Host(switches).call(switches.by_word_of_role, 5) == (15, 0)
    assert Host(switches).call(switches.by_word_of_role, 0x105) == (99, 0)


def boundaries(kind: Any) -> list[int]:
    """The numbers around which comparisons of a `kind` go wrong."""
    numbers = numbers_of(kind)
    middle = numbers[len(numbers) // 2] if kind._size < 8 else (0 if kind._signed else 1 << 63)
    return sorted({numbers[0], numbers[0] + 1, middle - 1, middle, numbers[-1] - 1, numbers[-1]})


def comparison(kind: Any, sign: str) -> Any:
    """A function that says whether `a sign b` for two numbers of a `kind`."""

    def compare(self: Any, a: Any, b: Any) -> None:
        with if_(OPERATORS[sign](a, b)):
            ret(1)
        ret(0)

    return function(with_parameters(compare, [kind, kind], U8))


COMPARISONS = {(kind, sign): comparison(kind, sign) for kind in INTEGERS for sign in OPERATORS}


@pytest.fixture(scope="module")
def comparisons() -> Any:
    """A subsystem with all comparisons, and its host."""
    members = {f"compare{n}": one for n, one in enumerate(COMPARISONS.values())}
    subsystem = type("Comparisons", (Subsystem,), members)()
    functions = {key: getattr(subsystem, f"compare{n}") for n, key in enumerate(COMPARISONS)}
    return functions, Host(subsystem)


@pytest.mark.parametrize("sign", OPERATORS)
@pytest.mark.parametrize("kind", INTEGERS)
def test_comparisons_at_the_limits_of_their_types(comparisons: Any, kind: Any, sign: str) -> None:
    functions, host = comparisons
    for a, b in product(boundaries(kind), repeat=2):
        found = host.call(functions[kind, sign], a, b)
        assert found == OPERATORS[sign](a, b), f"{a} {sign} {b}"


class Counting(Subsystem):
    """Counting loops whose bounds are not numbers."""

    @function
    def rounds(self, start: U8, stop: U8) -> U64:
        xor(eax, eax)
        with for_(scratch(U8), start, stop, step=16):
            inc(rax)
        ret(rax)


counting = Counting()


@pytest.mark.parametrize(("start", "stop"), [(0, 255), (250, 255), (7, 7), (9, 3), (0, 16)])
def test_a_step_past_the_largest_number_ends_a_loop(start: int, stop: int) -> None:
    assert Host(counting).call(counting.rounds, start, stop) == len(range(start, stop, 16))


class Beyond(Subsystem):
    @function
    def wrong(self, value: I8) -> None:
        with if_(value < 200):
            nop()


def test_comparing_with_a_number_beyond_the_type_is_a_mistake() -> None:
    with pytest.raises(BuildFailed, match="200 is outside of what `value` can be"):
        Host(Beyond())


class Truths(Subsystem):
    """Functions that tell whether something is so."""

    flag = bss(Bool)

    @function
    def is_small(self, number: U64) -> Bool:
        """Return whether `number` is below 10, but not 3."""
        ret((number < 10) & (number != 3))

    @function
    def which(self, number: Keep[U64]) -> U32:
        """Go through conditions made of truths."""
        with if_(self.is_small(number)):
            ret(1)
        with if_(~self.is_small(number) & (number == 3)):
            ret(2)
        mov(self.flag, 1)
        with if_((number == 77) | self.flag):
            mov(self.flag, 0)
        with if_(self.flag | self.is_small(number)):
            ret(3)
        ret(4)


@given(st.integers(0, 20) | st.just(77))
def test_truths_are_conditions(number: int) -> None:
    truths = Truths()
    host = Host(truths)
    small = number < 10 and number != 3
    assert host.call(truths.is_small, number) is small
    assert host.call(truths.which, number) == (1 if small else 2 if number == 3 else 4)


BASE = 0xFFFF_8000_0000_0000
"""Beyond what immediates hold, as all below."""


class Rounds(Subsystem):
    """Loops of every kind, and comparisons with large numbers."""

    @function
    def compare(self, number: U64) -> U32:
        """Bits that tell how `number` compares."""
        bits = scratch(U32)
        xor(bits, bits)
        with if_(number >= BASE):
            or_(bits, 1)
        with if_(number == 1 << 32):
            or_(bits, 2)
        with if_(number & (1 << 36 | 1 << 63)):
            or_(bits, 4)
        with if_(number == (1 << 64) - 1):
            or_(bits, 8)
        ret(bits)

    @function
    def downward(self, start: U64, stop: U64) -> U64:
        """The numbers in the order in which the loop meets them, 4 bits each."""
        seen = scratch(U64)
        xor(u32(seen), u32(seen))
        with for_(scratch(U64), start, stop, down=True) as number:
            continue_if(number == 5)
            shl(seen, 4)
            or_(seen, number)
        ret(seen)

    @function
    def at_least_once(self, count: U64) -> U64:
        """How often the block runs."""
        xor(eax, eax)
        with do_while(count != 0):
            inc(rax)
            continue_if(count == 0)
            dec(count)
        ret(rax)

    @function
    def nested(self, size: U64, most: U64) -> U64:
        """How often the inner block runs, which leaves or goes on with the outer loop."""
        xor(eax, eax)
        rows = for_(scratch(U64), 0, size)
        with rows as row, for_(scratch(U64), 0, size) as column:
            inc(rax)
            continue_if(column == row, rows)
            break_if(rax == most, rows)
        ret(rax)


def nested(size: int, most: int) -> int:
    count = 0
    for row in range(size):
        for column in range(size):
            count += 1
            if column == row:
                break
            if count == most:
                return count
    return count


@given(st.sampled_from([0, 1 << 32, BASE - 1, BASE, 1 << 36, 1 << 63, (1 << 64) - 1]))
def test_numbers_beyond_immediates_are_compared(number: int) -> None:
    rounds = Rounds()
    expected = (number >= BASE) | (number == 1 << 32) << 1
    expected |= bool(number & (1 << 36 | 1 << 63)) << 2 | (number == (1 << 64) - 1) << 3
    assert Host(rounds).call(rounds.compare, number) == expected


@given(st.integers(0, 15), st.integers(0, 15))
def test_loops_count_down(start: int, stop: int) -> None:
    rounds = Rounds()
    seen = [number for number in reversed(range(start, stop)) if number != 5]
    expected = int("".join(f"{number:x}" for number in seen) or "0", 16)
    assert Host(rounds).call(rounds.downward, start, stop) == expected


@given(st.integers(0, 6), st.integers(1, 20))
def test_loops_run_once_and_outer_ones_are_left(size: int, most: int) -> None:
    rounds = Rounds()
    host = Host(rounds)
    assert host.call(rounds.at_least_once, size) == max(size, 1)
    assert host.call(rounds.nested, size, most) == nested(size, most)
