"""Mistakes with indexes, elements and places; and what lies where it has to."""

from __future__ import annotations

from typing import Any

import pytest

from pykasm import *
from pykasm.encode.encoder import Encoder
from pykasm.errors import DeclarationMistake
from pykasm.hostrun import Host
from pykasm.lang.objects import assemble_program
from tests.unit.messages import message_of


class Item(Struct):
    a: U64
    b: U64
    c: U64


class Nothing(Struct):
    pass


class Wide(Struct, align=64):
    a: U64


class Base(Subsystem):
    table = data(U64 * 8, [10, 11, 12, 13, 14, 15, 16, 17])
    items = bss(Item * 4)
    own = percpu(Item * 4)


def body(write: Any) -> type[Base]:
    """A subsystem whose function `wrong` is written by `write`."""

    class Wrong(Base):
        @function
        def wrong(self, a: U64, n: U32, p: Ptr[Void], q: Ptr[Item], e: Ptr[Nothing]) -> None:
            write(self, a, n, p, q, e)

    return Wrong


def test_an_index_of_the_low_part_of_a_register() -> None:
    class Wrong(Base):
        @function
        def wrong(self, a: U64) -> None:
            mov(rcx, self.table[u32(a)])

    assert (
        message_of(Wrong)
        == """\
error[operand-form]: `a` is a part of a register that may hold more
  FILE:LINE
  LINE |             mov(rcx, self.table[u32(a)])
        |                      ^^^^^^^^^^^^^^^^^^
expected: a register of 64 bits, or a U32 (its upper half is clear)
got: a: U32
help: `scratch(u32(a))` is an index"""
    )


def test_an_index_of_32_bits_of_a_machine_register() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(rcx, self.table[eax])

    assert (
        message_of(Wrong)
        == """\
error[operand-form]: `eax` is a part of a register that may hold more
  FILE:LINE
  LINE |             mov(rcx, self.table[eax])
        |                      ^^^^^^^^^^^^^^^
expected: a register of 64 bits, or a U32 (its upper half is clear)
got: eax: U32
help: `mov(eax, eax)` clears it; index with rax then"""
    )


@pytest.mark.parametrize(
    "write",
    [
        lambda self, a, n, p, q, e: point_at(rax, self.items, u32(a)),
        lambda self, a, n, p, q, e: point_at(rax, self.items, ecx),
        lambda self, a, n, p, q, e: mov(rax, u64(q)[0]),
        lambda self, a, n, p, q, e: mov(rax, cast(q, Ptr[U64])[u32(a)]),
    ],
)
def test_other_indexes_of_32_bits(write: Any) -> None:
    message = message_of(body(write))
    assert "is a part of a register that may hold more" in message or "has no elements" in message


def test_an_address_as_an_index() -> None:
    message = message_of(body(lambda self, a, n, p, q, e: mov(rax, self.table[q])))
    assert message.startswith("error[operand-form]: `q` is an address, not a number\n")
    assert message.endswith("got: q: Ptr[Item]\nhelp: `u64(q)` if it is")


def test_elements_of_what_has_no_type() -> None:
    class Wrong(Base):
        @function
        def wrong(self, p: Ptr[Void]) -> None:
            mov(rax, p[3])

    assert (
        message_of(Wrong)
        == """\
error[type]: `p` has no elements: nothing says how large they are
  FILE:LINE
  LINE |             mov(rax, p[3])
        |                      ^^^^
expected: a pointer to a type that has a size
got: p: Ptr[Void]
help: `cast(p, Ptr[U8])` for bytes"""
    )


@pytest.mark.parametrize(
    "write",
    [
        lambda self, a, n, p, q, e: mov(rax, p[a]),
        lambda self, a, n, p, q, e: point_at(rax, p, a),
        lambda self, a, n, p, q, e: point_at(rax, e, a),
        lambda self, a, n, p, q, e: lea(rax, e[2]),
    ],
)
def test_other_elements_without_a_size(write: Any) -> None:
    assert "nothing says how large they are" in message_of(body(write))


def test_the_address_of_an_element_of_per_cpu_data() -> None:
    class Wrong(Base):
        @function
        def wrong(self, a: U64) -> None:
            point_at(rax, self.own, a)

    assert (
        message_of(Wrong)
        == """\
error[place]: `lea` computes the address of `Wrong.own` without the base of its segment
  FILE:LINE
  LINE |             point_at(rax, self.own, a)
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: a place in memory that no segment register belongs to
got: Wrong.own
help: add the base of the segment, which is kept in memory: see `percpu` in the guide"""
    )


