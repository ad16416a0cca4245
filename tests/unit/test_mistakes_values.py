"""Mistakes with values: initial ones, whole structs and arrays, pointers to other things, roles."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import pytest

from pykasm import *
from pykasm.hostrun import Host
from tests.unit.messages import message_of, refusal


class State(IntEnum):
    FREE = 0
    USED = 3


class Other(IntEnum):
    USED = 3


class Pair(Struct):
    low: U32
    high: U32


class Tally(Struct):
    count: U64
    state: U8 = field(State)
    pair: Pair
    bytes: Array[U8] = field(count=8)


class Longer(Tally):
    more: U64


class Base(Subsystem):
    tally = bss(Tally)
    pairs = bss(Pair * 4)
    words = bss(U64 * 4)
    eight = bss(U8 * 8)
    handlers = bss(Fn[[U64], U64] * 2)
    own = percpu(Tally)

    @function
    def take(self, a: U64) -> U64:
        ret(a)

    def helper(self) -> None:
        nop()


def body(write: Any) -> type[Base]:
    class Wrong(Base):
        @function
        def wrong(self, a: U64, t: Ptr[Tally], p: Ptr[Pair], u: Ptr[Longer]) -> None:
            write(self, a, t, p, u)

    return Wrong


# Initial values


def initial(kind: Any, value: Any) -> type[Base]:
    class Wrong(Base):
        datum = data(kind, value)

        @function
        def wrong(self) -> None:
            nop()

    return Wrong


@pytest.mark.parametrize(
    ("kind", "value", "range_"),
    [
        (U8, 256, "0x0 to 0xff"),
        (U8, -1, "0x0 to 0xff"),
        (I8, 128, "-0x80 to 0x7f"),
        (I32, 1 << 31, "-0x80000000 to 0x7fffffff"),
        (U64, 1 << 64, "0x0 to 0xffffffffffffffff"),
        (U16 * 2, [1, -1], "0x0 to 0xffff"),
        (Pair, {"low": -5}, "0x0 to 0xffffffff"),
    ],
)
def test_numbers_that_do_not_fit_their_type(kind: Any, value: Any, range_: str) -> None:
    message = message_of(initial(kind, value))
    assert message.startswith("error[value-range]: ")
    assert f" does not fit a {kind if kind in (U8, I8, I32, U64) else ''}".rstrip() in message
    assert f"\nexpected: {range_}\n" in message


def test_an_initial_value_without_a_name() -> None:
    class Wrong(Base):
        datum = data(Tally, Tally(state=2))

        @function
        def wrong(self) -> None:
            nop()

    assert (
        message_of(Wrong)
        == """\
error[value-range]: 2 is none of the values that `this U8` holds
  FILE:LINE
  LINE |         datum = data(Tally, Tally(state=2))
        |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: State.FREE, State.USED
got: 2"""
    )
    message = message_of(initial(Tally, Tally(state=Other.USED)))
    assert message.startswith("error[type]: `this U8` holds another enumeration\n")


class Addresses(Subsystem):
    tally = data(Tally, Tally(count=7))
    words = data(U32 * 4, [1, 2, 3, 4])

    @function
    def five(self) -> U64:
        ret(5)

    whole = data(Ptr[Tally], tally)
    part = data(Ptr[U64], tally.count)
    array = data(Ptr[U32], words)
    element = data(Ptr[U32], words[2])
    listed = data(Ptr[Tally] * 2, [tally, None])
    number = data(U64, address_of(tally))
    extended = data(Ptr[Void], tally)
    functions = data(Fn[[], U64] * 1, [five])

    @function
    def call(self) -> U64:
        result = self.functions[0]()
        ret(result)


def test_data_and_functions_as_initial_values() -> None:
    first, second = Addresses(), Addresses()
    second.label = "Second"
    host = Host(first, second)
    for one in (first, second):
        tally = int(host.address(one.tally))
        assert host[one.whole].count == 7
        assert host[one.part][0] == 7
        assert [host[one.array][0], host[one.element][0]] == [1, 3]
        assert [int(each or 0) for each in host[one.listed]] == [tally, 0]
        assert host[one.number] == int(host[one.extended]) == tally
        assert host.call(one.call) == 5


def test_a_pointer_to_data_of_another_type() -> None:
    class Wrong(Base):
        pair = bss(Pair)
        datum = data(Ptr[Tally], pair)

        @function
        def wrong(self) -> None:
            nop()

    assert (
        message_of(Wrong)
        == """\
