"""Words of flow, run: random programs do what the same programs in Python do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from pykasm import *
from pykasm.hostrun import Host
from tests.unit.flow_support import (
    LOG_SIZE,
    VARIABLES,
    Block,
    Chain,
    Code,
    Mark,
    State,
    conditions,
    programs,
)

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


def test_a_switch_over_a_word() -> None:
    assert Host(switches).call(switches.by_word_of_role, 5) == (15, 0)
    assert Host(switches).call(switches.by_word_of_role, 0x105) == (99, 0)
