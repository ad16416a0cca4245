"""E026 to E028: locals are written before they are read, end with their function, and interrupts
return by their frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pykasm import *
from pykasm.objects.debug import EntryFrame
from tests.unit.checking import broken, findings, mended, rules


class Pair(Struct):
    """Two numbers."""

    first: U64
    second: U32


Write = Callable[[Any, Any], None]


class Helpers(Subsystem):
    """What the functions below call."""

    kept = bss(Ptr[Pair])

    @function
    def fill(self, pair: Ptr[Pair]) -> None:
        mov(pair.first, 1)

    @function
    def count(self) -> U64:
        ret(3)


def checked(write: Write) -> list[str]:
    """The rules that a function of a number breaks which `write` writes."""

    class Locals(Helpers):
        @function
        def run(self, number: U64) -> U64:
            write(self, number)
            ret(number)

    return rules(Locals())


def test_a_local_read_before_it_is_written() -> None:
    assert broken("E026") == [
        """\
error[E026]: `bits` is read before it has a value
  FILE:LINE
  LINE |         ret(bits)
        |             ^^^^ it was not written on some path to here
help: give `bits` a value on every path"""
    ]
    assert mended("E026") == []


def counted(own: Any, number: Any) -> None:
    rounds = local(U32)
    with while_(number != 0):
        inc(rounds)
        shr(number, 1)


def added(own: Any, number: Any) -> None:
    sum = local(U64)
    add(number, sum)


def one_field(own: Any, number: Any) -> None:
    pair = local(Pair)
    mov(pair.first, number)
    mov(eax, pair.second)
    add(number, rax)


def compared(own: Any, number: Any) -> None:
    seen = local(U8)
    with if_(seen != 0):
        mov(number, 0)
    mov(seen, 1)


def one_case(own: Any, number: Any) -> None:
    value = local(U64)
    with switch(number):
        with case(1):
            mov(value, 10)
        with case(2):
            mov(value, 20)
        with default():
            inc(number)
    mov(number, value)


def exchanged(own: Any, number: Any) -> None:
    value = local(U64)
    xchg(value, number)


@pytest.mark.parametrize("write", [counted, added, one_field, compared, one_case, exchanged])
def test_other_locals_read_before_they_are_written(write: Write) -> None:
    assert checked(write) == ["E026"]


def filled_by_another(own: Any, number: Any) -> None:
    pair = local(Pair)
    own.fill(address_of(pair))
    number = scratch(pair.first)
    add(number, 1)


def cleared_by_a_string(own: Any, number: Any) -> None:
    array = local(U64 * 8)
    lea(rdi, array)
    xor(eax, eax)
    mov(ecx, 8)
    rep.stosq()
    mov(rax, array[3])


def filled_by_index(own: Any, number: Any) -> None:
    array = local(U64 * 8)
    with for_(scratch(U32), 0, 8) as index:
        mov(array[index], 0)
    mov(rax, array[3])


def one_field_by_index(own: Any, number: Any) -> None:
    array = local(U64 * 8)
    with for_(scratch(U32), 0, 2, down=True) as index:
        mov(array[index], number)
    mov(rax, array[1])


def a_part_of_what_is_read(own: Any, number: Any) -> None:
    pair = local(Pair)
    mov(pair.second, 1)
    mov(rax, u64(pair.second))


def by_a_result(own: Any, number: Any) -> None:
    value = local(U64)
    mov(value, own.count())
    add(value, 1)
    mov(rax, value)


@pytest.mark.parametrize(
    "write",
    [
        filled_by_another,
        cleared_by_a_string,
        filled_by_index,
        a_part_of_what_is_read,
        by_a_result,
        one_field_by_index,
    ],
)
def test_locals_that_are_written_somehow(write: Write) -> None:
    assert "E026" not in checked(write)


# Addresses of locals


def test_the_address_of_a_local_is_returned() -> None:
    assert broken("E027") == [
        """\
error[E027]: the address of `text` is returned
  FILE:LINE
  LINE |         ret(address_of(text[0]))
        |         ^^^^^^^^^^^^^^^^^^^^^^^^ the local ends here