error[type]: this can't be the value of a Ptr[Tally]
  FILE:LINE
  LINE |         datum = data(Ptr[Tally], pair)
        |                 ^^^^^^^^^^^^^^^^^^^^^^
expected: what a Ptr[Tally] points to
got: Wrong.pair: Pair"""
    )


@pytest.mark.parametrize(
    ("kind", "value", "got"),
    [
        (Ptr[U32], "text", "a text"),
        (Ptr[Pair], "text", "a text"),
        (Fn[[U64], U64], Base.tally, "Wrong.tally: Tally"),
        (Ptr[Pair], Base.tally, "Wrong.tally: Tally"),
        (Ptr[Tally], Base.own, "Wrong.own"),
        (Ptr[Tally], State.USED, "<State.USED: 3>"),
        (Ptr[Pair], address_of(Base.tally), "address_of(Tally), of a Tally"),
    ],
)
def test_other_things_that_a_pointer_does_not_point_to(kind: Any, value: Any, got: str) -> None:
    message = message_of(initial(kind, value))
    assert message.startswith(f"error[type]: this can't be the value of a {kind!r}\n")
    assert message.endswith(f"\ngot: {got}")


def test_pointers_that_fit() -> None:
    class Right(Base):
        longer = bss(Longer)
        first = data(Ptr[Tally], longer)  # begins with a Tally
        second = data(Ptr[U8], "text")
        third = data(Ptr[Pair], Base.pairs)

    assert Host(Right())


def test_a_plain_method_as_an_initial_value() -> None:
    class Wrong(Base):
        def __init__(self) -> None:
            self.table = data(Fn[[], Void] * 1, [self.helper])

        @function
        def wrong(self) -> None:
            nop()

    assert message_of(Wrong).endswith(
        "got: `helper`, plain Python\nhelp: `@function` above `helper` makes it code with an address"
    )


# Structs and arrays as values


def test_an_array_in_an_instruction() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(rax, self.words)

    assert (
        message_of(Wrong)
        == """\
error[type]: `mov` takes a number, and `Wrong.words` is none
  FILE:LINE
  LINE |             mov(rax, self.words)
        |             ^^^^^^^^^^^^^^^^^^^^
