"""Mistakes in the declaration of structs; fields with names of any kind."""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag
from typing import Any

import pytest

from pykasm import *
from pykasm.errors import DeclarationMistake, Mistake
from pykasm.hostrun import Host
from tests.unit.messages import message_of, refusal


class State(IntEnum):
    FREE = 0
    LOST = 300


class Rights(IntFlag):
    READ = 1
    FAR = 1 << 40


class Word(Enum):
    ONE = "one"


class Header(Struct, packed=True):
    a: U16
    _reserved: U16
    b: U32


class Pads(Struct):
    _first: U8
    size: U64
    _pad: Array[U8] = field(count=3)
    last: U8

    def clear(self) -> None:
        mov(self._first, 0)
        mov(self.last, 0)


class Reading(Subsystem):
    header = data(Header, Header(a=1, _reserved=2, b=3))

    @function
    def reserved(self, header: Ptr[Header]) -> U16:
        mov(self.header._reserved, 7)
        mov(ax, header._reserved)
        ret(ax)

    @function
    def clear(self, pads: Ptr[Pads]) -> None:
        pads.clear()


def test_fields_whose_names_begin_with_an_underscore() -> None:
    assert (sizeof(Header), offsetof(Header, "_reserved"), offsetof(Header, "b")) == (8, 2, 4)
    assert (sizeof(Pads), offsetof(Pads, "size"), offsetof(Pads, "last")) == (24, 8, 19)

    reading = Reading()
    host = Host(reading)
    assert host[reading.header]._reserved == 2
    header = host.new(Header, a=5, _reserved=9, b=6)
    assert host.call(reading.reserved, header) == 9
    assert host[reading.header]._reserved == 7
    header._reserved = 4
    assert host.call(reading.reserved, header) == 4
    pads = host.new(Pads, _first=1, size=2, last=3)
    host.call(reading.clear, pads)
    assert (pads._first, pads.size, pads.last) == (0, 2, 0)


@pytest.mark.parametrize("name", ["_kind", "_reference", "_label", "_text", "_role"])
def test_names_that_operands_use_themselves(name: str) -> None:
    with pytest.raises(DeclarationMistake) as caught:
        sizeof(type(Struct)("Wrong", (Struct,), {"__annotations__": {name: U8}}))
    assert caught.value.what == f"`Wrong.{name}` can't be a field"


def test_a_value_behind_the_type_of_a_field() -> None:
    def declare() -> None:
        class Wrong(Struct):
            a: U64 = 5

    assert (
        refusal(declare)
        == """\
error[declaration]: `Wrong.a` can't have a value of its own
  FILE:LINE
  LINE |             a: U64 = 5
        |             ^^^^^^^^^^
expected: `a: U64`, or `a: U64 = field(…)`
got: `= 5`
help: `Wrong(a=5)` is an initial value for data"""
    )


def test_a_name_without_a_type() -> None:
    def declare() -> None:
        class Wrong(Struct):
            a: U64
            b = 7

    assert (
        refusal(declare)
        == """\
error[declaration]: `Wrong.b` is no field: it has no type
  FILE:LINE
  LINE |             b = 7
        |             ^^^^^
expected: `b: U64`, a name with a type behind a colon
got: `b = 7`
help: constants are written in capitals"""
    )


@pytest.mark.parametrize(
    ("hints", "values", "fix"),
    [
        ({"a": "U8"}, {"a": State}, "help: `a: U8 = field(State)` names its values"),
        (
            {"a": "Array[U8]"},
            {"a": 4},
            "help: `a: Array[U8] = field(count=4)` is an array of so many",
        ),
        ({}, {"next": Ptr[Header]}, "help: `next: Ptr[Header]`"),
        ({}, {"_pad": 0}, "help: constants are written in capitals"),
    ],
)
def test_other_ways_to_declare_nothing(
    hints: dict[str, str], values: dict[str, Any], fix: str
) -> None:
    with pytest.raises(DeclarationMistake) as caught:
        type(Struct)("Wrong", (Struct,), {"__annotations__": hints, **values})
    assert str(caught.value).endswith(fix)


