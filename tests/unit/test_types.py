"""Types: sizes, offsets, and the declarations that are refused."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, IntFlag

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykasm import *
from pykasm.errors import Mistake
from pykasm.hostrun import Host
from pykasm.lang.field import value_names
from pykasm.lang.structs import StructMeta
from pykasm.lang.types import TypeMeta
from tests.unit.messages import message_of, normalised

SCALARS: list[TypeMeta] = [U8, U16, U32, U64, I8, I16, I32, I64, Ptr[U8]]


class Node(Struct):
    next: Ptr[Node]
    colour: U8
    weight: I32


class Pair(Struct):
    left: Node
    tag: U8
    right: Node


class Descriptor(Struct, packed=True):
    limit: U16
    base: U64


class Register(Struct, size=0x40):
    status: U32
    data: U64 = field(at=0x20)


class Word(Union):
    whole: U64
    halves: Array[U32] = field(count=2)


def offsets(struct: StructMeta) -> dict[str, int]:
    return {name: one.offset for name, one in struct._fields.items()}


def message(make: Callable[[], object]) -> str:
    with pytest.raises(Mistake) as caught:
        make()
    return caught.value.what


def whole_message(make: Callable[[], object]) -> str:
    with pytest.raises(Mistake) as caught:
        make()
    return normalised(str(caught.value))


def test_fields_are_aligned_as_the_abi_has_it() -> None:
    assert offsets(Node) == {"next": 0, "colour": 8, "weight": 12}
    assert sizeof(Node) == 16


def test_structs_nest() -> None:
    assert offsets(Pair) == {"left": 0, "tag": 16, "right": 24}
    assert offsetof(Pair, "right.weight") == 36


def test_a_packed_struct_has_no_padding() -> None:
    assert offsets(Descriptor) == {"limit": 0, "base": 2}
    assert sizeof(Descriptor) == 10


def test_a_field_lies_where_the_device_has_it() -> None:
    assert offsets(Register) == {"status": 0, "data": 0x20}
    assert sizeof(Register) == 0x40


def test_members_of_a_union_share_their_place() -> None:
    assert offsets(Word) == {"whole": 0, "halves": 0}
    assert sizeof(Word) == 8


def test_a_struct_begins_with_the_fields_of_the_one_it_extends() -> None:
    class Shared(Node):
        users: U32 = field(align=8)
        colour: U16

    class SharedAgain(Shared):
        owner: U8

    assert offsets(Shared) == {"next": 0, "colour": 8, "weight": 12, "users": 16}
    assert offsets(SharedAgain) == {**offsets(Shared), "owner": 20}
    assert sizeof(SharedAgain) == 24


def test_what_a_struct_extends_lies_in_it_as_it_is() -> None:
    class Area(Struct, size=64, align=32):
        tag: U8
        length: U64

    class Owned(Area, packed=True):
        owner: U8

    class Spaced(Descriptor):
        owner: U64

    assert offsets(Owned) == {"tag": 0, "length": 8, "owner": 16}
    assert (Owned._size, Owned._align) == (64, 32)
    assert offsets(Spaced) == {"limit": 0, "base": 2, "owner": 16}


def test_a_field_declared_again_has_the_room_that_it_had() -> None:
    class Wider(Node):
        colour: U64

    def lay_out() -> None:
        offsets(Wider)

    assert message(lay_out) == "`Wider.colour` is larger than `Node.colour`, where it lies"


def test_structs_align_as_machines_do() -> None:
    def struct() -> None:
        class Odd(Struct, align=3):
            tag: U8

    for make in (struct, lambda: field(align=12), lambda: field(align=0)):
        assert message(make) == "an alignment is a power of two"


def test_no_field_lies_before_its_union() -> None:
    class Before(Union):
        tag: U8 = field(at=-4)

    assert message(lambda: Before._size) == "`Before.tag` overlaps the field before it"


def test_a_struct_extends_one_struct() -> None:
    class Both(Node, Descriptor):
        pass

    def lay_out() -> None:
        offsets(Both)

    assert message(lay_out) == "`Both` extends more than one struct"


def test_equal_types_are_the_same_object() -> None:
    assert Ptr[Node] is Ptr[Node]
    assert U32 * 4 is U32 * 4


@given(st.lists(st.sampled_from(SCALARS), min_size=1, max_size=12))
def test_layout_agrees_with_ctypes(kinds: list[TypeMeta]) -> None:
    import ctypes

    names = [f"f{n}" for n in range(len(kinds))]
    made = StructMeta("Made", (Struct,), {"__annotations__": dict(zip(names, kinds, strict=True))})
    by_size = {1: ctypes.c_uint8, 2: ctypes.c_uint16, 4: ctypes.c_uint32, 8: ctypes.c_uint64}
    fields = [(n, by_size[k._size]) for n, k in zip(names, kinds, strict=True)]
    model = type("Model", (ctypes.Structure,), {"_fields_": fields})
    assert offsets(made) == {n: getattr(model, n).offset for n in names}
    assert made._size == ctypes.sizeof(model)


def test_a_field_without_a_machine_type_is_refused() -> None:
    class Bad(Struct):
        name: str

    assert message(lambda: sizeof(Bad)) == "`Bad.name` has no machine type"


def test_an_array_field_needs_a_count() -> None:
    class Bad(Struct):
        slots: Array[U64]
        more: U8

    assert message(lambda: sizeof(Bad)) == "`Bad.slots` is an array of unknown length"


def test_an_explicit_offset_may_not_overlap() -> None:
    class Bad(Struct):
        first: U64
        second: U32 = field(at=4)

    assert message(lambda: sizeof(Bad)) == "`Bad.second` overlaps the field before it"


def test_a_negative_length_is_refused() -> None:
    assert message(lambda: U8 * -1) == "an array's length is a whole number"


def test_values_are_shown_by_their_names() -> None:
    class Colour(IntEnum):
        RED = 1

    class Rights(IntFlag):
        READ = 1
        WRITE = 2

    assert value_names(Colour, 1) == "RED"
    assert value_names(Colour, 9) == "9"
    assert value_names(Rights, 3) == "READ|WRITE"


def test_a_name_is_a_field_or_a_method() -> None:
    class Both(Struct):
        count: U32

        def clear(self) -> None:
            mov(self.count, 0)

        def count(self) -> None:  # type: ignore[no-redef]
            inc(self.count)

    assert (
        whole_message(lambda: sizeof(Both))
        == """\
