"""Mistakes at calls and returns: what is returned, what can be entered, what is passed."""

from __future__ import annotations

from typing import NoReturn

import pytest

from pykasm import *
from tests.unit.checking import findings
from tests.unit.messages import message_of


class Frame(Struct):
    rip: U64


class Base(Subsystem):
    handlers = bss(Fn[[Ptr[Frame]], Void])

    @function
    def narrow(self, a: U64) -> I8:
        ret(i8(a))

    @function
    def nothing(self, a: U64) -> None:
        nop()

    @function
    def pair(self, a: U64) -> tuple[U64, U64]:
        ret(a, a)

    @function
    def number(self, a: U64) -> U64:
        ret(a)

    @interrupt
    def tick(self, frame: Ptr[Frame]) -> None:
        nop()

    @function
    def take(self, handler: Fn[[Ptr[Frame]], Void]) -> None:
        nop()


def test_a_tail_call_of_what_returns_something_narrower() -> None:
    class Wrong(Base):
        @function
        def wrong(self, a: U64) -> I64:
            tail(self.narrow, a)

    assert (
        message_of(Wrong)
        == """\
error[call]: `Wrong.narrow` returns something else than `Wrong.wrong`
  FILE:LINE
  LINE |             tail(self.narrow, a)
        |             ^^^^^^^^^^^^^^^^^^^^
expected: a function that returns I64
got: one that returns I8
help: call it, then `ret` with what is to be returned"""
    )


@pytest.mark.parametrize(
    ("result", "callee", "expected", "got"),
    [
        (U64, "nothing", "U64", "nothing"),
        (U64, "pair", "U64", "U64, U64"),
        (tuple[U64, U64], "number", "U64, U64", "U64"),
        (None, "number", "nothing", "U64"),
        (NoReturn, "nothing", "never", "nothing"),
        (Ptr[Frame], "number", "Ptr[Frame]", "U64"),
    ],
)
def test_a_tail_call_returns_what_its_function_does(
    result: object, callee: str, expected: str, got: str
) -> None:
    def wrong(self: Base, a: U64) -> None:
        tail(getattr(self, callee), a)

    wrong.__annotations__["return"] = result
    made = type("Wrong", (Base,), {"wrong": function(wrong)})
    made.wrong.__set_name__(made, "wrong")
    message = message_of(made)
    assert message.startswith(f"error[call]: `Wrong.{callee}` returns something else than `Wrong.")
    assert f"expected: a function that returns {expected}\ngot: one that returns {got}\n" in message


HANDLER = """\
expected: a function, or code without a frame
got: code that only the processor enters, and that leaves by `iretq`
help: put what both need into a `@function` that the handler calls"""


def test_a_call_of_an_interrupt_handler() -> None:
    class Wrong(Base):
        @function
        def wrong(self, frame: Ptr[Frame]) -> None:
            self.tick(frame)

    assert (
        message_of(Wrong)
        == """\
error[call]: `Wrong.tick` is an interrupt handler
  FILE:LINE
  LINE |             self.tick(frame)
        |             ^^^^^^^^^^^^^^^^
"""
        + HANDLER
    )


def test_a_tail_call_through_a_pointer_to_what_returns_something_else() -> None:
    class Wrong(Base):
        @function
        def wrong(self, frame: Ptr[Frame]) -> U64:
            tail(self.handlers, frame)

    assert (
        message_of(Wrong)
        == """\
error[call]: `Wrong.handlers` returns something else than `Wrong.wrong`
  FILE:LINE
  LINE |             tail(self.handlers, frame)
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: a function that returns U64
got: one that returns nothing
help: call it, then `ret` with what is to be returned"""
    )


def test_a_tail_call_through_a_pointer_with_a_wrong_argument() -> None:
    class Wrong(Base):
        @function
        def wrong(self, number: Ptr[U64]) -> None:
            tail(self.handlers, number)

    assert message_of(Wrong).startswith(
        "error[call]: `argument 1` of `Wrong.handlers` does not take this"
    )


