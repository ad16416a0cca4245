"""Every kind of mistake: its whole message, at the author's line."""

from __future__ import annotations

from enum import IntEnum

import pytest

from pykasm import *
from tests.unit.messages import message_of


class Colour(IntEnum):
    RED = 1
    BLACK = 2


class Shape(IntEnum):
    ROUND = 1


class Node(Struct):
    next: Ptr[Node]
    value: U64
    colour: U8 = field(Colour)
    counts: Array[U32] = field(count=4)


class Leaf(Node):
    weight: U64


class Base(Subsystem):
    """What the subsystems of the tests call."""

    @function
    def sum(self, a: U64, b: U32) -> U64:
        ret(a)

    @function
    def visit(self, node: Ptr[Node]) -> None:
        mov(rax, node.value)


def test_operands_of_two_widths() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(rax, ebx)

    assert (
        message_of(Wrong)
        == """\
error[operand-size]: the operands of `mov` do not fit each other in width
  FILE:LINE
  LINE |             mov(rax, ebx)
        |             ^^^^^^^^^^^^^
expected: `mov eax, ebx` or `mov rax, rbx`
got: `rax` (64 bits) and `ebx` (32 bits)
help: `mov eax, ebx` clears the upper half of rax; `movsxd rax, ebx` keeps the sign"""
    )


def test_a_number_too_wide_for_its_register() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(eax, 0x1_2345_6789)

    assert (
        message_of(Wrong)
        == """\
error[value-range]: 0x123456789 does not fit the immediate of `mov`
  FILE:LINE
  LINE |             mov(eax, 0x1_2345_6789)
        |             ^^^^^^^^^^^^^^^^^^^^^^^
expected: -0x80000000 … 0xffffffff (32 bits)
got: `mov eax, 0x123456789`"""
    )


def test_an_immediate_that_would_be_sign_extended() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            and_(rax, 0xFFFF_F000)

    assert (
        message_of(Wrong)
        == """\
error[value-range]: 0xfffff000 does not fit the immediate of `and`
  FILE:LINE
  LINE |             and_(rax, 0xFFFF_F000)
        |             ^^^^^^^^^^^^^^^^^^^^^^
expected: -0x80000000 … 0x7fffffff (32 bits, sign-extended to 64)
got: `and rax, 0xfffff000`
help: load it with `mov r64, …` into a register first"""
    )


def test_a_form_the_machine_lacks() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(u64[rax], u64[rbx])

    assert (
        message_of(Wrong)
        == """\
error[operand-form]: `mov` has no form with memory of 64 bits, memory of 64 bits
  FILE:LINE
  LINE |             mov(u64[rax], u64[rbx])
        |             ^^^^^^^^^^^^^^^^^^^^^^^
expected: mov r/m8, r8; mov r/m16, r16; mov r/m32, r32; mov r/m64, r64; mov r8, r/m8; mov r16, r/m16 … (28 more)
got: `mov qword ptr [rax], qword ptr [rbx]`
help: load one of the two memory operands into a register first"""
    )


def test_a_high_byte_beside_a_rex_register() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(r8b, ah)

    assert (
        message_of(Wrong)
        == """\
error[operand-form]: `ah` cannot stand in an instruction that needs a REX prefix
  FILE:LINE
  LINE |             mov(r8b, ah)
        |             ^^^^^^^^^^^^
expected: no 64-bit operand, no spl … dil and none of r8 … r15 beside it
got: `mov r8b, ah`
help: move the byte to a low byte register first, or shift it down"""
    )


def test_rsp_as_index() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(rax, u64[rbx + rsp * 2])

    assert (
        message_of(Wrong)
        == """\
error[operand-form]: the machine cannot address `qword ptr [rbx + rsp*2]`
  FILE:LINE
  LINE |             mov(rax, u64[rbx + rsp * 2])
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: an index other than the stack pointer
got: rsp
help: copy rsp first"""
    )


def test_a_scale_the_machine_lacks() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(rax, u64[rbx * 3])

    assert (
        message_of(Wrong)
        == """\
error[operand-form]: an index can't be multiplied by 3
  FILE:LINE
  LINE |             mov(rax, u64[rbx * 3])
        |                          ^^^^^^^
expected: 1, 2, 4 or 8
got: 3
help: multiply with `imul` or `lea` first"""
    )


def test_a_displacement_beyond_32_bits() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(rax, u64[rbx + 0x1_0000_0000])

    assert (
        message_of(Wrong)
        == """\
error[value-range]: the displacement of `qword ptr [rbx + 0x100000000]` does not fit its field
  FILE:LINE
  LINE |             mov(rax, u64[rbx + 0x1_0000_0000])
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: -0x80000000 … 0x7fffffff
got: 0x100000000
help: load the address into a register first, then use that as the base"""
    )


def test_three_registers_in_an_address() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(rax, u64[rbx + rcx + rdx])

    assert (
        message_of(Wrong)
        == """\
error[operand-form]: an address has one base, one scaled index and one symbol
  FILE:LINE
  LINE |             mov(rax, u64[rbx + rcx + rdx])
        |                          ^^^^^^^^^^^^^^^
expected: `base + index*scale + number`
got: more registers than that
help: add two of them with `lea` first"""
    )


def test_memory_without_a_width() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            inc(bare[rax])

    assert (
        message_of(Wrong)
        == """\
error[operand-size]: `inc [rax]` does not say how wide its memory operand is
  FILE:LINE
  LINE |             inc(bare[rax])
        |             ^^^^^^^^^^^^^^
expected: a memory operand with a width: byte ptr or word ptr or dword ptr or qword ptr
got: an address without one
help: write the width: `qword ptr […]`"""
    )


def test_a_lock_prefix_that_faults() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            lock.mov(u64[rax], rbx)

    assert (
        message_of(Wrong)
        == """\
error[operand-form]: `mov` does not take `lock` with these operands
  FILE:LINE
  LINE |             lock.mov(u64[rax], rbx)
        |             ^^^^^^^^^^^^^^^^^^^^^^^
expected: `mov` without it
got: `lock mov qword ptr [rax], rbx`
help: `lock` goes before a read-modify-write of memory: `lock add dword ptr […], 1`"""
    )


