"""`@inline`: methods and functions whose instructions come where they are called."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykasm import *
from pykasm.errors import DeclarationMistake, PlaceMistake
from pykasm.hostrun import Host
from tests.unit.checking import broken, findings, mended, rules
from tests.unit.messages import message_of, normalised, refusal


class Cell(Struct):
    """A number, and how often it was changed."""

    value: U64
    times: U32

    @inline
    def raise_by(self, number: U64) -> None:
        """Add `number`."""
        add(self.value, number)
        inc(self.times)

    @inline(changes=rax)
    def swap(self, number: U64) -> U64:
        """Set the number; the old one, in rax."""
        mov(rax, self.value)
        mov(self.value, number)
        return rax

    @inline
    def is_even(self) -> Condition:
        """Whether the number is."""
        bt(self.value, 0)
        return ~CF

    @inline
    @contextmanager
    def counted(self) -> Iterator[U64]:
        """Count before the block and behind it; its value is a copy of the number."""
        copy = scratch(self.value)
        inc(self.times)
        yield copy
        inc(self.times)

    @inline
    @contextmanager
    def each_bit(self) -> Iterator[U64]:
        """The block runs for each bit of the number that is 1, with that bit."""
        left, bit = scratch(self.value), scratch(U64)
        with while_(left != 0):
            blsi(bit, left)
            yield bit
            blsr(left, left)
        release(left, bit)


@inline(changes=("number",))
def double(number: U64) -> U64:
    """Twice the number, in its register."""
    add(number, number)
    return number


@inline(changes=(rdx, rax))
def divide(number: U64, by: U64) -> tuple[U64, U64]:
    """Quotient and rest."""
    mov(rax, number)
    xor(edx, edx)
    div(by)
    return rax, rdx


class Cells(Subsystem):
    """Calls of all kinds."""

    cell = bss(Cell)

    @function(exported=True)
    def run(self, number: U64) -> U64:
        """The old number, when `number` has been added to it and then stands in its place."""
        self.cell.raise_by(number)
        old = self.cell.swap(number)
        ret(old)

    @function(exported=True)
    def twice(self, cell: Ptr[Cell], number: U64) -> U64:
        """What the cell had, and twice the number goes there."""
        double(number)
        old = cell.swap(number)
        add(old, number)
        ret(old)

    @function(exported=True)
    def parity(self, cell: Ptr[Cell]) -> Bool:
        """Whether the number is even."""
        ret(cell.is_even())

    @function(exported=True)
    def count(self, cell: Ptr[Cell]) -> U64:
        """Its number."""
        with cell.counted() as copy:
            add(cell.value, 7)
        ret(copy)

    @inline(changes=("number", *CALLER_SAVED))
    def _add_or_run(self, number: U64, cell: Ptr[Cell]) -> U64:
        """The sum of both numbers, or what `run` gives of a small one."""
        with if_(number > 100):
            sum = scratch(cell.value)
            add(sum, number)
            mov(rax, sum)
        with else_():
            ignore(self.run(number))
        return rax

    @function(exported=True)
    def sum(self, number: U64, cell: Keep[Ptr[Cell]]) -> U64:
        """The same of a number in a scratch register."""
        copy = scratch(number)
        result = self._add_or_run(copy, cell)
        ret(result)

    @function(exported=True)
    def bits(self, cell: Ptr[Cell]) -> U64:
        """How many bits of its number are 1."""
        xor(eax, eax)
        with cell.each_bit():
            inc(rax)
        ret(rax)

    @function(exported=True)
    def split(self, number: U64, by: U64) -> U64:
        """Quotient and rest, added."""
        quotient, rest = divide(number, by)
        add(quotient, rest)
        ret(quotient)


cells = Cells()
host = Host(cells)
numbers = st.integers(0, 2**64 - 1)
MASK = 2**64 - 1


def test_a_register_is_changed_against_the_contract() -> None:
    assert broken("E017") == [
        """\
error[E017]: `Broken.halve` changes `rcx`, and its `changes=` does not say so
  FILE:LINE
  LINE |         mov(cl, 1)
        |         ^^^^^^^^^^ this changes it, and nothing restores it