error[declaration]: `Both.count` is a field and a method
  FILE:LINE
  LINE |         def count(self) -> None:  # type: ignore[no-redef]
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: one of them by that name
got: `def count`
help: give the method another name"""
    )


def test_a_method_may_not_hide_what_operands_use() -> None:
    class Loud(Struct):
        volume: U8

        def _text(self) -> str:
            return "loud"

    assert (
        whole_message(lambda: sizeof(Loud))
        == """\
error[declaration]: `Loud._text` can't be a method
  FILE:LINE
  LINE |         def _text(self) -> str:
        |         ^^^^^^^^^^^^^^^^^^^^^^^
expected: a name that operands do not use for themselves
got: `def _text`
help: give the method another name"""
    )


class Line(Struct):
    """A text behind its length."""

    length: U16
    characters: Array[U16]


class Lines(Subsystem):
    """Has a text whose elements follow its struct."""

    greeting = data(Line, Line(length=3, characters=[7, 8, 9]))
    behind = data(U16, 10)

    @function(exported=True)
    def third(self, line: Ptr[Line]) -> U16:
        """The third element, by a number."""
        ret(line.characters[2])

    @function(exported=True)
    def at(self, line: Ptr[Line], index: U64) -> U16:
        """An element, by a register."""
        ret(line.characters[index])


def test_an_array_without_a_count_is_what_lies_behind_the_struct() -> None:
    lines = Lines()
    host = Host(lines)
    assert sizeof(Line) == 2
    assert host[lines.greeting].characters[0:3] == [7, 8, 9]
    assert host[lines.behind] == 10
    line = host.new(Line, length=4, characters=[1, 2, 3, 4], fenced=True)
    assert host.call(lines.third, line) == 3
    assert [host.call(lines.at, line, index) for index in range(4)] == [1, 2, 3, 4]
    assert line.characters[3] == 4


def test_a_struct_that_ends_with_elements_is_not_extended_by_fields() -> None:
    class More(Line):
        checksum: U16

    class Named(Line):
        """The same by another name."""

    assert message(lambda: sizeof(More)) == (
        "`More` would have fields where the elements of `Line.characters` are"
    )
    assert sizeof(Named) == 2


def test_an_element_before_the_first() -> None:
    class Wrong(Subsystem):
        @function(exported=True)
        def wrong(self, line: Ptr[Line]) -> U16:
            ret(line.characters[-1])

    assert "expected: 0 or more" in message_of(Wrong)