help: let the caller pass the memory"""
    ]
    assert mended("E027") == []


class Returns(Helpers):
    """Returns addresses in locals, by ways round."""

    @function
    def by_register(self) -> Ptr[U32]:
        pair, pointer = local(Pair), scratch(Ptr[Pair])
        lea(pointer, pair)
        self.fill(pointer)
        lea(rcx, pair.second)
        mov(rax, rcx)
        ret(rax)

    @function
    def on_one_path(self, given: Ptr[Pair]) -> Ptr[Pair]:
        pair = local(Pair)
        mov(pair.first, 0)
        with if_(given == 0):
            ret(address_of(pair))
        ret(given)

    @function
    def what_it_holds(self) -> U64:
        pair, pointer = local(Pair), scratch(Ptr[Pair])
        lea(pointer, pair)
        mov(pair.first, 0)
        mov(self.kept, pointer)
        ret(pointer.first)

    @naked
    def run(self) -> None:
        for one in (self.by_register, self.on_one_path, self.what_it_holds):
            lea(rax, one)
        ret()


def test_ways_for_an_address_to_be_returned() -> None:
    assert lines(Returns(), "E027") == ["ret(rax)", "ret(address_of(pair))"]


class PassesOn(Helpers):
    """Goes on in other functions, with addresses of locals or without."""

    @function
    def last(self, pair: Ptr[Pair]) -> U64:
        ret(pair.first)

    @function
    def run(self, given: Keep[Ptr[Pair]]) -> U64:
        pair = local(Pair)
        mov(pair.first, 0)
        with if_(given == 0):
            tail(self.last, address_of(pair))
        self.fill(address_of(pair))
        tail(self.last, given)

    @function(exported=True)
    def beside(self, given: Ptr[Pair]) -> U64:
        pair = local(Pair)
        lea(rsi, pair)  # no argument of what follows
        mov(cast(rsi, Ptr[Pair]).first, 0)
        tail(self.last, given)


def test_the_address_of_a_local_is_passed_on() -> None:
    assert lines(PassesOn(), "E027") == ["tail(self.last, address_of(pair))"]


def lines(subsystem: Subsystem, rule: str) -> list[str]:
    """The lines in which a subsystem breaks a rule."""
    messages = [one for one in findings(subsystem) if one.startswith(f"error[{rule}]")]
    return [one.splitlines()[2].removeprefix("  LINE |").strip() for one in messages]


# Frames of interrupts


def test_an_interrupt_returns_by_something_else() -> None:
    assert broken("E028") == [
        """\
error[E028]: the interrupt's frame is not on top of the stack
  FILE:LINE
  LINE |         iretq()
        |         ^^^^^^^ 8 bytes more are on it