def test_an_unknown_field() -> None:
    class Wrong(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> None:
            mov(rax, node.vlaue)

    assert (
        message_of(Wrong)
        == """\
error[unknown-field]: `Node` has no field `vlaue`
  FILE:LINE
  LINE |             mov(rax, node.vlaue)
        |                      ^^^^^^^^^^
expected: one of next, value, colour, counts
got: vlaue
help: did you mean `value`?"""
    )


def test_a_field_of_something_that_has_none() -> None:
    class Wrong(Base):
        @function
        def wrong(self, count: U64) -> None:
            mov(rax, count.value)

    assert (
        message_of(Wrong)
        == """\
error[type]: `count` has no fields
  FILE:LINE
  LINE |             mov(rax, count.value)
        |                      ^^^^^^^^^^^
expected: a pointer to a struct, or a struct in memory
got: count: U64"""
    )


def test_a_field_behind_a_pointer_in_memory() -> None:
    class Wrong(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> None:
            mov(rax, node.next.next)

    assert (
        message_of(Wrong)
        == """\
error[operand-form]: `node.next` is a pointer in memory, and no address goes through memory
  FILE:LINE
  LINE |             mov(rax, node.next.next)
        |                      ^^^^^^^^^^^^^^
expected: a pointer in a register
got: node.next: Ptr[Node]
help: load it first: `next = scratch(node.next)`, then `next.next`"""
    )


def test_a_wrong_field_behind_a_pointer_in_memory() -> None:
    class Wrong(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> None:
            mov(rax, node.next.nest)

    assert message_of(Wrong).startswith("error[unknown-field]: `Node` has no field `nest`")


def test_an_element_behind_a_pointer_in_memory() -> None:
    class Wrong(Base):
        words = bss(Ptr[U64])

        @function
        def wrong(self, index: U64) -> None:
            mov(rax, self.words[index])

    assert message_of(Wrong).endswith(
        "help: load it first: `words = scratch(Wrong.words)`, then `words[index]`"
    )


def test_what_a_pointer_in_memory_points_to() -> None:
    class Wrong(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> None:
            lea(rax, at(node.next))

    assert message_of(Wrong).endswith("help: load it first: `at(scratch(node.next))`")


def test_a_bare_displacement_on_a_typed_pointer() -> None:
    class Wrong(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> None:
            mov(rax, u64[node + 8])

    assert (
        message_of(Wrong)
        == """\
error[type]: a bare displacement on the typed pointer `node`
  FILE:LINE
  LINE |             mov(rax, u64[node + 8])
        |                          ^^^^^^^^
expected: a field or an element: `node.next` or `node.value` or `node.colour`
got: arithmetic on node: Ptr[Node]
help: name what you mean, or `u64(node)` if it is really a number"""
    )


def test_an_index_out_of_bounds() -> None:
    class Wrong(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> None:
            mov(eax, node.counts[4])

    assert (
        message_of(Wrong)
        == """\
error[type]: `node.counts` has no element 4
  FILE:LINE
  LINE |             mov(eax, node.counts[4])
        |                      ^^^^^^^^^^^^^^
expected: 0 to 3
got: 4"""
    )


class Tail(Struct):
    bytes: Array[U8] = field(count=0)


def test_an_element_of_an_array_that_has_none() -> None:
    class Wrong(Base):
        @function
        def wrong(self, tail: Ptr[Tail]) -> None:
            mov(al, tail.bytes[0])

    assert (
        message_of(Wrong)
        == """\
error[type]: `tail.bytes` has no element 0
  FILE:LINE
  LINE |             mov(al, tail.bytes[0])
        |                     ^^^^^^^^^^^^^
expected: no index
got: 0
help: `Array[T]` without a count stands for all behind the struct"""
    )


def test_an_index_that_is_too_narrow() -> None:
    class Wrong(Base):
        @function
        def wrong(self, node: Ptr[Node], index: U8) -> None:
            mov(eax, node.counts[index])

    assert (
        message_of(Wrong)
        == """\
error[operand-form]: `index` is too narrow to index with
  FILE:LINE
  LINE |             mov(eax, node.counts[index])
        |                      ^^^^^^^^^^^^^^^^^^
expected: a register of 64 bits, or a U32 (its upper half is clear)
got: index: U8
help: `movzx` it into a wider register first"""
    )


def test_elements_of_an_odd_size() -> None:
    class Wrong(Base):
        @function
        def wrong(self, nodes: Ptr[Node], index: U64) -> None:
            mov(rax, nodes[index].value)

    assert (
        message_of(Wrong)
        == """\
error[operand-form]: elements of `nodes` have 40 bytes, which no address can scale by
  FILE:LINE
  LINE |             mov(rax, nodes[index].value)
        |                      ^^^^^^^^^^^^
expected: elements of 1, 2, 4 or 8 bytes
got: Node
help: `point_at(pointer, nodes, index)` computes the address"""
    )


def test_python_if_on_a_comparison() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            if rax == 0:
                nop()

    assert (
        message_of(Wrong)
        == """\
error[condition]: a condition has no value while the code is being written
  FILE:LINE
  LINE |             if rax == 0:
        |                ^^^^^^^^
expected: a condition inside `if_`, `while_`, `break_if` …
got: Python's `if`, `while`, `and`, `or`, `not` or `a < b < c` on a condition
help: use `with if_(…):`, and `&`, `|`, `~` with parentheses to join conditions"""
    )


def test_python_and_between_conditions() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            with if_(rax > 1 and rax < 5):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[condition]: a condition has no value while the code is being written
  FILE:LINE
  LINE |             with if_(rax > 1 and rax < 5):
        |                      ^^^^^^^^^^^^^^^^^^^
expected: a condition inside `if_`, `while_`, `break_if` …
got: Python's `if`, `while`, `and`, `or`, `not` or `a < b < c` on a condition
help: use `with if_(…):`, and `&`, `|`, `~` with parentheses to join conditions"""
    )


def test_python_if_on_a_register() -> None:
    class Wrong(Base):
        @function
        def wrong(self, count: U64) -> None:
            if count:
                nop()

    assert (
        message_of(Wrong)
        == """\
error[condition]: a register or memory operand has no value while the code is being written
  FILE:LINE
  LINE |             if count:
        |                ^^^^^
expected: a condition inside `if_`, `while_`, `break_if` …
got: Python's `if`, `while`, `and`, `or` or `not` on an operand
help: use `with if_(…):`, and `&`, `|`, `~` to join conditions"""
    )


def test_a_chained_comparison() -> None:
    class Wrong(Base):
        @function
        def wrong(self, count: U64) -> None:
            with if_(1 < count < 5):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[condition]: a condition has no value while the code is being written
  FILE:LINE
  LINE |             with if_(1 < count < 5):
        |                      ^^^^^^^^^^^^^
expected: a condition inside `if_`, `while_`, `break_if` …
got: Python's `if`, `while`, `and`, `or`, `not` or `a < b < c` on a condition
help: use `with if_(…):`, and `&`, `|`, `~` with parentheses to join conditions"""
    )


def test_python_for_on_an_operand() -> None:
    class Wrong(Base):
        @function
        def wrong(self, count: U64) -> None:
            for _ in count:
                nop()

    assert (
        message_of(Wrong)
        == """\
error[type]: `count` can't be iterated while the code is being written
  FILE:LINE
  LINE |             for _ in count:
        |                      ^^^^^
expected: `for_` over a counter
got: Python's `for` on an operand"""
    )


def test_a_number_as_condition() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            with if_(1):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[condition]: this is no condition
  FILE:LINE
  LINE |             with if_(1):
        |                  ^^^^^^
expected: a comparison, a `Bool`, `&` of flags, or these joined by `&`, `|`, `~`
got: 1"""
    )


def test_a_register_as_condition() -> None:
    class Wrong(Base):
        @function
        def wrong(self, count: U64) -> None:
            with if_(count):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[condition]: this is no condition
  FILE:LINE
  LINE |             with if_(count):
        |                  ^^^^^^^^^^
expected: a comparison, a `Bool`, `&` of flags, or these joined by `&`, `|`, `~`
got: count
help: compare: `x != 0`"""
    )


def test_masked_bits_compared_with_a_number() -> None:
    class Wrong(Base):
        @function
        def wrong(self, count: U64) -> None:
            with if_((count & 3) == 1):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[condition]: masked bits compare with 0 only
  FILE:LINE
  LINE |             with if_((count & 3) == 1):
        |                      ^^^^^^^^^^^^^^^^
expected: `x & MASK`, or that compared with 0
got: compared with 1
help: mask a copy with `and_`, then compare that"""
    )


def test_two_memory_operands_compared() -> None:
    class Wrong(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> None:
            with if_(node.value == node.next):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[operand-form]: `node.value` and `node.next` are both in memory
  FILE:LINE
  LINE |             with if_(node.value == node.next):
        |                      ^^^^^^^^^^^^^^^^^^^^^^^
expected: at least one register or number
got: two memory operands
help: load one of them into a register first"""
    )


def test_a_sign_that_an_operand_never_has() -> None:
    class Wrong(Base):
        @function
        def wrong(self, count: U64) -> None:
            with if_(count < -1):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[type]: `count` has no sign, so it is never -1
  FILE:LINE
  LINE |             with if_(count < -1):
        |                      ^^^^^^^^^^
expected: 0 or more
got: -1
help: see it as signed: `i64(count)`"""
    )


def test_signed_against_unsigned() -> None:
    class Wrong(Base):
        @function
        def wrong(self, a: U64, b: I64) -> None:
            with if_(a < b):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[type]: a signed and an unsigned operand have no common order
  FILE:LINE
  LINE |             with if_(a < b):
        |                      ^^^^^
expected: two signed or two unsigned operands
got: a: U64 and b: I64
help: see one as the other: `i64(x)` or `u64(x)`"""
    )


def test_a_value_of_another_enumeration() -> None:
    class Wrong(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> None:
            with if_(node.colour == Shape.ROUND):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[type]: `node.colour` holds another enumeration
  FILE:LINE
  LINE |             with if_(node.colour == Shape.ROUND):
        |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: a value of Colour
got: Shape.ROUND"""
    )


def test_if_without_with() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            if_(rax == 0)
            nop()

    assert (
        message_of(Wrong)
        == """\
error[flow]: `if_` without `with`
  FILE:LINE
  LINE |             if_(rax == 0)
        |             ^^^^^^^^^^^^^
expected: `with if_(…):` and an indented block
got: a call whose value is dropped"""
    )


def test_while_without_with() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            while_(rax == 0)

    assert (
        message_of(Wrong)
        == """\
error[flow]: `while_` without `with`
  FILE:LINE
  LINE |             while_(rax == 0)
        |             ^^^^^^^^^^^^^^^^
expected: `with while_(…):` and an indented block
got: a call whose value is dropped"""
    )


def test_else_without_if() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            with else_():
                nop()

    assert (
        message_of(Wrong)
        == """\
error[flow]: `else_` without an `if_` just before it
  FILE:LINE
  LINE |             with else_():
        |                  ^^^^^^^
expected: the block of an `if_` or `elif_` directly above
got: no `if_`"""
    )


def test_else_after_other_code() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            with if_(rax == 0):
                nop()
            inc(rcx)
            with else_():
                nop()

    assert (
        message_of(Wrong)
        == """\
error[flow]: `else_` without an `if_` just before it
  FILE:LINE
  LINE |             with else_():
        |                  ^^^^^^^
expected: the block of an `if_` or `elif_` directly above
got: other code in between"""
    )


def test_break_outside_of_a_loop() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            break_if(rax == 0)

    assert (
        message_of(Wrong)
        == """\
error[flow]: `break_if` outside of a loop
  FILE:LINE
  LINE |             break_if(rax == 0)
        |             ^^^^^^^^^^^^^^^^^^
expected: a `while_`, `do_while`, `loop` or `for_` around it
got: no loop"""
    )


def test_case_outside_of_a_switch() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            with case(1):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[flow]: `case` outside of a `switch`
  FILE:LINE
  LINE |             with case(1):
        |                  ^^^^^^^
expected: `with switch(register):` around it
got: no switch"""
    )


def test_a_case_twice() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            with switch(rax):
                with case(1, 1):
                    nop()

    assert (
        message_of(Wrong)
        == """\
error[flow]: the case 1 is there twice
  FILE:LINE
  LINE |                 with case(1, 1):
        |                      ^^^^^^^^^^
expected: each value once
got: 1"""
    )


def test_a_switch_over_memory() -> None:
    class Wrong(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> None:
            with switch(node.value):
                with case(1):
                    nop()

    assert (
        message_of(Wrong)
        == """\
error[operand-form]: `switch` looks at a register
  FILE:LINE
  LINE |             with switch(node.value):
        |                  ^^^^^^^^^^^^^^^^^^
expected: a register
got: node.value
help: load it into a register first"""
    )


def test_a_step_backwards() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            with for_(keep(U64), 0, 5, step=-1):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[value-range]: `for_` counts up
  FILE:LINE
  LINE |             with for_(keep(U64), 0, 5, step=-1):
        |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: a step of 1 or more
got: -1
help: `down=True` counts from the end to the start, by 1"""
    )


def test_too_few_arguments() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            ignore(self.sum(1))

    assert (
        message_of(Wrong)
        == """\
error[call]: `Wrong.sum` takes 2 arguments
  FILE:LINE
  LINE |             ignore(self.sum(1))
        |                    ^^^^^^^^^^^
expected: Wrong.sum(a: U64, b: U32)
got: 1 argument"""
    )


def test_an_argument_of_another_width() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            ignore(self.sum(eax, 1))

    assert (
        message_of(Wrong)
        == """\
error[call]: `a` of `Wrong.sum` does not take this
  FILE:LINE
  LINE |             ignore(self.sum(eax, 1))
        |                    ^^^^^^^^^^^^^^^^
expected: a: U64
got: eax: U32, 4 bytes"""
    )


def test_an_argument_of_another_type() -> None:
    class Wrong(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> None:
            ignore(self.sum(node, 1))

    assert (
        message_of(Wrong)
        == """\
error[call]: `a` of `Wrong.sum` does not take this
  FILE:LINE
  LINE |             ignore(self.sum(node, 1))
        |                    ^^^^^^^^^^^^^^^^^
expected: a: U64
got: node: Ptr[Node]
help: `cast(node, U64)` if it is one"""
    )


def test_a_pointer_to_another_type() -> None:
    class Wrong(Base):
        @function
        def wrong(self, other: Ptr[U64]) -> None:
            self.visit(other)

    assert (
        message_of(Wrong)
        == """\
error[call]: `node` of `Wrong.visit` does not take this
  FILE:LINE
  LINE |             self.visit(other)
        |             ^^^^^^^^^^^^^^^^^
expected: node: Ptr[Node]
got: other: Ptr[U64]
help: `cast(other, Ptr[Node])` if it is one"""
    )


def test_a_pointer_to_what_may_lack_fields_of_the_type() -> None:
    class Wrong(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> None:
            self.weigh(node)

        @function
        def weigh(self, leaf: Ptr[Leaf]) -> None:
            mov(rax, leaf.weight)

    assert (
        message_of(Wrong)
        == """\
error[call]: `leaf` of `Wrong.weigh` does not take this
  FILE:LINE
  LINE |             self.weigh(node)
        |             ^^^^^^^^^^^^^^^^
expected: leaf: Ptr[Leaf]
got: node: Ptr[Node]
help: `cast(node, Ptr[Leaf])` if it is one"""
    )


def test_a_function_of_another_type_as_an_argument() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            self.apply(self.sum)

        @function
        def apply(self, handler: Fn[[U64], U64]) -> None:
            ignore(handler(1))

    assert (
        message_of(Wrong)
        == """\
error[call]: `handler` of `Wrong.apply` does not take this
  FILE:LINE
  LINE |             self.apply(self.sum)
        |             ^^^^^^^^^^^^^^^^^^^^
expected: handler: Fn[[U64], U64]
got: Fn[[U64, U32], U64]"""
    )


def test_a_function_of_another_type_in_a_table() -> None:
    class Wrong(Base):
        def __init__(self) -> None:
            self.table = rodata(Fn[[Ptr[Node]], U64] * 1, [self.sum])

        @function
        def wrong(self) -> None:
            ignore(self.table[0](0))

    assert (
        message_of(Wrong)
        == """\
error[type]: this can't be the value of a Fn[[Ptr[Node]], U64]
  FILE:LINE
  LINE |             self.table = rodata(Fn[[Ptr[Node]], U64] * 1, [self.sum])
        |                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: a function of that type
got: Fn[[U64, U32], U64]"""
    )


def test_a_place_inside_a_function_in_a_table() -> None:
    class Wrong(Base):
        def __init__(self) -> None:
            self.table = rodata(Fn[[Ptr[Node]], Void] * 1, [address_of(self.visit) + 4])

        @function
        def wrong(self) -> None:
            self.table[0](0)

    assert (
        message_of(Wrong)
        == """\
error[type]: this can't be the value of a Fn[[Ptr[Node]], Void]
  FILE:LINE
  LINE |             self.table = rodata(Fn[[Ptr[Node]], Void] * 1, [address_of(self.visit) + 4])
        |                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: the start of a function
got: a place inside one"""
    )


def test_a_number_that_does_not_fit_its_parameter() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            ignore(self.sum(1, 0x1_0000_0000))

    assert (
        message_of(Wrong)
        == """\
error[call]: `b` of `Wrong.sum` does not take this
  FILE:LINE
  LINE |             ignore(self.sum(1, 0x1_0000_0000))
        |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: b: U32
got: 0x100000000"""
    )


def test_an_unused_result() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            self.sum(1, 2)

    assert (
        message_of(Wrong)
        == """\
error[unused-result]: the result of this call is never used
  FILE:LINE
  LINE |             self.sum(1, 2)
        |             ^^^^^^^^^^^^^^ returns a U64
expected: a name for it that later code reads
got: nothing
help: `ignore(…)` around the call says that it may be dropped"""
    )


def test_a_result_assigned_but_never_read() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            total = self.sum(1, 2)
            nop()

    assert (
        message_of(Wrong)
        == """\
error[unused-result]: the result of this call is never used
  FILE:LINE
  LINE |             total = self.sum(1, 2)
        |                     ^^^^^^^^^^^^^^ returns a U64
expected: a name for it that later code reads
got: nothing
help: `ignore(…)` around the call says that it may be dropped"""
    )


def test_a_result_of_a_function_that_has_none() -> None:
    class Wrong(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> None:
            ret(self.visit(node))

    assert (
        message_of(Wrong)
        == """\
error[call]: `Wrong.wrong` returns no value
  FILE:LINE
  LINE |             ret(self.visit(node))
        |             ^^^^^^^^^^^^^^^^^^^^^
expected: ret()
got: 1 value"""
    )


def test_a_call_of_something_that_is_no_function() -> None:
    class Wrong(Base):
        @function
        def wrong(self, count: U64) -> None:
            count(1)

    assert (
        message_of(Wrong)
        == """\
error[type]: `count` is no function
  FILE:LINE
  LINE |             count(1)
        |             ^^^^^^^^
expected: a function pointer, `Fn[[…], …]`
got: count: U64"""
    )


def test_tail_with_a_call_in_it() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            tail(self.sum(1, 2))

    assert (
        message_of(Wrong)
        == """\
error[call]: `tail` takes the function, then its arguments
  FILE:LINE
  LINE |             tail(self.sum(1, 2))
        |             ^^^^^^^^^^^^^^^^^^^^
expected: `tail(self.other, a, b)`
got: rax
help: leave the parentheses after the function's name out"""
    )


def test_no_register_left() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            kept = [keep(U64) for _ in range(6)]

    assert (
        message_of(Wrong)
        == """\
error[registers]: no register is left for `keep`
  FILE:LINE
  LINE |             kept = [keep(U64) for _ in range(6)]
        |                     ^^^^^^^^^
expected: one of rbx, r12, r13, r14, r15
got: rbx holds `rbx`, r12 holds `r12`, r13 holds `r13`, r14 holds `r14`, r15 holds `r15`
help: `release` one, use a `local`, or split the function"""
    )


def test_keep_of_something_without_a_type() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            keep(3)

    assert (
        message_of(Wrong)
        == """\
error[type]: `keep` takes a type or a value that has one
  FILE:LINE
  LINE |             keep(3)
        |             ^^^^^^^
expected: `keep(U32)`, `keep(Ptr[Frame])` or `keep(register)`
got: 3"""
    )


def test_keep_of_a_struct() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            keep(Node)

    assert (
        message_of(Wrong)
        == """\
error[type]: a register can't hold a Node
  FILE:LINE
  LINE |             keep(Node)
        |             ^^^^^^^^^^
expected: a type of 1, 2, 4 or 8 bytes
got: 40 bytes
help: use `local`, or a pointer to it"""
    )


def test_a_cast_that_changes_the_width() -> None:
    class Wrong(Base):
        @function
        def wrong(self, count: U32) -> None:
            cast(count, Ptr[Node])

    assert (
        message_of(Wrong)
        == """\
error[type]: `cast` keeps the width of `count`
  FILE:LINE
  LINE |             cast(count, Ptr[Node])
        |             ^^^^^^^^^^^^^^^^^^^^^^
expected: a type of 4 bytes
got: Ptr[Node], 8 bytes"""
    )


def test_text_as_an_operand() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(rax, "rbx")

    assert (
        message_of(Wrong)
        == """\
error[place]: `'rbx'` is no operand of `mov`
  FILE:LINE
  LINE |             mov(rax, "rbx")
        |             ^^^^^^^^^^^^^^^
expected: a register, memory, a number, a label or a symbol
got: str"""
    )


def test_a_python_exception_in_a_body() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            [][1]

    assert (
        message_of(Wrong)
        == """\
error[python]: IndexError: list index out of range
  FILE:LINE
  LINE |             [][1]
        |             ^^^^^"""
    )


def test_a_prefix_called() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            lock(rax)

    assert (
        message_of(Wrong)
        == """\
error[place]: `lock` is a prefix
  FILE:LINE
  LINE |             lock(rax)
        |             ^^^^^^^^^
expected: `lock.instruction(…)`
got: a call of the prefix"""
    )


@pytest.mark.parametrize("part", [lambda own: own.table, lambda own: own.table[1]])
def test_physical_address_of_what_is_there_already(part: Any) -> None:
    class Wrong(Base):
        table = boot(U64 * 4)

        @naked(bits=32, boot=True)
        def wrong(self) -> None:
            place = part(self)
            mov(eax, physical(place))

    message = message_of(Wrong)
    assert message.startswith("error[place]: `Wrong.table")
    assert (
        message.partition("` ")[2]
        == """\
is linked at its physical address already
  FILE:LINE
  LINE |             mov(eax, physical(place))
        |                      ^^^^^^^^^^^^^^^
expected: something that is linked at an address of the kernel's
got: a header, a note, or what is declared with `boot`
help: `address_of`, or the name itself for the memory"""
    )


def test_physical_address_of_code_that_runs_before_paging() -> None:
    class Wrong(Base):
        @naked(bits=32, boot=True)
        def wrong(self) -> None:
            mov(eax, physical(self.wrong))

    assert "`Wrong.wrong` is linked at its physical address already" in message_of(Wrong)


def test_a_register_that_no_encoding_has() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(cr9, rax)
            mov(rax, cr1)

        @function
        def wrong_too(self) -> None:
            jmp(Label("elsewhere"))
            mov(rax, cr1)

    message = message_of(Wrong)
    assert message.startswith(
        """\
error[encoding]: no encoder makes machine code that means `mov cr9, rax`
  FILE:LINE
  LINE |             mov(cr9, rax)
        |             ^^^^^^^^^^^^^
expected: bytes that decode to the same instruction and operands
got: no such bytes from Keystone and from iced-x86
help: write the instruction in another form

error[encoding]: no encoder makes machine code that means `mov rax, cr1`
"""
    )
    assert message.endswith("\n\n3 errors")


def test_labels_that_several_functions_lack() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            jmp(Label("elsewhere"))

        @function
        def wrong_too(self) -> None:
            jmp(Label("nowhere"))

    message = message_of(Wrong)
    assert "the label `elsewhere` is not in this code" in message
    assert "the label `nowhere` is not in this code" in message
    assert message.endswith("\n\n2 errors")


def test_a_label_of_another_function() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            jmp(Label("elsewhere"))

    assert (
        message_of(Wrong)
        == """\
error[place]: the label `elsewhere` is not in this code
  FILE:LINE
  LINE |             jmp(Label("elsewhere"))
        |             ^^^^^^^^^^^^^^^^^^^^^^^
expected: a label placed in the function that refers to it
got: `jmp target`"""
    )


def test_a_label_placed_twice() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            again = Label("again")
            place(again)
            place(again)

    assert (
        message_of(Wrong)
        == """\
error[place]: the label `again` has a place already
  FILE:LINE
  LINE |             place(again)
        |             ^^^^^^^^^^^^
expected: one `place` for each label
got: a second one"""
    )


def test_placing_what_is_no_label() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            place(5)

    assert (
        message_of(Wrong)
        == """\
error[place]: `5` can't be placed
  FILE:LINE
  LINE |             place(5)
        |             ^^^^^^^^
expected: `Label("name")`
got: int"""
    )


def test_a_role_released_twice() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            count = keep(U64)
            release(count)
            release(count)

    assert (
        message_of(Wrong)
        == """\
error[registers]: the life of `count` has ended already
  FILE:LINE
  LINE |             release(count)
        |             ^^^^^^^^^^^^^^
expected: a role that still has its register
got: rbx, which a `release` or a call freed"""
    )


def test_a_datum_assigned_in_code() -> None:
    class Wrong(Base):
        total = bss(U64)

        @function
        def wrong(self) -> None:
            self.total = 5

    assert (
        message_of(Wrong)
        == """\
error[type]: `total = …` gives the Python attribute another value and emits nothing
  FILE:LINE
  LINE |             self.total = 5
        |             ^^^^^^^^^^
expected: an instruction that writes the datum
got: an assignment to it in code
help: `mov(self.total, …)`"""
    )


def test_an_address_as_an_operand() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(rax, rbx + 1)

    assert (
        message_of(Wrong)
        == """\
error[place]: an address is no operand of `mov`
  FILE:LINE
  LINE |             mov(rax, rbx + 1)
        |             ^^^^^^^^^^^^^^^^^
expected: a register, memory, a number, a label or a symbol
got: a sum of registers and numbers
help: `u64[…]` around it is the memory there; `lea` computes it"""
    )


def test_an_index_multiplied_by_a_register() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(rax, u64[rbx * rcx])

    assert (
        message_of(Wrong)
        == """\
error[operand-form]: an index can't be multiplied by rcx
  FILE:LINE
  LINE |             mov(rax, u64[rbx * rcx])
        |                          ^^^^^^^^^
expected: 1, 2, 4 or 8
got: rcx
help: multiply with `imul` or `lea` first"""
    )


def test_a_cast_to_no_type() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(rax, cast(rbx, 5))

    assert (
        message_of(Wrong)
        == """\
error[type]: `cast` takes an operand and a type
  FILE:LINE
  LINE |             mov(rax, cast(rbx, 5))
        |                      ^^^^^^^^^^^^
expected: `cast(x, Ptr[Frame])`
got: 5"""
    )


def test_a_text_that_is_none() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(rdi, text(5))

    assert (
        message_of(Wrong)
        == """\
error[type]: `text` takes a string
  FILE:LINE
  LINE |             mov(rdi, text(5))
        |                      ^^^^^^^
expected: `text("…")`
got: 5"""
    )


def test_a_stub_without_with() -> None:
    class Wrong(Base):
        @emits
        def stubs(self) -> None:
            stub("vector")

        @function
        def wrong(self) -> None:
            nop()

    assert (
        message_of(Wrong)
        == """\
error[flow]: `stub` without `with`
  FILE:LINE
  LINE |             stub("vector")
        |             ^^^^^^^^^^^^^^
expected: `with stub(…):` and an indented block
got: a call whose value is dropped"""
    )


def test_an_assignment_to_a_field() -> None:
    class Wrong(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> None:
            node.value = 5

    assert (
        message_of(Wrong)
        == """\
error[type]: `node.value = …` emits nothing
  FILE:LINE
  LINE |             node.value = 5
        |             ^^^^^^^^^^
expected: an instruction that writes it when the code runs
got: an assignment of Python's, which runs while the code is being written
help: `mov(node.value, …)`"""
    )


def test_a_jump_to_code_of_another_width() -> None:
    class Wrong(Base):
        @naked(bits=32, boot=True)
        def narrow(self) -> None:
            jmp(self.wrong)

        @naked(boot=True)
        def wrong(self) -> None:
            call(self.narrow)

    assert (
        message_of(Wrong)
        == """\
error[place]: `Wrong.wrong` is code of another width, which a near jump does not switch to
  FILE:LINE
  LINE |             jmp(self.wrong)
        |             ^^^^^^^^^^^^^^^
expected: 32-bit code
got: 64-bit code
help: `ljmp(far(selector, Wrong.wrong))`

error[place]: `Wrong.narrow` is code of another width, which a near jump does not switch to
  FILE:LINE
  LINE |             call(self.narrow)
        |             ^^^^^^^^^^^^^^^^^
expected: 64-bit code
got: 32-bit code
help: push a selector and the address, then `retfq`

2 errors"""
    )


def test_a_jump_to_a_stub_of_another_width() -> None:
    class Wrong(Base):
        @emits
        def stubs(self) -> None:
            with stub("sixteen", bits=16) as sixteen:
                hlt()
            with stub("here"):
                jmp(sixteen)

        @function
        def wrong(self) -> None:
            nop()

    assert (
        message_of(Wrong)
        == """\
error[place]: `Wrong.sixteen` is code of another width, which a near jump does not switch to
  FILE:LINE
  LINE |                 jmp(sixteen)
        |                 ^^^^^^^^^^^^
expected: 64-bit code
got: 16-bit code
help: push a selector and the address, then `retfq`"""
    )


def test_a_second_default() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            with switch(eax):
                with default():
                    nop()
                with default():
                    nop()

    assert (
        message_of(Wrong)
        == """\
error[flow]: a second `default` in a `switch`
  FILE:LINE
  LINE |                 with default():
        |                      ^^^^^^^^^
expected: one
got: two"""
    )


def test_a_case_that_the_value_can_not_be() -> None:
    class Wrong(Base):
        @function
        def wrong(self, value: U8) -> None:
            with switch(value):
                with case(300):
                    nop()

    assert (
        message_of(Wrong)
        == """\
error[value-range]: 300 is outside of what `value` can be
  FILE:LINE
  LINE |                 with case(300):
        |                      ^^^^^^^^^
expected: 0 to 255
got: 300 for a U8"""
    )


def test_a_case_of_another_enumeration() -> None:
    class Wrong(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> None:
            colour = scratch(node.colour)
            with switch(colour):
                with case(Shape.ROUND):
                    nop()

    assert (
        message_of(Wrong)
        == """\
error[type]: `colour` holds another enumeration
  FILE:LINE
  LINE |                 with case(Shape.ROUND):
        |                      ^^^^^^^^^^^^^^^^^
expected: a value of Colour
got: Shape.ROUND"""
    )


def test_code_in_a_switch_outside_of_its_cases() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            with switch(eax):
                mov(ecx, 1)
                mov(edx, 2)
                with case(1):
                    nop()
                mov(ecx, 3)
                with default():
                    nop()
                mov(ecx, 4)

    assert (
        message_of(Wrong)
        == """\
error[flow]: this code is in a `switch`, but in no case of it
  FILE:LINE
  LINE |                 mov(ecx, 1)
        |                 ^^^^^^^^^^^
expected: `with case(…):` or `with default():` around it
got: code that nothing leads to
help: what all cases need stands before the `switch`

error[flow]: this code is in a `switch`, but in no case of it
  FILE:LINE
  LINE |                 mov(ecx, 3)
        |                 ^^^^^^^^^^^
expected: `with case(…):` or `with default():` around it
got: code that nothing leads to
help: what all cases need stands before the `switch`

error[flow]: this code is in a `switch`, but in no case of it
  FILE:LINE
  LINE |                 mov(ecx, 4)
        |                 ^^^^^^^^^^^
expected: `with case(…):` or `with default():` around it
got: code that nothing leads to
help: what all cases need stands before the `switch`

3 errors"""
    )


def test_a_text_with_a_zero_inside() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            mov(rax, text("a\0b"))

    assert (
        message_of(Wrong)
        == """\
error[value-range]: a text ends at its first zero
  FILE:LINE
  LINE |             mov(rax, text("a\\0b"))
        |                      ^^^^^^^^^^^^
expected: no zero inside: one is added at the end
got: 'a\\x00b'
help: bytes of any value are `rodata(U8 * n, b"…")`"""
    )


def test_a_symbol_that_is_no_name() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            call(symbol(5))

    assert (
        message_of(Wrong)
        == """\
error[type]: `symbol` takes the name of one
  FILE:LINE
  LINE |             call(symbol(5))
        |                  ^^^^^^^^^
expected: `symbol("bss_end")`
got: 5"""
    )


def test_ignoring_what_is_no_result() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            ignore(5)

    assert (
        message_of(Wrong)
        == """\
error[type]: `ignore` takes the result of a call
  FILE:LINE
  LINE |             ignore(5)
        |             ^^^^^^^^^
expected: `ignore(self.f())`, where `f` has one
got: 5"""
    )


def test_ignoring_a_call_without_a_result() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            ignore(self.visit(0))

    assert (
        message_of(Wrong)
        == """\
error[type]: `ignore` takes the result of a call
  FILE:LINE
  LINE |             ignore(self.visit(0))
        |             ^^^^^^^^^^^^^^^^^^^^^
expected: `ignore(self.f())`, where `f` has one
got: None"""
    )


def test_ignoring_a_machine_register() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            ignore(rax)

    assert (
        message_of(Wrong)
        == """\
error[type]: `ignore` takes the result of a call
  FILE:LINE
  LINE |             ignore(rax)
        |             ^^^^^^^^^^^
expected: `ignore(self.f())`, where `f` has one
got: rax"""
    )


def test_locals_larger_than_a_frame_can_be() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            small = local(U64)
            mov(small, 1)
            large = local(U8 * (2 << 30))
            mov(large[0], 1)

    assert (
        message_of(Wrong)
        == """\
error[value-range]: the locals of this function are too large
  FILE:LINE
  LINE |             large = local(U8 * (2 << 30))
        |                     ^^^^^^^^^^^^^^^^^^^^^
expected: 0x7ffffff0 bytes together, so that all are within reach of rbp
got: 0x80000008 bytes with `large`
help: `bss`, or memory from an allocator"""
    )


def test_the_result_of_a_function_without_one() -> None:
    class Moved(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> None:
            mov(rcx, self.visit(node))  # type: ignore[func-returns-value]

    class Returned(Base):
        @function
        def wrong(self, node: Ptr[Node]) -> U64:
            ret(self.visit(node))  # type: ignore[func-returns-value]

    assert message_of(Moved) == (
        """\
error[place]: `None` is no operand of `mov`
  FILE:LINE
  LINE |             mov(rcx, self.visit(node))  # type: ignore[func-returns-value]
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: a register, memory, a number, a label or a symbol
got: NoneType
help: a call of a function that states `-> None` gives nothing to go on with"""
    )
    assert message_of(Returned) == (
        """\
error[call]: `the result` of `ret` does not take this
  FILE:LINE
  LINE |             ret(self.visit(node))  # type: ignore[func-returns-value]
        |             ^^^^^^^^^^^^^^^^^^^^^
expected: the result: U64
got: None
help: a call of a function that states `-> None` gives nothing to go on with"""
    )


def test_a_parameter_with_a_default_value() -> None:
    class Wrong(Base):
        @function
        def wrong(self, count: U64 = 5) -> U64:
            ret(count)

    assert (
        message_of(Wrong)
        == """\
error[declaration]: `wrong` has parameters that code can't have
  FILE:LINE
  LINE |         def wrong(self, count: U64 = 5) -> U64:
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: parameters by position, each with its type
got: a default value"""
    )


def test_any_number_of_parameters() -> None:
    class Wrong(Base):
        @function
        def wrong(self, *counts: U64) -> None:
            nop()

    assert (
        message_of(Wrong)
        == """\
error[declaration]: `wrong` has parameters that code can't have
  FILE:LINE
  LINE |         def wrong(self, *counts: U64) -> None:
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: parameters by position, each with its type
got: `*`"""
    )


def test_more_results_than_registers_for_them() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> tuple[U64, U64, U8]:
            ret(1, 2, 3)

    assert (
        message_of(Wrong)
        == """\
error[declaration]: `wrong` has 3 results
  FILE:LINE
  LINE |         def wrong(self) -> tuple[U64, U64, U8]:
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: at most two, in rax and rdx
got: U64, U64, U8
help: write the others to memory whose address the caller gives"""
    )


class Account(Struct):
    owner: U64
    balances: Array[U32] = field(count=4)


def test_the_address_of_a_place_of_another_type() -> None:
    class Wrong(Base):
        @function
        def clear(self, numbers: Ptr[U64]) -> None:
            mov(numbers[0], 0)

        @function
        def wrong(self, account: Ptr[Account]) -> None:
            self.clear(address_of(account.balances))

    assert (
        message_of(Wrong)
        == """\
error[call]: `numbers` of `Wrong.clear` does not take this
  FILE:LINE
  LINE |             self.clear(address_of(account.balances))
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: numbers: Ptr[U64]
got: address_of(account.balances): Ptr[U32]"""
    )


def test_the_address_of_data_of_another_type() -> None:
    class Wrong(Base):
        account = bss(Account)

        @function
        def clear(self, numbers: Ptr[U32]) -> None:
            mov(numbers[0], 0)

        @function
        def wrong(self) -> None:
            self.clear(address_of(self.account))

    assert (
        message_of(Wrong)
        == """\
error[call]: `numbers` of `Wrong.clear` does not take this
  FILE:LINE
  LINE |             self.clear(address_of(self.account))
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: numbers: Ptr[U32]
got: address_of(Wrong.account), of a Account"""
    )


def test_the_address_of_a_place_in_an_instruction_that_computes_none() -> None:
    class Wrong(Base):
        @function
        def wrong(self, account: Ptr[Account]) -> None:
            mov(rax, address_of(account.owner))

    assert (
        message_of(Wrong)
        == """\
error[operand-form]: `mov` does not compute the address of `account.owner`
  FILE:LINE
  LINE |             mov(rax, address_of(account.owner))
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: a register, memory, a number, a label or a symbol
got: address_of(account.owner)
help: `lea(register, account.owner)` computes it"""
    )


def test_the_address_of_a_place_in_another_segment() -> None:
    class Wrong(Base):
        @function
        def clear(self, number: Ptr[U64]) -> None:
            mov(number[0], 0)

        @function
        def wrong(self) -> None:
            self.clear(address_of(gs[u64[rax]]))

    assert (
        message_of(Wrong)
        == """\
error[place]: `lea` computes the address of `gs:[rax]` without the base of its segment
  FILE:LINE
  LINE |             self.clear(address_of(gs[u64[rax]]))
        |                        ^^^^^^^^^^^^^^^^^^^^^^^^
expected: a place in memory that no segment register belongs to
got: gs:[rax]
help: add the base of the segment, which is kept in memory: see `percpu` in the guide"""
    )


def test_more_parameters_to_keep_than_registers() -> None:
    class Wrong(Base):
        @function
        def wrong(
            self, a: Keep[U64], b: Keep[U64], c: Keep[U64], d: Keep[U64], e: Keep[U64], f: Keep[U64]
        ) -> None:
            ret()

    assert (
        message_of(Wrong)
        == """\
error[registers]: no register is left for `keep`
  FILE:LINE
  LINE |         def wrong(
        |         ^^^^^^^^^^
expected: one of rbx, r12, r13, r14, r15
got: rbx holds `a`, r12 holds `b`, r13 holds `c`, r14 holds `d`, r15 holds `e`
help: `release` one, use a `local`, or split the function"""
    )


def test_a_parameter_to_keep_in_code_without_a_frame() -> None:
    class Wrong(Base):
        @naked(exported=True)
        def wrong(self, a: Keep[U64]) -> None:
            ret()

    assert (
        message_of(Wrong)
        == """\
error[declaration]: `a` can't be kept in code without a frame
  FILE:LINE
  LINE |         def wrong(self, a: Keep[U64]) -> None:
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: `@function` or `@interrupt`, whose prologue saves the register
got: `Keep[…]` in `@naked`
help: name the type alone"""
    )


def test_a_condition_returned_from_a_function_of_numbers() -> None:
    class Wrong(Base):
        @function
        def wrong(self, number: U64) -> U64:
            ret(number == 3)

    assert (
        message_of(Wrong)
        == """\
error[call]: `Wrong.wrong` does not return a condition
  FILE:LINE
  LINE |             ret(number == 3)
        |             ^^^^^^^^^^^^^^^^
expected: a function that states `-> Bool`
got: U64"""
    )


def test_a_truth_that_is_neither() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> Bool:
            ret(2)

    assert (
        message_of(Wrong)
        == """\
error[call]: `the result` of `ret` does not take this
  FILE:LINE
  LINE |             ret(2)
        |             ^^^^^^
expected: the result: Bool
got: 0x2"""
    )


def test_a_number_joined_with_a_condition() -> None:
    class Wrong(Base):
        @function
        def wrong(self, number: U64) -> None:
            with if_(number | (number == 2)):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[condition]: this is no condition
  FILE:LINE
  LINE |             with if_(number | (number == 2)):
        |                      ^^^^^^^^^^^^^^^^^^^^^^
expected: a comparison, a `Bool`, `&` of flags, or these joined by `&`, `|`, `~`
got: number
help: compare: `x != 0`"""
    )


def test_leaving_a_loop_that_has_ended() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            rows = for_(scratch(U32), 0, 3)
            with rows:
                nop()
            with loop():
                break_(rows)

    assert (
        message_of(Wrong)
        == """\
error[flow]: `break_` outside of that loop
  FILE:LINE
  LINE |                 break_(rows)
        |                 ^^^^^^^^^^^^
expected: a `while_`, `do_while`, `loop` or `for_` around it
got: one that ended, or has not begun
help: `rows = for_(…)`, `with rows as i:`, then `break_(rows)`"""
    )
