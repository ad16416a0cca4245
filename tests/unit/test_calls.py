"""Calls, tail calls and results, run: everything gets where it belongs, whatever the overlap."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pykasm import *
from pykasm.errors import BuildFailed
from pykasm.hostrun import Host
from pykasm.isa.code import Line
from pykasm.isa.registers import general
from pykasm.lang.convention import STACK_ALIGNMENT
from pykasm.lang.registers import machine_register
from pykasm.lang.views import memory
from tests.unit.moves_support import (
    BYTES,
    INTEGERS,
    MIDDLE,
    MOST_PARAMETERS,
    RBP,
    STATE,
    Immediate,
    InFrame,
    InMemory,
    InRegister,
    Machine,
    OfData,
    OfPlace,
    numbers_in,
    truncated,
    with_parameters,
)

IN_REGISTERS = 6
KEPT = [3, 12, 13, 14, 15]
PUSHED = st.integers(0, (1 << 31) - 1)
"""Numbers that one `push` takes, whatever the sign of the type."""

CASES = settings(max_examples=100, deadline=None)


ROLES = st.sampled_from(["number", "number", "pointer", "index"])
CONTENTS = {
    "number": st.integers(0, (1 << 64) - 1),
    "pointer": st.tuples(st.integers(MIDDLE - 16, MIDDLE + 16)),
    "index": st.integers(0, 7),
}
"""What a register holds; a pointer is its offset, in a tuple."""

WAYS = st.sampled_from(["number", "register", "register", "memory", "place", "frame", "address"])
REGISTER = st.sampled_from(STATE)
SCALE, DISPLACEMENT, SEED = st.sampled_from([1, 2, 4, 8]), st.integers(-16, 16), st.integers(0, 99)
COUNT, KIND, WORD = st.integers(0, MOST_PARAMETERS), st.sampled_from(INTEGERS), st.just(U64)


@st.composite
def situations(draw: Any, most: int = MOST_PARAMETERS) -> Any:
    """Registers that hold numbers, pointers into memory or small indexes; and arguments."""
    roles = {number: draw(ROLES) for number in STATE}
    arguments = []
    for place in range(min(most, draw(COUNT))):
        pushed = place >= IN_REGISTERS
        arguments.append(source(draw, draw(WORD if pushed else KIND), roles, pushed))
    registers = {number: draw(CONTENTS[role]) for number, role in roles.items()}
    return arguments, registers, Random(draw(SEED)).randbytes(BYTES)


def source(draw: Any, kind: Any, roles: dict[int, str], pushed: bool) -> Any:
    """An argument of type `kind`."""
    pointers = [number for number, role in roles.items() if role == "pointer"]
    way = draw(WAYS)
    if way == "number":
        return Immediate(kind, draw(PUSHED if pushed else numbers_in(kind)))
    is_place = way == "place" and kind is U64 and not pushed
    if pointers and (way == "memory" or is_place):
        indexes = [None, *(number for number, role in roles.items() if role == "index")]
        place = draw(st.sampled_from(pointers)), draw(st.sampled_from(indexes))
        made = OfPlace if is_place else InMemory
        return made(kind, *place, draw(SCALE), draw(DISPLACEMENT))
    if way == "frame":
        return InFrame(kind)
    if way == "address" and kind is U64:
        return OfData()
    return InRegister(kind, draw(REGISTER))


def free_register(arguments: list[Any]) -> st.SearchStrategy[int]:
    """A register that no argument in memory needs."""
    used = {n for one in arguments if isinstance(one, InMemory) for n in (one.base, one.index)}
    return st.sampled_from([n for n in STATE if n not in used])


class Caller(Subsystem):
    """Sets registers, makes the call under test, and restores what a caller has kept."""

    state = bss(U64 * 16)
    bytes = bss(U8 * BYTES)
    seen = bss(U64 * MOST_PARAMETERS)
    misaligned = data(U64, 1)
    local_distance = 8

    def set_registers(self, slot: Any) -> None:
        """Emit code that fills the frame's local and all registers."""
        mov(rax, self.state[RBP])
        mov(slot, rax)
        for number in STATE:
            mov(machine_register(general(number, 8)), self.state[number])

    def record(self, kinds: list[Any]) -> None:
        """Emit code that stores what arrived in the whole of each argument's register, and how
        far the stack is from its alignment."""
        for number, register in enumerate([rdi, rsi, rdx, rcx, r8, r9][: len(kinds)]):
            mov(self.seen[number], register)
        for number in range(6, len(kinds)):
            mov(rax, u64[rbp + 16 + 8 * (number - 6)])
            mov(self.seen[number], rax)
        mov(rax, rbp)
        and_(eax, STACK_ALIGNMENT - 1)
        mov(self.misaligned, rax)