def test_what_else_a_struct_may_hold() -> None:
    class Right(Struct):
        SIZE = 16
        a: U64 = field(align=16)

        class Inner(Struct):
            x: U8

        inner: Inner

        @staticmethod
        def helper() -> int:
            return Right.SIZE

        @property
        def twice(self) -> int:
            return 2

    assert sizeof(Right) == 16
    assert Right.helper() == 16


class Loop(Struct):
    a: Loop


class First(Struct):
    second: Second


class Second(Struct):
    numbers: U64
    firsts: Array[First] = field(count=2)


def test_a_struct_in_itself() -> None:
    assert (
        refusal(lambda: sizeof(Loop))
        == """\
error[declaration]: `Loop` contains itself, so it would have no end
  FILE:LINE
  LINE | class Loop(Struct):
        | ^^^^^^^^^^^^^^^^^^^
expected: fields of other types, or pointers
got: a Loop in a Loop
help: `Ptr["Loop"]` is the address of another one"""
    )
    assert refusal(lambda: sizeof(First)).startswith(
        "error[declaration]: `First` contains itself, so it would have no end"
    )
    assert "got: a First in a Second in a First\n" in refusal(lambda: offsetof(First, "second"))
    # and again: the first try has left nothing behind
    assert refusal(lambda: sizeof(Loop)).startswith("error[declaration]: `Loop` contains itself")


@pytest.mark.parametrize(
    ("kind", "values", "what"),
    [
        (U8, State, "`Wrong.a` has no room for `State.LOST`"),
        (U32, Rights, "`Wrong.a` has no room for `Rights.FAR`"),
        (U8, Word, "`Wrong.a` has no room for `Word.ONE`"),
        (Ptr[U8], State, "`Wrong.a` holds no numbers that could have names"),
        (Header, State, "`Wrong.a` holds no numbers that could have names"),
    ],
)
def test_names_for_values_that_a_field_does_not_hold(
    kind: Any, values: type[Enum], what: str
) -> None:
    with pytest.raises(Mistake) as caught:
        sizeof(
            type(Struct)("Wrong", (Struct,), {"__annotations__": {"a": kind}, "a": field(values)})
        )
    assert caught.value.what.replace("`300`", "`State.LOST`") in (
        what,
        what.replace("State.LOST", "300").replace("Rights.FAR", str(1 << 40)),
    )


def test_the_line_of_the_field_is_shown() -> None:
    class Wrong(Struct):
        a: U64
        state: U8 = field(State)

    assert (
        refusal(lambda: sizeof(Wrong)).replace("`300`", "`State.LOST`")
        == """\
error[value-range]: `Wrong.state` has no room for `State.LOST`
  FILE:LINE
  LINE |         state: U8 = field(State)
        |         ^^^^^^^^^^^^^^^^^^^^^^^^
expected: 0 to 255, as a U8 holds
got: 300"""
    )


def test_a_count_of_what_is_no_array() -> None:
    class Wrong(Struct):
        number: U16 = field(count=3)

    assert "error[declaration]: `Wrong.number` is no array of unknown length\n" in refusal(
        lambda: sizeof(Wrong)
    )


def test_a_pointer_to_what_is_no_type() -> None:
    class Wrong(Struct):
        number: Ptr[5]  # type: ignore[valid-type]

    assert refusal(lambda: sizeof(Wrong)).startswith(
        "error[declaration]: `Wrong.number` has no machine type\n"
    )


def test_a_field_is_asked_of_its_struct() -> None:
    class Block(Struct):
        size: U64

    kind: Any = Block

    class Wrong(Subsystem):
        @function
        def wrong(self) -> None:
            mov(rax, kind.size)

    assert (
        message_of(Wrong)
        == """\
error[unknown-name]: `Block` is a type: there is no `size` before there is a `Block`
  FILE:LINE
  LINE |             mov(rax, kind.size)
        |                      ^^^^^^^^^
expected: the field of data, or of what a pointer leads to: `block.size`
got: `Block.size`
help: `block: Ptr[Block]` points to one; `offsetof(Block, "size")` is where it has it"""
    )
