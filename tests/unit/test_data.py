"""Data: initial values become the bytes and references they should."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import pytest

from pykasm import *
from pykasm.errors import BuildFailed
from pykasm.lang.image import PackedData, Program
from tests.unit.messages import normalised


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Inner(Struct):
    level: U8 = field(Level)
    count: U16


class Record(Struct):
    inner: Inner
    values: Array[U32] = field(count=3)
    link: Ptr[Record]
    name: Ptr[U8]
    handler: Fn[[U32], U32]


class Holder(Subsystem):
    """Keeps one datum, and a function to point to."""

    def __init__(self, make: Any) -> None:
        self.datum = make(self)

    @function(exported=True)
    def handle(self, value: U32) -> U32:
        ret(value)


def assembled(make: Any) -> Program:
    holder = Holder(make)
    return Image(entry=holder.handle, subsystems=[holder]).assemble()


def packed(make: Any) -> PackedData:
    return assembled(make).packed["Holder"][0]


def test_numbers_are_little_endian() -> None:
    assert packed(lambda _: data(U32, 0x01020304)).bytes == bytes([4, 3, 2, 1])


def test_negative_numbers_are_in_twos_complement() -> None:
    assert packed(lambda _: data(I16, -2)).bytes == b"\xfe\xff"


def test_what_is_left_out_is_zero() -> None:
    made = packed(lambda _: data(Record, Record(inner=Inner(level=Level.HIGH), values=[7])))
    assert made.bytes == bytes([2, 0, 0, 0, 7]) + bytes(sizeof(Record) - 5)


def test_dictionaries_and_structs_are_equal_as_values() -> None:
    assert (
        packed(lambda _: data(Inner, {"count": 5})).bytes
        == packed(lambda _: data(Inner, Inner(count=5))).bytes
    )


def test_strings_become_read_only_data_once() -> None:
    program = assembled(lambda _: rodata(Ptr[U8] * 3, ["one", "two", "one"]))
    table, *texts = program.packed["Holder"]
    assert [one.target for one in table.references] == [
        "Holder.text0",
        "Holder.text1",
        "Holder.text0",
    ]
    assert [one.bytes for one in texts] == [b"one\0", b"two\0"]


def test_pointers_take_functions_and_data() -> None:
    made = packed(lambda holder: data(Record, Record(handler=holder.handle)))
    reference = made.references[0]
    assert (reference.target, reference.offset) == ("Holder.handle", offsetof(Record, "handler"))


def test_a_datum_of_each_instance_has_its_own_symbol() -> None:
    class Lock(Component):
        ticket = bss(U32)

    class Two(Subsystem):
        def __init__(self) -> None:
            self.first, self.second = Lock(), Lock()

        @function
        def run(self) -> None:
            inc(self.first.ticket)
            inc(self.second.ticket)

    two = Two()
    program = Image(entry=two.run, subsystems=[two]).assemble()
    symbols = [one.datum._symbol for one in program.packed["Two"]]
    assert symbols == ["Two.first.ticket", "Two.second.ticket"]


def test_parts_that_refer_to_each_other_are_named_once() -> None:
    class Part(Component):
        count = bss(U32)
        other: Any = None

    class Whole(Subsystem):
        def __init__(self) -> None:
            self.left, self.right = Part(), Part()
            self.left.other, self.right.other = self.right, self.left

        @function
        def run(self) -> None:
            inc(self.left.count)
            inc(self.right.count)

    whole = Whole()
    program = Image(entry=whole.run, subsystems=[whole]).assemble()
    symbols = [one.datum._symbol for one in program.packed["Whole"]]
    assert symbols == ["Whole.left.count", "Whole.left.other.count"]


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda _: data(U8, 256), "0x100 does not fit a U8"),
        (lambda _: data(U32 * 2, [1, 2, 3]), "this can't be the value of a U32 * 2"),
        (lambda _: data(Inner, Record()), "this can't be the value of a Inner"),
        (lambda _: data(Inner, {"cuont": 1}), "`Inner` has no field `cuont`"),
        (lambda _: data(U64, 1.5), "this can't be the value of a U64"),
        (lambda _: data(U64, 1, align=3), "an alignment is a power of two"),
        (lambda _: data(7, 1), "data needs a type"),
        (
            lambda _: bss(U8 * (1 << 40)),
            "`Holder.datum` is larger than the memory that an image lies in",
        ),
    ],
)
def test_wrong_values_are_mistakes_at_the_line_that_gives_them(make: Any, what: str) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - a mistake, alone or in a failed build
        assembled(make)
    text = normalised(str(caught.value))
    assert what in text.splitlines()[0]
    assert "FILE:LINE" in text


def test_a_datum_outside_of_the_image_is_a_mistake() -> None:
    stray: Any = bss(U64)

    class User(Subsystem):
        @function
        def run(self) -> None:
            inc(stray)

    user = User()
    with pytest.raises(BuildFailed) as caught:
        Image(entry=user.run, subsystems=[user]).assemble()
    assert "this datum belongs to no subsystem of the image" in str(caught.value)