def begin(self: Any) -> None:
    """Emit code that sets the machine up; the epilogue will restore what callers keep."""
    for _ in KEPT:
        keep(U64)
    self.set_registers(local(U64))


def built(call: Any, kinds: list[Any], **more: Any) -> Any:
    """A caller whose `run` does `call(self)` with registers set, and its host."""

    def run(self: Any) -> None:
        begin(self)
        call(self)

    def target(self: Any, *operands: object) -> None:
        self.record(kinds)

    members = {
        "target": function(with_parameters(target, kinds)),
        "run": function(with_parameters(run, [])),
        **more,
    }
    made: Any = type("Made", (Caller,), members)()
    return made, Host(made)


def prepared(made: Any, host: Host, registers: dict[int, Any], raw: bytes) -> Machine:
    """Put the registers and memory of a situation in place."""
    address = int(host.address(made.bytes))
    values = {n: address + v[0] if isinstance(v, tuple) else v for n, v in registers.items()}
    for number, value in values.items():
        host[made.state[number]] = value
    local_value = 0x0123_4567_89AB_CDEF
    host[made.state[RBP]] = local_value
    host[made.bytes] = raw
    return Machine(values, raw, address, local_value)


def as_passed(value: int, kind: Any) -> int:
    """`value` in the whole register: extended to 32 bits by its sign, above that by zeros."""
    return truncated(value, kind) % (1 << (64 if kind._size == 8 else 32))


def check_arrived(made: Any, host: Host, arguments: list[Any], machine: Machine) -> None:
    """Compare what `target` recorded with what the arguments mean."""
    expected = [as_passed(one.model(machine), one.kind) for one in arguments]
    assert host[made.seen][: len(arguments)] == expected
    assert host[made.misaligned] == 0


@CASES
@given(situations())
def test_arguments_arrive_whatever_their_overlap(situation: Any) -> None:
    arguments, registers, raw = situation
    kinds = [one.kind for one in arguments]
    made, host = built(lambda self: self.target(*[a.operand(self) for a in arguments]), kinds)
    machine = prepared(made, host, registers, raw)
    host.call(made.run)
    check_arrived(made, host, arguments, machine)


@CASES
@given(situations(), st.data())
def test_calls_through_a_register_find_their_target(situation: Any, data: Any) -> None:
    arguments, registers, raw = situation
    number = data.draw(free_register(arguments))
    kinds = [one.kind for one in arguments]

    def call(self: Any) -> None:
        pointer: Any = machine_register(general(number, 8))
        cast(pointer, Fn[kinds, None])(*[one.operand(self) for one in arguments])

    made, host = built(call, kinds)
    registers[number] = int(host.address(made.target))
    machine = prepared(made, host, registers, raw)
    host.call(made.run)
    check_arrived(made, host, arguments, machine)


@CASES
@given(situations(), st.data())
def test_calls_through_memory_find_their_target(situation: Any, data: Any) -> None:
    arguments, registers, raw = situation
    number = data.draw(free_register(arguments))
    kinds = [one.kind for one in arguments]

    def call(self: Any) -> None:
        pointer: Any = memory(Fn[kinds, None], machine_register(general(number, 8)))
        pointer(*[one.operand(self) for one in arguments])

    made, host = built(call, kinds)
    registers[number] = int(host.new(U64, host.address(made.target)))
    machine = prepared(made, host, registers, raw)
    host.call(made.run)
    check_arrived(made, host, arguments, machine)