expected: a field, an element, or another place that holds a number
got: Wrong.words: U64 * 4, 32 bytes
help: `Wrong.words[0]` is the first element"""
    )


@pytest.mark.parametrize(
    "write",
    [
        lambda self, a, t, p, u: mov(rax, t.pair),
        lambda self, a, t, p, u: mov(self.eight, a),
        lambda self, a, t, p, u: add(rax, self.tally),
        lambda self, a, t, p, u: mov(self.tally, 5),
        lambda self, a, t, p, u: cmp(at(p), 5),
        lambda self, a, t, p, u: xchg(rax, self.pairs[1]),
        lambda self, a, t, p, u: call(self.handlers),
        lambda self, a, t, p, u: lock.xadd(self.words, rax),
        lambda self, a, t, p, u: sete(self.eight),
    ],
)
def test_structs_and_arrays_in_instructions(write: Any) -> None:
    message = message_of(body(write))
    assert "takes a number, and `" in message or "does not say how wide" in message


def test_structs_in_instructions_that_take_them() -> None:
    class Area(Struct, align=16):
        bytes: Array[U8] = field(count=512)

    class Right(Base):
        area = bss(Area)
        table = bss(X80)

        @function
        def wrong(self, t: Ptr[Tally]) -> None:
            fxsave(self.area)
            lea(rax, self.words)
            lea(rcx, t.pair)
            clflush(self.tally)
            movdqu(xmm0, self.words)
            cmpxchg8b(self.pairs[1])
            mov(rax, ebx)

    assert message_of(Right).startswith("error[operand-size]")


@pytest.mark.parametrize(
    ("write", "start"),
    [
        (
            lambda self, a, t, p, u: ignore(self.take(self.eight)),
            "error[call]: `a` of `Wrong.take`",
        ),
        (lambda self, a, t, p, u: ignore(self.take(t.pair)), "error[call]: `a` of `Wrong.take`"),
        (lambda self, a, t, p, u: keep(self.eight), "error[type]: a register can't hold a U8 * 8"),
        (lambda self, a, t, p, u: scratch(Pair), "error[type]: a register can't hold a Pair"),
        (lambda self, a, t, p, u: if_(self.tally == 0), "error[type]: `Wrong.tally` can't be"),
        (lambda self, a, t, p, u: if_(a == t.pair), "error[type]: `t.pair` can't be compared"),
    ],
)
def test_structs_and_arrays_elsewhere(write: Any, start: str) -> None:
    assert message_of(body(write)).startswith(start)


def test_a_struct_as_a_parameter_or_a_result() -> None:
    class Parameter(Base):
        @function
        def wrong(self, pair: Pair) -> None:
            nop()

    class Result(Base):
        @function
        def wrong(self) -> Pair:
            ret(0)

    class Pointer(Base):
        handler = bss(Fn[[Tally], Void])

        @function
        def wrong(self) -> None:
            self.handler(0)

    assert "got: Pair\nhelp: `pair: Ptr[Pair]`" in message_of(Parameter)
    assert "`the result` of `wrong` can't be passed in a register" in message_of(Result)
    assert (
        message_of(Pointer)
        == """\
error[declaration]: `Fn[[Tally], Void]` passes what no register holds
  FILE:LINE
  LINE |             self.handler(0)
        |             ^^^^^^^^^^^^^^^
expected: integers and pointers, at most two of them as results
got: Tally
help: `Ptr[Tally]`, the address of one"""
    )


@pytest.mark.parametrize("inside", [U64, (U64, U64), ([U64],), [U64]])
def test_the_brackets_of_a_function_pointer(inside: Any) -> None:
    made: Any = Fn
    assert refusal(lambda: made[inside]).startswith("error[declaration]: `Fn[…]` takes a list of")


# Pointers


def test_a_pointer_moved_to_one_of_another_type() -> None:
    class Wrong(Base):
        @function
        def wrong(self, tally: Ptr[Tally], pair: Ptr[Pair]) -> None:
            mov(tally, pair)

    assert (
        message_of(Wrong)
        == """\
error[type]: `tally` does not point to what `pair` points to
  FILE:LINE
  LINE |             mov(tally, pair)
        |             ^^^^^^^^^^^^^^^^
expected: a Ptr[Tally]
got: pair: Ptr[Pair]
help: `cast(pair, Ptr[Tally])` if it is one"""
    )


def test_the_address_of_something_else() -> None:
    class Wrong(Base):
        @function
        def wrong(self, tally: Ptr[Tally]) -> None:
            lea(tally, self.pairs[1])

    assert (
        message_of(Wrong)
        == """\