help: restore it on every path, or name rcx in `changes=`"""
    ]
    assert mended("E017") == []


def test_contracts_that_hold_are_clean() -> None:
    assert findings(cells) == []


@given(st.integers(101, MASK), numbers)
def test_arguments_keep_their_registers_inside(number: int, value: int) -> None:
    assert host.call(cells.sum, number, host.new(Cell, value=value)) == (number + value) & MASK


@given(numbers)
def test_a_block_may_run_many_times(number: int) -> None:
    assert host.call(cells.bits, host.new(Cell, value=number)) == number.bit_count()


@given(numbers, numbers)
def test_code_comes_where_it_is_called(first: int, second: int) -> None:
    host[cells.cell.value] = first
    assert host.call(cells.run, second) == (first + second) & MASK
    assert host[cells.cell.value] == second


@given(numbers, numbers)
def test_parameters_that_change_are_changed(value: int, number: int) -> None:
    cell = host.new(Cell, value=value)
    assert host.call(cells.twice, cell, number) == (value + 2 * number) & MASK
    assert cell.value == 2 * number & MASK


@given(numbers)
def test_flags_are_conditions(value: int) -> None:
    assert host.call(cells.parity, host.new(Cell, value=value)) == (value % 2 == 0)


def test_a_yield_makes_a_block() -> None:
    cell = host.new(Cell, value=3)
    assert host.call(cells.count, cell) == 3
    assert (cell.value, cell.times) == (10, 2)


@given(numbers, st.integers(1, 2**64 - 1))
def test_two_results(number: int, by: int) -> None:
    assert host.call(cells.split, number, by) == (sum(divmod(number, by))) & MASK


class User(Subsystem):
    """Runs what `body` emits with a number and a pointer."""

    def __init__(self, body: Callable[[Any, Any], None]) -> None:
        self.body = body

    @function(exported=True)
    def run(self, number: U64, cell: Ptr[Cell]) -> U64:
        """What the body does."""
        self.body(number, cell)
        ret(0)

    @function
    def callee(self) -> None:
        """Changes what any function may change."""
        mov(ecx, 1)

    @function(clobbers=(rcx,))
    def careful(self) -> None:
        """Changes rcx alone."""
        mov(ecx, 1)


def errors(subsystem: Any) -> list[str]:
    """The errors, without the warnings that nothing reads what the code computes."""
    return [one for one in rules(subsystem) if one.startswith("E")]


def changes(*registers: Any) -> Callable[[Callable[[Any, Any], None]], list[str]]:
    """What is found in code in place that states to change these registers."""

    def run(body: Callable[[Any, Any], None]) -> list[str]:
        body.__annotations__ = {"number": U64, "cell": Ptr[Cell], "return": None}
        return errors(User(inline(changes=registers)(body)))

    return run


def test_what_is_restored_is_not_changed() -> None:
    @changes()
    def pushed(number: Any, cell: Any) -> None:
        push(rcx)
        mov(ecx, 5)
        add(cell.value, rcx)
        pop(rcx)

    assert pushed == []


def test_what_is_restored_on_one_path_alone_is_changed() -> None:
    @changes()
    def sometimes(number: Any, cell: Any) -> None:
        push(rcx)
        mov(ecx, 5)
        add(cell.value, rcx)
        with if_(number == 0):
            mov(u64[rsp], 5)
        pop(rcx)

    assert sometimes == ["E017"]


def test_writes_under_a_condition_are_changes() -> None:
    @changes(rax)
    def conditional(number: Any, cell: Any) -> None:
        xor(eax, eax)
        test(number, number)
        cmove(number, rax)

    @changes()
    def string(number: Any, cell: Any) -> None:
        rep.movsb()

    assert conditional == ["E017"]
    assert string.count("E017") == 3


def test_code_that_leaves_the_function_changes_what_it_likes() -> None:
    @inline(changes=())
    def leaving(number: U64, cell: Ptr[Cell]) -> None:
        with if_(number == 0):
            mov(rcx, number)
            ret(rcx)

    assert errors(User(leaving)) == []


def test_registers_of_roles_are_free() -> None:
    @changes()
    def takes(number: Any, cell: Any) -> None:
        copy = scratch(number)
        add(copy, 1)
        add(cell.value, copy)

    assert takes == []


def test_a_call_changes_what_the_callee_changes() -> None:
    user: Any = User(lambda number, cell: None)

    def emit(function: Any, stated: Any) -> list[str]:
        def place_it() -> None:
            function()

        user.body = lambda number, cell: inline(changes=stated)(place_it)()
        return errors(user)

    assert emit(user.careful, rcx) == []
    assert emit(user.careful, ()) == ["E017"]
    assert emit(user.callee, CALLER_SAVED) == []
    assert emit(user.callee, rcx) == ["E017"] * 8


def test_a_fault_of_code_in_place_is_told_once() -> None:
    class Twice(Subsystem):
        @function(exported=True)
        def run(self) -> None:
            self.change()
            self.other()

        @function
        def other(self) -> None:
            self.change()

        @inline
        def change(self) -> None:
            add(rcx, 1)

    assert rules(Twice()).count("E017") == 1


def test_code_of_32_bits_is_held_to_its_contract() -> None:
    class Loader(Subsystem):
        @entry(bits=32)
        def run(self) -> None:
            self.store()
            hlt()

        @inline(changes=rax)
        def store(self) -> None:
            mov(eax, 1)
            push(ecx)
            mov(ecx, 2)
            pop(ecx)
            mov(edx, 3)

    assert rules(Loader()) == ["E017"]


def test_code_in_the_cases_of_a_switch() -> None:
    class Switch(Subsystem):
        @function(exported=True)
        def run(self, number: U64) -> U64:
            with switch(number):
                for value in range(6):
                    with case(value):
                        double(number)
            ret(number)

    assert findings(Switch()) == []


def test_changes_in_a_loop() -> None:
    @changes(rax)
    def looping(number: Any, cell: Any) -> None:
        mov(eax, 3)
        with while_(eax != 0):
            mov(ecx, eax)
            add(cell.value, rcx)
            dec(eax)

    assert looping == ["E017"]


def test_calls_of_code_in_place_in_code_in_place() -> None:
    @inline(changes=rcx)
    def inner() -> U64:
        mov(ecx, 5)
        return rcx

    @changes(rcx)
    def outer(number: Any, cell: Any) -> None:
        five = inner()
        add(cell.value, five)

    @changes()
    def forgets(number: Any, cell: Any) -> None:
        five = inner()
        add(cell.value, five)

    assert outer == []
    assert forgets == ["E017"]


def test_a_result_in_a_machine_register_lives_until_that_is_written() -> None:
    class Reader(Subsystem):
        @function(exported=True)
        def run(self, cell: Ptr[Cell]) -> U64:
            old = cell.swap(u64(cell))
            mov(rax, cell.value)
            add(rax, old)
            ret(rax)

    assert [one.partition("\n")[0] for one in findings(Reader())] == [
        "error[E012]: `old` is read after its register was clobbered"
    ]


class Overwrites(Subsystem):
    @function(exported=True)
    def wrong(self, cell: Ptr[Cell], number: U64) -> U64:
        mov(rax, number)
        old = cell.swap(rax)
        ret(old)


def test_an_argument_in_a_register_that_changes() -> None:
    assert (
        message_of(Overwrites)
        == """\