def test_a_tail_call_through_a_number() -> None:
    class Wrong(Base):
        @function
        def wrong(self, number: U64) -> None:
            tail(number)

    assert message_of(Wrong).startswith("error[call]: `tail` takes the function, then its")


def test_a_tail_call_of_an_interrupt_handler() -> None:
    class Wrong(Base):
        @function
        def wrong(self, frame: Ptr[Frame]) -> None:
            tail(self.tick, frame)

    assert message_of(Wrong).startswith("error[call]: `Wrong.tick` is an interrupt handler\n")
    assert message_of(Wrong).endswith(HANDLER)


def test_the_instruction_call_to_an_interrupt_handler() -> None:
    class Wrong(Base):
        @naked(exported=True)
        def wrong(self) -> None:
            call(self.tick)
            ret()

    assert message_of(Wrong).startswith("error[call]: `Wrong.tick` is an interrupt handler\n")


def test_an_interrupt_handler_as_a_function_pointer() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            self.take(self.tick)

    assert (
        message_of(Wrong)
        == """\
error[call]: `handler` of `Wrong.take` does not take this
  FILE:LINE
  LINE |             self.take(self.tick)
        |             ^^^^^^^^^^^^^^^^^^^^
expected: handler: Fn[[Ptr[Frame]], Void]
got: an interrupt handler, which the processor calls"""
    )


def test_an_interrupt_handler_in_a_table_of_functions() -> None:
    class Wrong(Base):
        def __init__(self) -> None:
            self.table = data(Fn[[Ptr[Frame]], Void] * 1, [self.tick])

        @function
        def wrong(self) -> None:
            nop()

    assert message_of(Wrong).endswith(
        "expected: a function of that type\ngot: an interrupt handler, which the processor calls"
    )


def test_an_interrupt_handler_called_through_a_register() -> None:
    class Wrong(Base):
        @function(exported=True)
        def run(self) -> None:
            lea(rax, self.tick)
            call(rax)

    message = "\n".join(findings(Wrong()))
    assert "error[E071]: `Wrong.tick` is an interrupt handler\n" in message


def test_code_of_another_width_in_a_table_of_functions() -> None:
    class Wrong(Base):
        @naked(bits=32)
        def narrow_code(self) -> None:
            ret()

        table = data(Fn[[], Void] * 1, [narrow_code])

        @function
        def wrong(self) -> None:
            nop()

    assert message_of(Wrong).endswith(
        "expected: a function of that type\ngot: 32-bit code, which calls do not switch to"
    )


def test_leaving_an_interrupt_handler_by_a_tail_call() -> None:
    class Wrong(Base):
        @interrupt
        def wrong(self) -> None:
            tail(self.nothing, 1)

    assert (
        message_of(Wrong)
        == """\
error[call]: `Wrong.nothing` would return where `Wrong.wrong` has to leave by `iretq`
  FILE:LINE
  LINE |             tail(self.nothing, 1)
        |             ^^^^^^^^^^^^^^^^^^^^^
expected: a function or code without a frame around `tail`
got: an interrupt handler
help: call it, then `ret`"""
    )


def test_the_first_parameter_of_a_handler_is_the_frame() -> None:
    class Wrong(Base):
        @interrupt
        def wrong(self, code: U64) -> None:
            nop()

    assert (
        message_of(Wrong)
        == """\
error[declaration]: `wrong` has parameters that `@interrupt` code can't have
  FILE:LINE
  LINE |         def wrong(self, code: U64) -> None:
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: the address of the frame, and the error code where the vector has one
got: U64 for the address of the frame
help: `frame: Ptr[InterruptFrame], code: U64`"""
    )


