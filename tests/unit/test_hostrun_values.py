"""Typed memory of a host: structs, arrays, pointers, data of subsystems."""

from __future__ import annotations

from enum import IntEnum, IntFlag

import pytest

from pykasm import *
from pykasm.errors import TypeMistake, UnknownFieldMistake
from pykasm.hostrun import Host, HostError


class State(IntEnum):
    FREE = 0
    USED = 3


class Mode(IntFlag):
    READ = 1
    WRITE = 2


class Node(Struct):
    next: Ptr[Node]
    state: U8 = field(State)
    mode: U16 = field(Mode)
    balance: I32
    name: Array[U8] = field(count=4)


class Pair(Struct):
    left: Node
    right: Node
    insert: Fn[[Ptr[Node]], Ptr[Node]]


class Empty(Subsystem):
    nothing = bss(U8 * 0)
    no_words = data(U32 * 0, [])

    @function
    def places(self) -> tuple[U64, U64]:
        lea(rax, self.nothing)
        lea(rdx, self.no_words)
        ret(rax, rdx)


def test_data_without_bytes_have_a_place() -> None:
    empty = Empty()
    nothing, no_words = Host(empty).call(empty.places)
    assert 0 not in (nothing, no_words)
    assert nothing != no_words


class Lists(Subsystem):
    head = bss(Ptr[Node])
    table = data(U16 * 4, [1, 2, 3])
    pair = data(Pair, Pair(right=Node(state=State.USED, balance=-7)))
    names = rodata(Ptr[U8] * 2, ["one", "two"])
    mine = percpu(U32, 9)

    @function
    def length(self, node: Ptr[Node]) -> U64:
        xor(eax, eax)
        with while_(node != 0):
            inc(rax)
            mov(node, node.next)
        ret(rax)

    @function
    def push(self, node: Ptr[Node]) -> Ptr[Node]:
        old = scratch(self.head)
        mov(node.next, old)
        mov(self.head, node)
        ret(node)

    @function
    def first_byte(self, text: Ptr[U8]) -> U8:
        ret(text[0])

    @function
    def count_mine(self) -> None:
        inc(self.mine)


lists = Lists()


@pytest.fixture
def host() -> Host:
    return Host(lists)


def test_new_memory_is_zero(host: Host) -> None:
    node = host.new(Node)
    assert (node.next, node.state, node.balance) == (0, State.FREE, 0)


def test_fields_are_read_as_written(host: Host) -> None:
    node = host.new(Node, state=State.USED)
    node.balance = -5
    node.mode = Mode.READ | Mode.WRITE
    node.name = b"ab"
    assert (node.state, node.balance, node.mode) == (State.USED, -5, Mode.READ | Mode.WRITE)
    assert node.name == b"ab\0\0"


def test_values_of_named_fields_are_members_of_their_enumeration(host: Host) -> None:
    node = host.new(Node, state=3, mode=2)
    assert isinstance(node.state, State)
    assert isinstance(node.mode, Mode)


def test_a_value_without_a_name_is_a_number(host: Host) -> None:
    node = host.new(Node, state=9)
    assert node.state == 9


def test_pointers_are_followed_and_compared(host: Host) -> None:
    first = host.new(Node)
    second = host.new(Node, next=first)
    second.next.balance = 4
    assert first.balance == 4
    assert second.next == first
    assert not first.next


def test_structs_inside_structs_are_views_of_their_place(host: Host) -> None:
    pair = host.new(Pair)
    pair.right.balance = 5
    pair.left = pair.right
    assert pair.left.balance == 5


def test_a_struct_shows_its_fields(host: Host) -> None:
    node = host.new(Node, state=State.USED, balance=-1)
    assert repr(node).endswith(
        "(next=Node@0x0, state=<State.USED: 3>, mode=<Mode: 0>, balance=-1, name=[4 elements])"
    )


def test_arrays_are_indexed_sliced_assigned_and_compared(host: Host) -> None:
    numbers = host.new(U16 * 4, [1, 2, 3, 4])
    numbers[1] = 20
    numbers[2:4] = 30, 40
    assert numbers == [1, 20, 30, 40]
    assert numbers[-1] == 40
    assert numbers[1:3] == [20, 30]
    assert sum(numbers) == 91