error[registers]: `Cell.swap` changes rax, which its `number` needs
  FILE:LINE
  LINE |         old = cell.swap(rax)
        |               ^^^^^^^^^^^^^^
expected: `number` in a register that it leaves alone
got: rax
help: `scratch(…)` or `keep(…)` puts a copy into another register"""
    )


class Found(Subsystem):
    @function(exported=True)
    def wrong(self, cell: Ptr[Cell], number: U64) -> U64:
        mov(rax, cell)
        old = cast(rax, Ptr[Cell]).swap(number)
        ret(old)


def test_an_object_that_is_found_by_a_register_that_changes() -> None:
    assert (
        message_of(Found)
        == """\
error[registers]: `Cell.swap` changes rax, which its `self` needs
  FILE:LINE
  LINE |         old = cast(rax, Ptr[Cell]).swap(number)
        |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: `self` in a register that it leaves alone
got: rax, which is found by rax
help: `scratch(…)` or `keep(…)` puts a copy into another register"""
    )


class Misfit(Subsystem):
    @function(exported=True)
    def wrong(self, cell: Ptr[Cell]) -> None:
        cell.raise_by(u32(cell))


def test_an_argument_that_does_not_fit() -> None:
    assert (
        message_of(Misfit)
        == """\
error[call]: `number` of `Cell.raise_by` does not take this
  FILE:LINE
  LINE |         cell.raise_by(u32(cell))
        |         ^^^^^^^^^^^^^^^^^^^^^^^^
