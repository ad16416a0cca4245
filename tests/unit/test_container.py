"""`container_of`: from a field to the struct that has it."""

from __future__ import annotations

from typing import Any

import pytest

from pykasm import *
from pykasm.hostrun import Host
from tests.unit.checking import findings
from tests.unit.messages import message_of


class Link(Struct):
    """A field in the middle."""

    next: Ptr[Link]
    flags: U64


class Node(Struct):
    """A struct with links."""

    first: Link
    number: U64
    second: Link


class Nodes(Subsystem):
    """Goes from links to nodes."""

    node = bss(Node)

    @function(exported=True)
    def run(self, link: Ptr[Link]) -> U64:
        """The number of the node whose second link this is."""
        node = container_of(link, Node, "second")
        ret(node.number)

    @function(exported=True)
    def by_first(self, link: Ptr[Link]) -> U64:
        """The same for the first one."""
        ret(container_of(link, Node, "first").number)

    @function(exported=True)
    def by_part(self, flags: Ptr[U64]) -> U64:
        """The same for a part of a link."""
        ret(container_of(flags, Node, "second.flags").number)

    @function(exported=True)
    def place(self) -> Ptr[Node]:
        """The address of the node, from a place in it."""
        ret(address_of(container_of(self.node.second, Node, "second")))


nodes = Nodes()
host = Host(nodes)


@pytest.mark.parametrize(
    ("function", "offset"),
    [(nodes.run, 24), (nodes.by_first, 0), (nodes.by_part, 32)],
    ids=["second", "first", "part"],
)
def test_a_pointer_to_a_field_leads_to_the_struct(function: Any, offset: int) -> None:
    node = host.new(Node, number=42)
    assert host.call(function, int(node) + offset) == 42


def test_a_place_leads_to_a_place() -> None:
    assert host.call(nodes.place) == host.address(nodes.node)


def test_the_pointer_has_another_name_then() -> None:
    class Late(Nodes):
        @function(exported=True)
        def run(self, link: Ptr[Link]) -> U64:
            node = container_of(link, Node, "second")
            mov(rax, node.number)
            add(rax, link.flags)
            ret(rax)

    assert [one.partition("\n")[0] for one in findings(Late())] == [
        "error[E012]: `link` is read after its register was clobbered"
    ]
    assert findings(nodes) == []


class OtherType(Subsystem):
    @function(exported=True)
    def wrong(self, number: Ptr[U64]) -> U64:
        ret(container_of(number, Node, "second").number)


def test_a_pointer_to_something_else() -> None:
    assert (
        message_of(OtherType)
        == """\
error[type]: `number` is no `Node.second`
  FILE:LINE
  LINE |         ret(container_of(number, Node, "second").number)
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: Ptr[Link]
got: number: Ptr[U64]"""
    )


class InMemory(Subsystem):
    first = bss(Ptr[Link])

    @function(exported=True)
    def wrong(self) -> U64:
        ret(container_of(self.first, Node, "second").number)


def test_a_pointer_in_memory() -> None:
    assert (
        message_of(InMemory)
        == """\
error[operand-form]: `InMemory.first` is a pointer in memory, which would become another one
  FILE:LINE
  LINE |         ret(container_of(self.first, Node, "second").number)
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: a pointer in a register
got: InMemory.first
help: load it first: `link = scratch(InMemory.first)`"""
    )


class NoField(Subsystem):
    @function(exported=True)
    def wrong(self, link: Ptr[Link]) -> U64:
        ret(container_of(link, Node, "secund").number)


def test_a_field_that_the_struct_has_not() -> None:
    assert (
        message_of(NoField)
        == """\
error[unknown-field]: `Node` has no field `secund`
  FILE:LINE
  LINE |         ret(container_of(link, Node, "secund").number)
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: one of first, number, second
got: secund
help: did you mean `second`?"""
    )


class NoStruct(Subsystem):
    @function(exported=True)
    def wrong(self, link: Ptr[Link]) -> U64:
        ret(container_of(link, U64, "second"))  # type: ignore[arg-type]


def test_something_that_is_no_struct() -> None:
    assert (
        message_of(NoStruct)
        == """\
error[declaration]: `container_of` takes a struct and the name of a field
  FILE:LINE
  LINE |         ret(container_of(link, U64, "second"))  # type: ignore[arg-type]
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: `container_of(link, Thread, "link")`
got: U64, 'second'"""
    )