def test_parameters_that_nobody_passes() -> None:
    class Handler(Base):
        @interrupt
        def wrong(self, frame: Ptr[Frame], code: U32) -> None:
            nop()

    class Third(Base):
        @interrupt
        def wrong(self, frame: Ptr[Frame], code: U64, more: U64) -> None:
            nop()

    class Loader(Base):
        @entry()
        def wrong(self, magic: U32) -> None:
            nop()

    class Narrow(Base):
        @naked(bits=32)
        def wrong(self, a: U32) -> None:
            nop()

    class Stacked(Base):
        @naked
        def wrong(self, a: U64, b: U64, c: U64, d: U64, e: U64, f: U64, g: U64) -> None:
            mov(rax, g)
            ret()

    assert "got: U32 for the error code" in message_of(Handler)
    assert "got: 3 of them" in message_of(Third)
    assert "got: parameters, which no loader passes" in message_of(Loader)
    assert "got: parameters in 32-bit code" in message_of(Narrow)
    assert (
        message_of(Stacked)
        == """\
error[declaration]: `wrong` has parameters that `@naked` code can't have
  FILE:LINE
  LINE |         def wrong(self, a: U64, b: U64, c: U64, d: U64, e: U64, f: U64, g: U64) -> None:
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: at most six: there is no frame to find others by
got: 7
help: read the others from where rsp points to"""
    )


def test_a_result_of_code_without_a_frame() -> None:
    class Wrong(Base):
        @naked
        def wrong(self) -> U64:
            ret(5)

    class Named(Base):
        @naked
        def wrong(self) -> None:
            ret(rcx)

    class Right(Base):
        @naked
        def wrong(self) -> None:
            ret(8)
            mov(rax, ebx)

    assert (
        message_of(Wrong)
        == """\
error[call]: `ret` in code without a frame is the bare instruction, in `Wrong.wrong` too
  FILE:LINE
  LINE |             ret(5)
        |             ^^^^^^
expected: `ret()`, or the bytes that it takes off the stack: `ret(8)`
got: 5
help: `mov(rax, 5)`, then `ret()`"""
    )
    assert "help: `mov(rax, rcx)`, then `ret()`" in message_of(Named)
    assert message_of(Right).startswith("error[operand-size]")  # of `mov` alone


def test_the_function_that_another_one_replaces() -> None:
    class Wrong(Base):
        @function
        def number(self, a: U64) -> U64:
            result = super().number(a)
            ret(result)

        @function
        def wrong(self) -> None:
            nop()

    assert (
        message_of(Wrong)
        == """\
error[declaration]: `Wrong.number` takes the place of `Base.number`
  FILE:LINE
  LINE |             result = super().number(a)
        |                      ^^^^^^^^^^^^^^
expected: one function of a name in a subsystem
got: the `number` of the class that `Wrong` extends
help: put what both need into a function of another name, and call that"""
    )


def test_plain_methods_call_those_that_they_replace() -> None:
    class Plain(Base):
        def twice(self) -> None:
            add(rax, rax)

    class Right(Plain):
        def twice(self) -> None:
            super().twice()
            mov(rax, ebx)

        @function
        def wrong(self) -> None:
            self.twice()

    assert message_of(Right).startswith("error[operand-size]")


def test_no_register_to_widen_an_argument_on_the_stack() -> None:
    class Wrong(Base):
        narrow_number = bss(U32)

        @function
        def seven(self, a: U64, b: U64, c: U64, d: U64, e: U64, f: U64, g: U32) -> None:
            nop()

        @function
        def wrong(self) -> None:
            self.seven(rax, r10, r11, 4, 5, 6, self.narrow_number)

    assert (
        message_of(Wrong)
        == """\
error[call]: no register is free to widen an argument on the stack in
  FILE:LINE
  LINE |             self.seven(rax, r10, r11, 4, 5, 6, self.narrow_number)
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: rax, r10 or r11, where the call may change it and no argument needs it
got: Wrong.narrow_number
help: load it into a register first"""
    )