def test_an_array_has_no_elements_beyond_its_end(host: Host) -> None:
    with pytest.raises(IndexError, match="4 of 4 elements"):
        host.new(U16 * 4)[4]


def test_slices_of_bytes_are_bytes(host: Host) -> None:
    assert host.new(U8 * 4, b"abcd")[1:3] == b"bc"


def test_pointers_to_numbers_are_indexed(host: Host) -> None:
    number = host.new(I32, -5)
    number[0] += 1
    assert number[0] == -4


def test_pointers_are_arguments_and_results(host: Host) -> None:
    node = host.new(Node)
    pushed = host.call(lists.push, node)
    assert pushed == node
    pushed.balance = 8
    assert node.balance == 8


def test_none_is_the_null_pointer(host: Host) -> None:
    assert host.call(lists.length, None) == 0


def test_data_is_read_and_written_by_its_name(host: Host) -> None:
    node = host.new(Node)
    host.call(lists.push, node)
    assert host[lists.head] == node
    host[lists.head] = None
    assert not host[lists.head]


def test_data_starts_with_its_initial_value(host: Host) -> None:
    assert host[lists.table] == [1, 2, 3, 0]
    assert host[lists.pair.right.balance] == -7
    assert host[lists.pair].right.state is State.USED


def test_elements_of_data_have_places_too(host: Host) -> None:
    host[lists.table[2]] = 33
    assert host[lists.table] == [1, 2, 33, 0]


def test_texts_in_data_are_read_through_their_pointers(host: Host) -> None:
    assert [host.read_text(one) for one in host[lists.names]] == ["one", "two"]


def test_per_cpu_data_is_that_of_the_one_processor(host: Host) -> None:
    host.call(lists.count_mine)
    assert host[lists.mine] == 10


def test_addresses_of_data_are_typed_pointers(host: Host) -> None:
    assert host.address(lists.table)[0] == 1
    assert host.address(lists.pair).right.balance == -7


def test_functions_are_values_of_function_pointers(host: Host) -> None:
    pair = host.new(Pair, insert=lists.push)
    assert pair.insert == host.address(lists.push)


def test_texts_and_bytes_are_arguments(host: Host) -> None:
    assert host.call(lists.first_byte, "kasm") == ord("k")
    assert host.call(lists.first_byte, b"\xff") == 0xFF
    assert host.call(lists.first_byte, host.text("x")) == ord("x")


def test_memory_can_be_mapped_anywhere(host: Host) -> None:
    host.map(0xB8000, 4096)
    node = host.new(Node, at=0xB8010, balance=3)
    assert int(node) == 0xB8010
    assert host.at(Node, 0xB8010).balance == 3
    assert host.read(0xB8010 + offsetof(Node, "balance"), 1) == b"\x03"


def test_mapped_memory_may_not_overlap(host: Host) -> None:
    host.map(0xB8000, 4096)
    with pytest.raises(HostError, match="would overlap"):
        host.map(0xB8000, 1)


def test_objects_go_with_a_reset(host: Host) -> None:
    first = host.new(Node, balance=1)
    host.map(0xB8000, 4096)
    host.reset()
    assert host.new(Node) == first
    assert first.balance == 0
    with pytest.raises(HostError, match="no memory is mapped"):
        host.read(0xB8000, 1)


def test_a_wrong_field_names_the_nearest(host: Host) -> None:
    with pytest.raises(UnknownFieldMistake) as mistake:
        host.new(Node).balanse = 1
    assert mistake.value.fix == "did you mean `balance`?"


def test_a_field_of_a_null_pointer_is_a_mistake(host: Host) -> None:
    with pytest.raises(TypeMistake, match="`balance` of a null pointer"):
        _ = host[lists.head].balance


def test_a_pointer_to_another_type_is_refused(host: Host) -> None:
    with pytest.raises(TypeMistake) as mistake:
        host.call(lists.push, host.new(Pair))
    assert mistake.value.expected == "Ptr[Node]"


def test_only_data_has_a_place(host: Host) -> None:
    with pytest.raises(TypeMistake, match="takes data of a subsystem"):
        _ = host[3]