@CASES
@given(situations(most=6))
def test_tail_calls_pass_arguments_and_restore_registers(situation: Any) -> None:
    arguments, registers, raw = situation
    kinds = [one.kind for one in arguments]

    def leave(self: Any) -> None:
        begin(self)
        tail(self.target, *[one.operand(self) for one in arguments])

    made, host = built(lambda self: self.leave(), kinds, leave=function(leave))
    machine = prepared(made, host, registers, raw)
    host.call(made.leave)
    check_arrived(made, host, arguments, machine)


@CASES
@given(situations(most=6), st.booleans(), st.data())
def test_tail_calls_through_pointers_find_their_target(
    situation: Any, in_memory: bool, data: Any
) -> None:
    arguments, registers, raw = situation
    number = data.draw(free_register(arguments))
    kinds = [one.kind for one in arguments]

    def leave(self: Any) -> None:
        begin(self)
        register: Any = machine_register(general(number, 8))
        kind = Fn[kinds, None]
        pointer = memory(kind, register) if in_memory else cast(register, kind)
        tail(pointer, *[one.operand(self) for one in arguments])

    made, host = built(lambda self: self.leave(), kinds, leave=function(leave))
    address = int(host.address(made.target))
    registers[number] = int(host.new(U64, address)) if in_memory else address
    machine = prepared(made, host, registers, raw)
    host.call(made.leave)
    check_arrived(made, host, arguments, machine)


@CASES
@given(situations(most=2))
def test_results_leave_in_their_registers_whatever_their_overlap(situation: Any) -> None:
    values, registers, raw = situation
    kinds = [one.kind for one in values]
    result = tuple[kinds[0], kinds[1]] if len(kinds) == 2 else kinds[0] if kinds else None

    def results(self: Any) -> None:
        begin(self)
        ret(*[one.operand(self) for one in values])

    def call_it(self: Any) -> None:
        left = self.results()
        if kinds:
            ignore(left)

    made, host = built(
        call_it,
        [],
        results=function(with_parameters(results, [], result)),
    )
    machine = prepared(made, host, registers, raw)
    expected = [one.model(machine) for one in values]
    found = host.call(made.results)
    assert found == (tuple(expected) if len(kinds) == 2 else expected[0] if kinds else None)
    whole = [host.registers["rax"], host.registers["rdx"]]
    assert whole[: len(kinds)] == [as_passed(v, k) for v, k in zip(expected, kinds, strict=True)]


class Fixed(Subsystem):
    """Arguments that take some thought."""

    @function
    def eight(
        self, a: U64, b: U64, c: U64, d: U64, e: U64, f: U64, g: U64, h: U64
    ) -> tuple[U64, U64]:
        lea(rax, bare[rdi + rsi])
        add(rax, g)
        mov(rdx, h)
        ret(rax, rdx)

    @function
    def from_stack(self) -> tuple[U64, U64]:
        push(300)
        push(200)
        x, y = self.eight(u64[rsp], u64[rsp + 8], 0, 0, 0, 0, u64[rsp], u64[rsp + 8])
        add(rsp, 16)
        ret(x, y)

    @function
    def bytes_of(self, a: U64, b: U64, c: U8, d: U8) -> U64:
        movzx(eax, c)
        shl(rax, 8)
        movzx(edx, d)
        or_(rax, rdx)
        ret(rax)

    @function
    def high_bytes(self) -> U64:
        mov(edx, 0x1122)
        mov(eax, 0x3344)
        both = self.bytes_of(1, 2, al, dh)
        ret(both)


fixed = Fixed()


class StackPointer(Subsystem):
    @function
    def wrong(self) -> None:
        ignore(fixed.eight(0, 0, 0, 0, 0, rsp, 0, 0))


class HighBytes(Subsystem):
    @function
    def swapped(self) -> None:
        ignore(fixed.bytes_of(1, 2, ch, dh))


def test_arguments_addressed_from_rsp_are_read_before_it_moves() -> None:
    assert Host(fixed).call(fixed.from_stack) == (700, 300)


def test_high_bytes_are_arguments_too() -> None:
    assert Host(fixed).call(fixed.high_bytes) == 0x4411


def test_rsp_is_no_argument_where_others_are_on_the_stack() -> None:
    with pytest.raises(BuildFailed, match="rsp is an argument of a call that puts others"):
        Host(StackPointer())