expected: number: U64
got: cell: U32, 4 bytes"""
    )


class Unused(Subsystem):
    @function(exported=True)
    def wrong(self, cell: Ptr[Cell], number: U64) -> None:
        cell.swap(number)


def test_a_result_that_nobody_uses() -> None:
    assert (
        message_of(Unused)
        == """\
error[unused-result]: the result of this call is never used
  FILE:LINE
  LINE |         cell.swap(number)
        |         ^^^^^^^^^^^^^^^^^ returns a U64
expected: a name for it that later code reads
got: nothing
help: `ignore(…)` around the call says that it may be dropped"""
    )


class WithoutWith(Subsystem):
    @function(exported=True)
    def wrong(self, cell: Ptr[Cell]) -> None:
        cell.counted()


def test_a_block_without_with() -> None:
    assert (
        message_of(WithoutWith)
        == """\
error[flow]: `Cell.counted` without `with`
  FILE:LINE
  LINE |         cell.counted()
        |         ^^^^^^^^^^^^^^
expected: `with Cell.counted(…):` and an indented block
got: a call whose value is dropped"""
    )


class Stale(Subsystem):
    @function(exported=True)
    def wrong(self, cell: Ptr[Cell]) -> None:
        even = cell.is_even()
        inc(cell.times)
        with if_(even):
            inc(cell.value)


def test_a_condition_that_does_not_hold_any_more() -> None:
    assert (
        message_of(Stale)
        == """\
error[condition]: the condition that `Cell.is_even` computes does not hold any more
  FILE:LINE
  LINE |         with if_(even):
        |              ^^^^^^^^^
expected: nothing between its code and the jump that looks at it
got: `inc` in between
help: `lambda: Cell.is_even(…)` emits its code where it is looked at"""
    )


class Again(Subsystem):
    @function(exported=True)
    def wrong(self, cell: Ptr[Cell]) -> None:
        with while_(cell.is_even()):
            inc(cell.value)


def test_a_loop_that_would_look_at_old_flags() -> None:
    assert (
        message_of(Again)
        == """\
error[condition]: the condition that `Cell.is_even` computes does not hold any more
  FILE:LINE
  LINE |         with while_(cell.is_even()):
        |              ^^^^^^^^^^^^^^^^^^^^^^
expected: nothing between its code and the jump that looks at it
got: `inc` in between
help: `lambda: Cell.is_even(…)` emits its code where it is looked at"""
    )


class Joined(Subsystem):
    """Conditions that are computed, with others."""

    @function(exported=True)
    def either(self, first: Ptr[Cell], second: Ptr[Cell]) -> Bool:
        ret(first.is_even() | (second.value == 0))

    @function(exported=True)
    def both(self, first: Ptr[Cell], second: Ptr[Cell]) -> Bool:
        ret((second.value == 0) & (lambda: first.is_even()))


@given(st.integers(0, 3), st.integers(0, 1))
def test_conditions_are_computed_first_or_where_they_are_looked_at(value: int, other: int) -> None:
    joined = Joined()
    host = Host(joined)
    cells = host.new(Cell, value=value), host.new(Cell, value=other)
    assert host.call(joined.either, *cells) == (value % 2 == 0 or other == 0)
    assert host.call(joined.both, *cells) == (value % 2 == 0 and other == 0)


class Second(Subsystem):
    @function(exported=True)
    def wrong(self, first: Ptr[Cell], second: Ptr[Cell]) -> Bool:
        ret((second.value == 0) | first.is_even())


def test_flags_that_are_computed_before_a_comparison() -> None:
    assert (
        message_of(Second)
        == """\
error[condition]: the condition that `Cell.is_even` computes does not hold any more
  FILE:LINE
  LINE |         ret((second.value == 0) | first.is_even())
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: nothing between its code and the jump that looks at it
got: `cmp` in between
help: `lambda: Cell.is_even(…)` emits its code where it is looked at"""
    )


class Typed(Subsystem):
    @inline
    def give(self, cell: Ptr[Cell]) -> U32:
        return cell.value  # type: ignore[return-value]

    @function(exported=True)
    def wrong(self, cell: Ptr[Cell]) -> None:
        mov(eax, self.give(cell))


def test_a_result_of_another_type() -> None:
    assert (
        message_of(Typed)
        == """\
error[call]: `Typed.give` states another result than it gives
  FILE:LINE
  LINE |     @inline
        |     ^^^^^^^