class Indexing(Subsystem):
    table = data(U64 * 8, [10, 11, 12, 13, 14, 15, 16, 17])

    @function
    def by_low_part(self, a: U64) -> U64:
        i = scratch(u32(a))
        mov(rax, self.table[i])
        ret(rax)

    @function
    def by_choice(self, a: U64) -> U64:
        """The upper half of rax is still there behind the choice."""
        mov(rax, a)
        with switch(eax):
            for number in range(6):
                with case(number):
                    add(rax, 1)
        ret(rax)

    @function
    def by_written_choice(self, a: U64) -> U64:
        """Writing eax clears the upper half of rax, so that a table can be indexed with it."""
        mov(eax, u32(a))
        with switch(eax):
            for number in range(6):
                with case(number):
                    add(rax, 1)
        ret(rax)


indexing = Indexing()


def test_a_copy_of_the_low_part_is_an_index() -> None:
    assert Host(indexing).call(indexing.by_low_part, 1 << 40 | 3) == 13


def test_a_choice_leaves_the_register_as_it_is() -> None:
    host = Host(indexing)
    assert host.call(indexing.by_choice, 1 << 40 | 3) == 1 << 40 | 4
    assert host.call(indexing.by_choice, 1 << 40 | 9) == 1 << 40 | 9
    assert host.call(indexing.by_written_choice, 1 << 40 | 3) == 4


def test_a_local_aligned_to_more_than_the_stack_is() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            room = local(Wide)
            lea(rax, room)

    assert (
        message_of(Wrong)
        == """\
error[declaration]: a local can't lie at a multiple of 64 bytes
  FILE:LINE
  LINE |             room = local(Wide)
        |                    ^^^^^^^^^^^
expected: a type aligned to 16 bytes at most, as the stack is
got: Wide, aligned to 64
help: `bss`, or a larger local of bytes in which you round the address up"""
    )
    for kind in (X256, X512, Wide * 2):
        assert "a local can't lie at" in message_of(
            body(lambda self, a, n, p, q, e, kind=kind: local(kind))
        )


class Frame(Struct):
    rip: U64


class Locals(Subsystem):
    @function
    def plain(self) -> None:
        byte, wide = local(U8), local(X128)
        mov(byte, 1)
        movdqa(wide, xmm0)

    @interrupt
    def handler(self, frame: Ptr[Frame]) -> None:
        byte, wide = local(U8), local(X128)
        mov(byte, 1)
        movdqa(wide, xmm0)

    @interrupt
    def with_code(self, frame: Ptr[Frame], code: U64) -> None:
        byte, wide = local(U8), local(X128)
        mov(byte, 1)
        movdqa(wide, xmm0)


def test_locals_lie_where_their_type_wants_them() -> None:
    """Of a handler that gets an error code, rbp is between two multiples of 16."""
    locals_ = Locals()
    program = Image(entry=locals_.plain, subsystems=[locals_]).assemble()
    [unit] = assemble_program(program, Encoder(), ".")
    places = {one.routine.symbol: one.routine.locals for one in unit.routines}
    for name, rbp in (("plain", 0), ("handler", 0), ("with_code", 8)):
        byte, wide = places[f"Locals.{name}"]
        assert (rbp + wide._displacement) % 16 == 0
        assert wide._displacement + 16 <= byte._displacement


class Aligned(Subsystem):
    @function(exported=True)
    def before(self) -> None:
        nop()

    @function(exported=True)
    def place(self) -> U64:
        there = Label("there")
        jmp(there)
        align_code(64)
        place(there)
        mov(rax, address_of(there))
        ret(rax)


def test_code_is_aligned_in_memory() -> None:
    aligned = Aligned()
    assert Host(aligned).call(aligned.place) % 64 == 0


@pytest.mark.parametrize("boundary", [0, 3, -16, 8192, True + 2, "16", rax])
def test_alignments_of_code_are_powers_of_two(boundary: Any) -> None:
    message = message_of(body(lambda self, a, n, p, q, e: align_code(boundary)))
    assert message.startswith(f"error[value-range]: code can't be aligned to {boundary!r}\n")
    assert "expected: a power of two up to 4096\n" in message


def test_a_size_that_would_leave_elements_unaligned() -> None:
    with pytest.raises(DeclarationMistake, match="`Odd` has a size"):

        class Odd(Struct, align=16, size=40):
            a: U64

        sizeof(Odd)