error[type]: `tally` does not point to what `Wrong.pairs[1]` is
  FILE:LINE
  LINE |             lea(tally, self.pairs[1])
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^
expected: what a Ptr[Tally] points to
got: Wrong.pairs[1]: Pair
help: `cast(Wrong.pairs[1], Tally)` if one lies there"""
    )


@pytest.mark.parametrize(
    "write",
    [
        lambda self, a, t, p, u: xchg(t, p),
        lambda self, a, t, p, u: lea(t, t.count),
        lambda self, a, t, p, u: mov(keep(Ptr[U8]), t),
        lambda self, a, t, p, u: mov(u, t),  # what extends is more than what it extends
        lambda self, a, t, p, u: mov(t, cast(rax, Ptr[U8])),
    ],
)
def test_other_pointers_to_something_else(write: Any) -> None:
    assert "does not point to what `" in message_of(body(write))


def test_moves_of_pointers_that_fit() -> None:
    def write(self: Base, a: Any, t: Any, p: Any, u: Any) -> None:
        mov(t, u)  # begins with a Tally
        mov(cast(rax, Ptr[Void]), t)
        mov(t, rax)
        mov(rax, t)
        mov(t, cast(p, Ptr[Tally]))
        lea(t, self.tally)
        lea(p, t.pair)
        lea(p, self.pairs)
        lea(t, u64[t + 8] if False else bare[rax + 8])
        mov(rax, ebx)

    assert message_of(body(write)).startswith("error[operand-size]")


# Roles


def test_a_role_beside_the_new_holder_of_its_register() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> U64:
            first = scratch(U64)
            mov(first, 1)
            release(first)
            second = scratch(U64)
            mov(second, 2)
            add(second, first)
            ret(second)

    assert (
        message_of(Wrong)
        == """\
error[registers]: `first` and `second` are both in r11
  FILE:LINE
  LINE |             add(second, first)
        |             ^^^^^^^^^^^^^^^^^^
expected: operands that have registers of their own
got: `first`, whose life ended before that of `second` began
help: `keep` `first`, or `release` it later"""
    )


def test_a_result_beside_the_result_of_a_later_call() -> None:
    def write(self: Base, a: Any, t: Any, p: Any, u: Any) -> None:
        first = self.take(1)
        second = self.take(2)
        add(first, second)
        mov(u64[second + 8], first)

    message = message_of(body(write))
    assert message.count("`first` and `second` are both in rax") == 2


class Places(Subsystem):
    tally = bss(Tally)
    other = bss(U64)
    bytes = bss(U8 * 64)

    @function(exported=True)
    def none(self) -> None:
        nop()

    @function(exported=True)
    def number(self, a: U64) -> U64:
        ret(a)


@pytest.mark.parametrize(
    ("write", "what"),
    [
        (lambda self, t, f: lea(t, self.other), "`t` does not point to what `Wrong.other` is"),
        (
            lambda self, t, f: mov(t, address_of(self.other)),
            "`t` does not point to what `Wrong.other` is",
        ),
        (lambda self, t, f: lea(t, self.none), "`t` does not point to functions like `Wrong.none`"),
        (lambda self, t, f: lea(f, self.none), "`f` does not point to functions like `Wrong.none`"),
        (lambda self, t, f: cmove(t, cast(rax, Ptr[U64])), "`t` does not point to what `rax` poin"),
    ],
)
def test_addresses_of_other_things(write: Any, what: str) -> None:
    class Wrong(Places):
        @function
        def wrong(self, t: Ptr[Tally], f: Fn[[U64], U64]) -> None:
            write(self, t, f)

    assert message_of(Wrong).startswith(f"error[type]: {what}")


def test_addresses_that_fit() -> None:
    class Right(Places):
        @function
        def wrong(self, t: Ptr[Tally], f: Fn[[U64], U64]) -> None:
            lea(t, self.tally)
            lea(t, self.bytes)
            mov(t, address_of(self.tally))
            lea(f, self.number)
            mov(rax, ebx)

    assert message_of(Right).startswith("error[operand-size]")


def test_a_number_as_a_truth() -> None:
    class Wrong(Places):
        @function
        def wrong(self, a: U32) -> Bool:
            ret(a)

    class Right(Places):
        @function
        def wrong(self, a: U32, b: Bool) -> Bool:
            with if_(b):
                ret(b)
            mov(rax, ebx)
            ret(a != 0)

    assert message_of(Wrong).endswith("help: `ret(a != 0)` tells whether it is one")
    assert message_of(Right).startswith("error[operand-size]")


def test_a_bit_that_a_register_does_not_have() -> None:
    class Wrong(Places):
        @function
        def wrong(self, a: U32) -> None:
            bts(a, 32)

    assert message_of(Wrong).startswith("error[value-range]: `a` has no bit 32\n")