expected: U32
got: cell.value: U64"""
    )


class Untyped(Subsystem):
    @inline
    def give(self) -> Any:
        return rax

    @function(exported=True)
    def wrong(self) -> None:
        mov(rcx, self.give())


def test_a_result_that_nobody_states() -> None:
    assert (
        message_of(Untyped)
        == """\
error[declaration]: `Untyped.give` does not state what it gives
  FILE:LINE
  LINE |     @inline
        |     ^^^^^^^
expected: a type, `Condition`, or None
got: no annotation of the result, or `Any`"""
    )


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        (
            ("count",),
            """\
`f` has no parameter `count`
expected: one of number
got: `changes` with 'count'""",
        ),
        (
            (xmm0,),
            """\
`changes` takes general registers and the names of parameters
expected: such as `changes=(rax, rcx)` or `changes=("pointer", rax)`
got: xmm0""",
        ),
    ],
)
def test_what_can_change(stated: Any, message: str) -> None:
    def f(number: U64) -> None:
        inc(number)

    with pytest.raises(DeclarationMistake) as caught:
        inline(changes=stated)(f)
    text = normalised(str(caught.value))
    assert text.startswith(f"error[declaration]: {message.splitlines()[0]}\n")
    assert text.endswith(message.partition("\n")[2])


class Outside:
    @inline
    def emit(self) -> None:
        nop()


def test_outside_of_code() -> None:
    assert refusal(lambda: Outside().emit()).splitlines()[0] == (
        "error[place]: `Outside.emit` outside of any code"
    )


@inline(changes=(rax, "numbers"))
def total(*numbers: U64) -> U64:
    """The sum of some numbers, and the line that asks for it behind them in read-only data."""
    xor(eax, eax)
    for number in numbers:
        add(rax, number)
    push(text(str(called_at().source.line)))
    pop(numbers[-1])
    return rax


@inline(changes=rax)
def careful_total(*numbers: U64) -> U64:
    """The sum of some numbers in registers that it leaves alone."""
    xor(eax, eax)
    for number in numbers:
        add(rax, number)
    return rax


class Totals(Subsystem):
    """Sums, and who asks for them."""

    @function(exported=True)
    def line(self, first: U64, second: U64) -> Ptr[U8]:
        """Return the line of the call, by this function's own."""
        sum = total(first, second)
        ignore(sum)
        ret(cast(second, Ptr[U8]))

    @function(exported=True)
    def sum(self, first: U64, second: U64) -> U64:
        """Return the sum, which a register of neither number gets."""
        ret(careful_total(first, second))


def test_code_in_place_knows_from_where_it_is_called() -> None:
    totals = Totals()
    host = Host(totals)
    line = host.read_text(host.call(totals.line, 1, 2))
    assert linecache.getline(__file__, int(line)).strip() == "sum = total(first, second)"


@given(numbers, numbers)
def test_any_number_of_arguments(first: int, second: int) -> None:
    totals = Totals()
    assert Host(totals).call(totals.sum, first, second) == (first + second) & MASK


class Lost(Subsystem):
    @function(exported=True)
    def wrong(self, first: U64) -> U64:
        mov(rax, first)
        ret(careful_total(first, rax))


def test_one_of_any_number_of_arguments_in_a_register_that_changes() -> None:
    assert (
        message_of(Lost)
        == """\
error[registers]: `careful_total` changes rax, which its `numbers` needs
  FILE:LINE
  LINE |         ret(careful_total(first, rax))
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^
expected: `numbers` in a register that it leaves alone
got: (first, rax), which is in rax
help: `scratch(…)` or `keep(…)` puts a copy into another register"""
    )


def test_code_that_nobody_has_called() -> None:
    with pytest.raises(PlaceMistake, match="outside of code in place"):
        called_at()


class Knot(Struct):
    """A number in a list."""

    next: Ptr[Knot]
    number: U64


class MachineRegisters(Subsystem):
    """Gives machine registers to code in place, whose parameters have types."""

    @function(exported=True)
    def run(self, knot: Ptr[Knot]) -> U64:
        mov(rax, knot.next)
        ret(number_of(rax))


@inline
def number_of(knot: Ptr[Knot]) -> U64:
    """The number in `knot`."""
    return knot.number


def test_a_machine_register_has_the_type_of_its_parameter() -> None:
    made = MachineRegisters()
    host = Host(made)
    assert host.call(made.run, host.new(Knot, next=host.new(Knot, number=42))) == 42
    assert findings(made) == []
