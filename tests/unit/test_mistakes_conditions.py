"""Mistakes with conditions: those that end one way only, that look at no flags, that nobody uses."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Any

import pytest

from pykasm import *
from pykasm.errors import in_one_line
from pykasm.hostrun import Host
from tests.unit.checking import findings
from tests.unit.messages import message_of


class Error(IntEnum):
    BAD = -1
    BIG = 1 << 40


class Errno(ErrorNumber):
    EIO = 5


class State(IntEnum):
    FREE = 0
    USED = 3


class Rights(IntFlag):
    READ = 1
    WRITE = 2
    BOTH = 3


class Thing(Struct):
    state: U8 = field(State)
    rights: U8 = field(Rights)
    number: U64
    room: Array[U8] = field(count=8)


def body(write: Any) -> type[Subsystem]:
    """A subsystem whose function `wrong` is written by `write`."""

    class Wrong(Subsystem):
        @function
        def wrong(self, a: U64, b: U64, small: U8, signed: I16, thing: Ptr[Thing]) -> None:
            write(a, b, small, signed, thing)

    return Wrong


def branch(condition: Any) -> None:
    with if_(condition):
        nop()


def test_a_number_without_sign_below_zero() -> None:
    class Wrong(Subsystem):
        @function
        def wrong(self) -> None:
            with if_(rax < 0):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[condition]: `rax < 0` never holds
  FILE:LINE
  LINE |             with if_(rax < 0):
        |                      ^^^^^^^
expected: a comparison that can end either way
got: a U64, which is 0 to 18446744073709551615"""
    )


@pytest.mark.parametrize(
    ("condition", "text", "word"),
    [
        (lambda a, b, small, signed, thing: a >= 0, "a >= 0", "always"),
        (lambda a, b, small, signed, thing: small > 255, "small > 255", "never"),
        (lambda a, b, small, signed, thing: small <= 255, "small <= 255", "always"),
        (lambda a, b, small, signed, thing: signed < -32768, "signed < -32768", "never"),
        (lambda a, b, small, signed, thing: signed >= -32768, "signed >= -32768", "always"),
        (lambda a, b, small, signed, thing: signed > 32767, "signed > 32767", "never"),
        (lambda a, b, small, signed, thing: thing.number < 0, "thing.number < 0", "never"),
        (lambda a, b, small, signed, thing: thing < 0, "thing < 0", "never"),
        (lambda a, b, small, signed, thing: small & 0, "small & 0", "never"),
    ],
)
def test_comparisons_that_end_one_way(condition: Any, text: str, word: str) -> None:
    message = message_of(body(lambda *operands: branch(condition(*operands))))
    assert message.startswith(f"error[condition]: `{text}` {word} holds\n")


def test_an_error_that_is_not_negated() -> None:
    class Wrong(Subsystem):
        @function
        def wrong(self) -> None:
            result = keep(self.attempt())
            with if_(result == Errno.EIO):
                nop()

        @function
        def attempt(self) -> OrErrno[I32]:
            ret(-Errno.EIO)

    assert (
        message_of(Wrong)
        == """\
error[condition]: `result` is compared with the number of an error, which it is never
  FILE:LINE
  LINE |             with if_(result == Errno.EIO):
        |                      ^^^^^^^^^^^^^^^^^^^
expected: the negated number: `result == -Errno.EIO`
got: Errno.EIO, which is above 0
help: put a minus before it"""
    )


def test_comparisons_that_can_end_either_way() -> None:
    for condition in (
        lambda a, b, small, signed, thing: a > 0,
        lambda a, b, small, signed, thing: small < 255,
        lambda a, b, small, signed, thing: signed < 0,
        lambda a, b, small, signed, thing: signed <= -32768,
        lambda a, b, small, signed, thing: a == b,
    ):

        def write(*operands: Any, condition: Any = condition) -> None:
            branch(condition(*operands))
            mov(rax, ebx)

        assert message_of(body(write)).startswith("error[operand-size]")


def test_a_register_compared_with_itself() -> None:
    message = message_of(body(lambda a, b, small, signed, thing: branch(a != a)))
    assert message.startswith("error[condition]: `a` is compared with itself\n")
    assert message.endswith("got: a != a, which are one register")


@pytest.mark.parametrize("value", [Error.BAD, Error.BIG])
def test_named_values_that_a_type_does_not_hold(value: Error) -> None:
    message = message_of(body(lambda a, b, small, signed, thing: branch(small > value)))
    if value < 0:
        assert message.startswith("error[type]: `small` has no sign, so it is never -1\n")
    else:
        assert "1099511627776 is outside of what `small` can be" in message


def test_a_flag_behind_a_comparison() -> None:
    class Wrong(Subsystem):
        @function
        def wrong(self, a: U64, b: U64) -> None:
            add(a, b)
            with if_((b != 0) & CF):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[condition]: `CF` would look at the flags that `b != 0` leaves
  FILE:LINE
  LINE |             with if_((b != 0) & CF):
        |                      ^^^^^^^^^^^^^