def test_high_bytes_that_need_each_others_places_are_refused() -> None:
    with pytest.raises(BuildFailed, match="`dh` has to move before this call's arguments"):
        Host(HighBytes())


class Animal(Struct):
    """Something with legs."""

    legs: U64


class Bird(Animal):
    """Something that begins with an animal."""

    wings: U64


class Zoo(Subsystem):
    """Counts legs."""

    @function(exported=True)
    def legs(self, animal: Ptr[Animal]) -> U64:
        """Of any animal."""
        ret(animal.legs)

    @function(exported=True)
    def legs_of_bird(self, bird: Ptr[Bird]) -> U64:
        """Of a bird, which is an animal."""
        tail(self.legs, bird)

    @function(exported=True)
    def ask(self, counting: Fn[[Ptr[Bird]], U64], bird: Ptr[Bird]) -> U64:
        """Of a bird, by a function that takes all animals."""
        result = counting(bird)
        ret(result)


def test_a_pointer_goes_where_one_to_what_it_extends_is_expected() -> None:
    zoo = Zoo()
    host = Host(zoo)
    bird = host.new(Bird, legs=2, wings=2)
    assert host.call(zoo.legs_of_bird, bird) == 2
    assert host.call(zoo.ask, zoo.legs, bird) == 2


class Keeping(Subsystem):
    """Parameters that live across calls."""

    @function
    def spoil(self) -> None:
        """Change every register that a call may change."""
        for register in (rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11):
            mov(register, -1)

    @function
    def fold(self, a: Keep[U64], b: U64, c: Keep[U8], d: U64, e: U64, f: U64, g: Keep[U64]) -> U64:
        """All that are kept, and `b`, in one number."""
        total = keep(b)
        self.spoil()
        add(total, a)
        add(total, g)
        wide = scratch(U32)
        movzx(wide, c)
        add(total, u64(wide))
        ret(total)

    @function
    def third(self, words: Ptr[U64]) -> Ptr[U64]:
        """The address of an element."""
        third = scratch(address_of(words[2]))
        ret(third)

    table = rodata(U32 * 4, [1, 2, 3, 4])

    @function
    def last(self) -> U32:
        """The last element of an array, by its address."""
        numbers = keep(address_of(self.table))
        ret(numbers[3])

    @function
    def fourth(self, words: Ptr[U64]) -> Ptr[U64]:
        """The same of the next one, as a result."""
        ret(address_of(words[3]))

    @function
    def first(self, words: Ptr[U64]) -> Ptr[U64]:
        """The address that is there already."""
        first = scratch(address_of(words[0]))
        tail(self.same, address_of(first[0]))

    @function
    def same(self, words: Ptr[U64]) -> Ptr[U64]:
        """The address as it came."""
        ret(address_of(words[0]))


def test_kept_parameters_survive_calls() -> None:
    keeping = Keeping()
    assert Host(keeping).call(keeping.fold, 1, 20, 255, 0, 0, 0, 1 << 40) == 276 + (1 << 40)


def test_addresses_of_places_are_values_of_roles_and_results() -> None:
    keeping = Keeping()
    host = Host(keeping)
    assert int(host.call(keeping.third, 0x1000)) == 0x1010
    assert int(host.call(keeping.fourth, 0x1000)) == 0x1018
    assert host.call(keeping.last) == 4


def test_the_address_of_what_a_pointer_points_to_is_the_pointer() -> None:
    keeping = Keeping()
    host = Host(keeping)
    assert int(host.call(keeping.first, 0x1000)) == 0x1000
    assert int(host.call(keeping.same, 0x1000)) == 0x1000
    program = Image(entry=keeping.first, subsystems=[keeping]).assemble()
    mnemonics = {
        one.symbol: [item.statement.mnemonic for item in one.items if isinstance(item, Line)]
        for one in program.units[0].routines
    }
    around = ["push", "mov", "leave"]
    assert mnemonics["Keeping.first"] == [*around[:2], "mov", "mov", "leave", "jmp"]
    assert mnemonics["Keeping.same"] == [*around[:2], "mov", "leave", "ret"]
