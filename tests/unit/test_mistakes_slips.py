"""Slips that Python lets through: names of registers, functions of one name, types of its own."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from enum import IntFlag
from typing import Any

import pytest

from pykasm import *
from pykasm.errors import DeclarationMistake
from pykasm.lang import builder, unit
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


@pytest.mark.parametrize(
    "write",
    [nop, lambda: mov(eax, rax), lambda: place(Label("here")), lambda: align_code(16)],
    ids=["right", "wrong", "labels", "gaps"],
)
def test_loops_that_write_code_for_ever(
    write: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "MOST_ITEMS", 100)

    class Wrong(Subsystem):
        @naked
        def wrong(self) -> None:
            for _ in range(1 << 62):
                write()

    assert "error[flow]: `Wrong.wrong` has more than 100 instructions\n" in message_of(Wrong)


def test_a_loop_that_makes_stubs_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit, "MOST_PARTS", 100)

    class Wrong(Subsystem):
        @emits
        def stubs(self) -> None:
            for number in range(1 << 62):
                with stub(f"vector_{number}"):
                    hlt()

        @naked
        def wrong(self) -> None:
            hlt()

    assert (
        message_of(Wrong)
        == """\
error[flow]: `Wrong` has more than 100 routines
  FILE:LINE
  LINE |                 with stub(f"vector_{number}"):
        |                      ^^^^^^^^^^^^^^^^^^^^^^^^
expected: a loop of Python's, which runs while the code is being written, to end
got: one more
help: `while_` and `for_` are loops of the machine's"""
    )


def test_a_loop_that_makes_texts_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit, "MOST_PARTS", 100)

    class Wrong(Subsystem):
        @naked
        def wrong(self) -> None:
            for number in range(1 << 62):
                mov(rax, text(str(number)))

    assert "error[flow]: `Wrong` has more than 100 data\n" in message_of(Wrong)


def test_a_lack_of_memory() -> None:
    class Wrong(Subsystem):
        @naked
        def wrong(self) -> None:
            mov(rax, bytes(1 << 62)[0])

    assert (
        message_of(Wrong)
        == """\
error[python]: there is no memory left
  FILE:LINE
  LINE |             mov(rax, bytes(1 << 62)[0])
        |                      ^^^^^^^^^^^^^^
expected: an end to what is made while the code is being written
got: MemoryError"""
    )


@pytest.mark.parametrize("selector", [-1, 1 << 16, "8"])
def test_selectors_that_do_not_fit(selector: Any) -> None:
    class Wrong(Subsystem):
        @naked(bits=32, boot=True)
        def wrong(self) -> None:
            ljmp(far(selector, self.wrong))

    assert "error[value-range]: a selector is a number of 16 bits\n" in message_of(Wrong)


def test_sizes_of_offsets_that_far_pointers_do_not_have() -> None:
    class Wrong(Subsystem):
        @naked(bits=32, boot=True)
        def wrong(self) -> None:
            ljmp(far(8, self.wrong, size=3))

    message = message_of(Wrong)
    assert "error[value-range]: the offset of a far pointer has 2 or 4 bytes\n" in message


def test_an_enumeration_that_is_called_without_a_value() -> None:
    class Rights(IntFlag):
        WRITE = 2

    class Wrong(Subsystem):
        @function
        def wrong(self) -> None:
            test(rdi, Rights().WRITE)  # type: ignore[call-arg]

    head = message_of(Wrong).partition("\n")[0]
    assert head.startswith("error[python]: TypeError: Rights() missing 1 required")


COUNTED = bss(U64)


def test_a_datum_for_the_type_of_a_result() -> None:
    class Wrong(Subsystem):
        @function
        def wrong(self) -> None:
            self.count()

        @function
        def count(self) -> COUNTED:  # type: ignore[valid-type]
            nop()

    message = message_of(Wrong)
    assert "can't be passed in a register" in message
    assert "can't be compared" not in message


def test_operands_in_what_builds_keep() -> None:
    assert str(pickle.loads(pickle.dumps(al))) == str(al)


def test_arguments_that_are_written_out_and_are_none() -> None:
    class Wrong(Subsystem):
        @function
        def wrong(self) -> None:
            local(*U64 * 2)  # type: ignore[misc]

    message = message_of(Wrong)
    assert "TypeError: local() argument after * must be an iterable" in message
