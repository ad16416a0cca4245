"""Slips that Python lets through: names of registers, functions of one name, types of its own."""

from __future__ import annotations

from typing import Any

import pytest

from pykasm import *
from pykasm.errors import DeclarationMistake
from tests.unit.messages import message_of, refusal


def test_python_gives_the_name_of_a_register_to_a_number() -> None:
    def declare() -> None:
        class Wrong(Subsystem):
            @function
            def wrong(self) -> U64:
                eax = 5
                ret(eax)

    assert (
        refusal(declare)
        == """\
error[declaration]: `eax` is a register, and Python's `=` gives the name to something else
  FILE:LINE
  LINE |                 eax = 5
        |                 ^^^^^^^
expected: `mov(eax, …)`, or another name
got: `eax = …`"""
    )


def test_two_functions_of_one_name() -> None:
    def declare() -> None:
        class Wrong(Subsystem):
            @function
            def take(self) -> None:
                nop()

            @function(exported=True)
            def take(self) -> None:  # type: ignore[no-redef] # noqa: F811
                hlt()

    message = refusal(declare)
    assert "Wrong.take`\n" in message.partition("there are two functions `")[2]
    assert "which this would replace" in message


def test_functions_of_one_name_in_two_classes() -> None:
    class First(Subsystem):
        @function
        def take(self) -> None:
            nop()

    class Second(Subsystem):
        @function
        def take(self) -> None:
            hlt()

    assert First.take is not Second.take


@pytest.mark.parametrize("make", [lambda: Ptr[int], lambda: Array[str], lambda: User[bytes]])
def test_types_of_python_where_memory_is_meant(make: Any) -> None:
    with pytest.raises(DeclarationMistake, match="takes a type of what lies in memory"):
        make()


class Ring(Struct):
    """Bytes."""

    bytes: Array[U8] = field(count=16)


class Rings(Subsystem):
    """A ring, and what to do with it."""

    ring = bss(Ring)

    @function
    def free(self, ring: Ptr[Ring]) -> None:
        mov(ring.bytes[0], 0)

    @function
    def allocate(self) -> Ptr[Ring]:
        ret(address_of(self.ring))


def test_the_address_of_a_datum_cut_to_32_bits() -> None:
    class Wrong(Rings):
        @function
        def wrong(self) -> None:
            lea(eax, self.ring)

    assert (
        message_of(Wrong)
        == """\
error[type]: `eax` gets a part of the address of `Wrong.ring`
  FILE:LINE
  LINE |             lea(eax, self.ring)
        |             ^^^^^^^^^^^^^^^^^^^
expected: a register of 64 bits
got: eax, of 32 bits
help: take all of the register; `u32[…]` is a number that `lea` computes"""
    )


def test_arguments_of_errdefer_that_do_not_fit() -> None:
    class Wrong(Rings):
        @function
        def wrong(self) -> I32:
            ring = keep(try_(self.allocate(), 12))
            errdefer(self.allocate, ring)
            fail_if(ring.bytes[0] == 0, 12)
            ret(0)

    assert "  LINE |             errdefer(self.allocate, ring)\n" in message_of(Wrong)


def test_the_way_out_of_comparing_signs_has_the_width_of_the_operands() -> None:
    class Wrong(Rings):
        @function
        def wrong(self, a: I32, b: U32) -> None:
            with if_(a < b):
                nop()

    assert message_of(Wrong).endswith("help: see one as the other: `i32(x)` or `u32(x)`")