expected: flags before comparisons, which change them
got: (b != 0) & CF
help: `CF & (b != 0)`"""
    )


@pytest.mark.parametrize(
    "condition",
    [
        lambda a, b: (a == 1) | ~ZF,
        lambda a, b: CF & (a == 1) & OF,
        lambda a, b: ~(a & 1) & (CF | ZF),
    ],
)
def test_flags_behind_other_conditions(condition: Any) -> None:
    message = message_of(body(lambda a, b, small, signed, thing: branch(condition(a, b))))
    assert "would look at the flags that" in message


class Carry(Subsystem):
    @function
    def sum(self, a: U64, b: U64) -> U64:
        """1 if the sum is too large, and `b` is no zero; 2 if the sum is 0."""
        add(a, b)
        with if_(CF & (b != 0)):
            ret(1)
        add(a, 0)
        with if_(CF | ZF):
            ret(2)
        ret(0)


def test_flags_before_comparisons() -> None:
    carry = Carry()
    host = Host(carry)
    assert host.call(carry.sum, 2**64 - 1, 2) == 1
    assert host.call(carry.sum, 0, 0) == 2
    assert host.call(carry.sum, 1, 2) == 0


def test_a_comparison_that_nothing_looks_at() -> None:
    class Wrong(Subsystem):
        @function
        def wrong(self, a: U64) -> None:
            a == 5

    assert (
        message_of(Wrong)
        == """\
error[condition]: nothing looks at `a == 5`
  FILE:LINE
  LINE |             a == 5
        |             ^^^^^^
expected: a condition inside `if_`, `while_`, `break_if` …
got: a condition that is a line of its own
help: `mov(…)` writes a value, `cmp(…)` sets the flags"""
    )


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (lambda a, b, small, signed, thing: a & 3, "a & 3"),
        (lambda a, b, small, signed, thing: (a & 3) == 0, "~(a & 3)"),
        (lambda a, b, small, signed, thing: (a == 1) | (b == 2), "(a == 1) | (b == 2)"),
        (lambda a, b, small, signed, thing: ~(a == 1), "~(a == 1)"),
        (lambda a, b, small, signed, thing: thing.state == State.FREE, "thing.state == State.FREE"),
    ],
)
def test_other_conditions_that_nothing_looks_at(write: Any, text: str) -> None:
    message = message_of(body(write))
    assert message.startswith(f"error[condition]: nothing looks at `{text}`\n")


def test_a_condition_as_an_operand() -> None:
    message = message_of(body(lambda a, b, small, signed, thing: mov(rax, a == 5)))
    assert message.startswith("error[place]: `a == 5` is no operand of `mov`\n")
    assert message.endswith("help: branch on it with `if_`, or set a byte by the flags: `sete(al)`")


def test_comparisons_without_parentheses() -> None:
    class Wrong(Subsystem):
        @function
        def wrong(self, a: U64, b: U64) -> None:
            with if_(a == 1 & b == 2):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[type]: `a` can't be compared with this
  FILE:LINE
  LINE |             with if_(a == 1 & b == 2):
        |                      ^^^^^^^^^^^^^^^
expected: a register, memory, a number or an enumeration's value
got: the condition `b & 1`
help: put each comparison in parentheses: `(a == 1) & (b == 2)`"""
    )


def test_a_number_that_is_none_of_the_names_of_a_field() -> None:
    class Wrong(Subsystem):
        @function
        def wrong(self, thing: Ptr[Thing]) -> None:
            with if_(thing.state == 7):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[value-range]: 7 is none of the values that `thing.state` holds
  FILE:LINE
  LINE |             with if_(thing.state == 7):
        |                      ^^^^^^^^^^^^^^^^