help: take off what the stub and this code pushed, and the error code"""
    ]
    assert mended("E028") == []


class Entries(Subsystem):
    """Ways in and out of interrupts."""

    ticks = bss(U64)

    @naked(entered=EntryFrame.INTERRUPT_WITH_ERROR)
    def with_error_code(self) -> None:
        add(rsp, 8)
        iretq()

    @naked(entered=EntryFrame.INTERRUPT_WITH_ERROR)
    def keeps_error_code(self) -> None:
        push(rax)
        pop(rax)
        iretq()  # with the error code

    @naked(entered=EntryFrame.INTERRUPT, pushed=16)
    def behind_a_stub(self) -> None:
        push(rbx)
        pop(rbx)
        add(rsp, 16)
        iretq()

    @naked(entered=EntryFrame.INTERRUPT, pushed=16)
    def takes_too_much(self) -> None:
        add(rsp, 24)
        iretq()  # with rip taken off

    @naked(entered=EntryFrame.INTERRUPT)
    def on_another_stack(self) -> None:
        mov(rsp, rax)
        iretq()

    @naked(entered=EntryFrame.INTERRUPT)
    def restores_all(self) -> None:
        push(rax)
        push(rcx)
        sub(rsp, 8)
        call(self.count)
        add(rsp, 8)
        pop(rcx)
        pop(rax)
        push(rdx)
        mov(edx, 5)
        pop(rdx)
        iretq()

    @naked(entered=EntryFrame.INTERRUPT)
    def in_the_wrong_order(self) -> None:
        push(rax)
        push(rcx)
        pop(rax)
        pop(rcx)
        iretq()  # with two registers exchanged

    @naked(entered=EntryFrame.INTERRUPT)
    def forgets_one(self) -> None:
        push(rax)
        sub(rsp, 16)
        call(self.counted)
        add(rsp, 16)
        pop(rax)
        iretq()  # with rcx as the function left it

    @naked(entered=EntryFrame.INTERRUPT_WITH_ERROR)
    def stub_with_two_codes(self) -> None:
        push(0)
        push(13)
        jmp(self.behind_a_stub)  # with 8 bytes too many

    @naked(entered=EntryFrame.INTERRUPT_WITH_ERROR)
    def stub_with_one_code(self) -> None:
        push(13)
        jmp(self.behind_a_stub)

    @interrupt
    def by_the_language(self) -> None:
        self.counted()

    @function(clobbers=())
    def count(self) -> None:
        inc(self.ticks)

    @function(clobbers=(rcx,))
    def counted(self) -> None:
        mov(rcx, self.ticks)
        inc(rcx)
        mov(self.ticks, rcx)

    @naked
    def run(self) -> None:
        for one in (
            self.restores_all,
            self.by_the_language,
            self.in_the_wrong_order,
            self.forgets_one,
            self.stub_with_two_codes,
            self.stub_with_one_code,
            self.with_error_code,
            self.keeps_error_code,
            self.behind_a_stub,
            self.takes_too_much,
            self.on_another_stack,
        ):
            lea(rax, one)
        ret()


def test_ways_out_of_an_interrupt() -> None:
    assert lines(Entries(), "E028") == [
        "iretq()  # with the error code",
        "iretq()  # with rip taken off",
        "iretq()  # with two registers exchanged",
        "iretq()  # with rcx as the function left it",
        "jmp(self.behind_a_stub)  # with 8 bytes too many",
    ]


def test_bytes_are_shown_that_nobody_wrote() -> None:
    assert broken("E092") == [
        """\
error[E092]: `answer` is shown to somebody else before all of it has a value
  FILE:LINE
  LINE |         ret(self.copy_out(place, address_of(answer), sizeof(Answer)))
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ \
byte 4 of it was not written on some path to here
help: write all of it first, also what lies between its fields"""
    ]
    assert mended("E092") == []


class Answer(Struct):
    """What a program is told."""

    number: U32
    value: U32


class Answers(Subsystem):
    """Shows what is written, one way or another."""

    @function(exported=True)
    def copy_out(self, place: User[U8], source: Disclosed[U64], length: Bounded[U64]) -> U64:
        ret(length)

    @function(exported=True)
    def fill(self, answer: Ptr[Answer]) -> None:
        mov(answer.value, 0)

    @function(exported=True)
    def run(self, place: Keep[User[U8]], number: Keep[U32]) -> U64:
        answer = local(Answer)
        with if_(number == 0):
            mov(answer.value, 0)
        with else_():
            mov(answer.value, number)
        mov(answer.number, number)
        ret(self.copy_out(place, address_of(answer), sizeof(Answer)))

    @function(exported=True)
    def by_another(self, place: Keep[User[U8]]) -> U64:
        answer = local(Answer)
        self.fill(address_of(answer))
        ret(self.copy_out(place, address_of(answer), sizeof(Answer)))

    @function(exported=True)
    def a_part(self, place: User[U8]) -> U64:
        answer = local(Answer)
        mov(answer.number, 1)
        ret(self.copy_out(place, address_of(answer), sizeof(U32)))


def test_bytes_are_shown_that_are_written() -> None:
    assert findings(Answers()) == []


class Measures(Subsystem):
    """Returns how far a local is from something else, which is no address."""

    @function(exported=True)
    def from_a_pointer(self, end: Ptr[U64]) -> U64:
        value = local(U64)
        lea(rax, value)
        sub(rax, end)
        ret(rax)

    @function(exported=True)
    def from_the_frame(self) -> U64:
        value = local(U64)
        lea(rax, value)
        sub(rax, rbp)
        ret(rax)

    @function(exported=True)
    def run(self) -> U64:
        first, second = local(U64), local(U64)
        lea(rax, first)
        lea(rcx, second)
        sub(rax, rcx)
        ret(rax)


def test_distances_of_locals_are_no_addresses() -> None:
    assert rules(Measures()) == []