expected: State.FREE, State.USED
got: 7"""
    )


@pytest.mark.parametrize(
    "write",
    [
        lambda a, b, small, signed, thing: mov(thing.state, 7),
        lambda a, b, small, signed, thing: cmp(thing.state, 2),
        lambda a, b, small, signed, thing: mov(thing.rights, 4),
        lambda a, b, small, signed, thing: branch(thing.rights & 8),
        lambda a, b, small, signed, thing: mov(scratch(thing.state), 1),
    ],
)
def test_other_numbers_without_a_name(write: Any) -> None:
    assert "is none of the values that `" in message_of(body(write))


@pytest.mark.parametrize(
    "write",
    [
        lambda a, b, small, signed, thing: mov(thing.state, Rights.READ),
        lambda a, b, small, signed, thing: or_(thing.rights, State.USED),
        lambda a, b, small, signed, thing: and_(thing.rights, State.USED),
        lambda a, b, small, signed, thing: test(thing.rights, State.USED),
    ],
)
def test_values_of_another_enumeration(write: Any) -> None:
    assert "holds another enumeration" in message_of(body(write))


def test_values_that_have_a_name() -> None:
    def write(a: Any, b: Any, small: Any, signed: Any, thing: Any) -> None:
        mov(thing.state, State.USED)
        mov(thing.state, 3)
        mov(thing.rights, Rights.READ | Rights.WRITE)
        or_(thing.rights, Rights.BOTH)
        branch(thing.rights & Rights.WRITE)
        mov(thing.state, al)
        mov(rax, ebx)

    assert message_of(body(write)).startswith("error[operand-size]")


def test_an_array_compared_as_a_whole() -> None:
    message = message_of(body(lambda a, b, small, signed, thing: branch(thing.room == 0)))
    assert message.startswith("error[type]: `thing.room` can't be compared as a whole\n")
    assert message.endswith("got: thing.room: U8 * 8")


def test_a_function_as_a_truth() -> None:
    class Wrong(Subsystem):
        @function
        def is_ready(self) -> Bool:
            ret(1)

        @function
        def wrong(self) -> None:
            if self.is_ready:
                nop()

    message = message_of(Wrong)
    assert message.startswith("error[condition]: `Wrong.is_ready` is a function, and no truth\n")
    assert "help: `with if_(Wrong.is_ready(…)):`; Python asks for `is None`" in message


class Moment(U64):
    """A time."""


class Signed(Subsystem):
    """Compares what has no sign as if it had one."""

    @function
    def wrong(self, first: Ptr[U64], last: Ptr[U64]) -> U64:
        with if_(i64(first) < i64(last)):
            ret(1)
        ret(0)


class Earlier(Subsystem):
    """Compares times without a sign, and the sign of their difference."""

    @function
    def run(self, first: Moment, last: Moment) -> U64:
        with if_(first < last):
            ret(1)
        sub(first, last)
        with if_(i64(first) < 0):
            ret(2)
        ret(0)


def test_addresses_have_no_sign() -> None:
    assert (
        message_of(Signed)
        == """\
error[type]: `first` and `last` have no sign to be compared by
  FILE:LINE
  LINE |         with if_(i64(first) < i64(last)):
        |                  ^^^^^^^^^^^^^^^^^^^^^^
expected: a comparison without `i64(…)`
got: Ptr[U64] < Ptr[U64], seen as I64
help: compare them as they are; of a difference, compare the difference with 0"""
    )
    assert findings(Earlier()) == []


class Asking(Subsystem):
    """Asks in turn."""

    asked = bss(U64)

    @function
    def is_three(self, number: U64) -> Bool:
        inc(self.asked)
        ret(number == 3)

    @function
    def in_turn(self, number: Keep[U64]) -> Bool:
        ret((number != 0) & (lambda: self.is_three(number)))

    @function
    def before(self, number: Keep[U64]) -> Bool:
        is_three = self.is_three(number)
        ret((number != 0) & is_three)

    @function
    def first(self, number: Keep[U64]) -> Bool:
        ret(self.is_three(number) & (number != 4))


def test_a_call_in_turn_is_made_where_the_left_condition_holds() -> None:
    asking = Asking()
    host = Host(asking)
    assert [host.call(asking.in_turn, one) for one in (0, 3, 4)] == [0, 1, 0]
    assert host.read(host.address(asking.asked), 8) == (2).to_bytes(8, "little")
    assert host.call(asking.before, 3) == host.call(asking.first, 3) == 1


def test_a_call_beside_a_condition_that_it_is_not_made_in_turn_with() -> None:
    class Wrong(Asking):
        @function
        def wrong(self, number: Keep[U64]) -> Bool:
            ret((number != 0) & (number < 9) & (self.is_three(number) != 0))

    class WrongEither(Asking):
        @function
        def wrong(self, number: Keep[U64]) -> Bool:
            ret((number == 0) | ~self.is_three(number))

    assert (
        message_of(lambda: Host(Wrong()))
        == """\
error[condition]: the code of `eax != 0` runs before `(number != 0) & (number < 9)` is looked at, and whatever it says
  FILE:LINE
  LINE |             ret((number != 0) & (number < 9) & (self.is_three(number) != 0))
        |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: a function that makes it in its turn
got: ((number != 0) & (number < 9)) & (…), with code of its own
help: `((number != 0) & (number < 9)) & (lambda: …)`, or write the code in front of it"""
    )
    assert "runs before `number == 0` is looked at" in message_of(lambda: Host(WrongEither()))


@pytest.mark.parametrize("kind", [Fn[[U64], U64], Array[U8], Ptr[U64], State, dict])
def test_a_type_is_no_condition(kind: Any) -> None:
    class Wrong(Subsystem):
        @function
        def wrong(self) -> None:
            with if_(kind):
                nop()

    told = message_of(Wrong)
    assert told.startswith("error[condition]: this is no condition\n")
    assert "object at" not in told
    assert "<class" not in told


def test_an_object_of_a_generic_type_is_shown_by_its_type() -> None:
    made: Any = Fn[[U64], U64]()
    assert in_one_line(f"{object.__repr__(made)}") == "an object of `Fn[[U64], U64]`"
