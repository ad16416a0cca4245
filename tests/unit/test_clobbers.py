"""`clobbers=`: registers that calls leave alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykasm import *
from pykasm.errors import BuildFailed, DeclarationMistake
from pykasm.hostrun import Host
from tests.unit.checking import broken, findings, mended
from tests.unit.messages import normalised


class Caller(Subsystem):
    """Goes on using caller-saved registers after a call."""

    @function(exported=True)
    def run(self, number: U64, other: U64) -> U64:
        mov(rcx, other)
        half = self.half(number)
        add(half, number)
        add(half, rcx)
        ret(half)

    @function(clobbers=(r11,))
    def half(self, number: U64) -> U64:
        """Half of `number`."""
        result = scratch(number)
        shr(result, 1)
        ret(result)


def test_a_register_is_changed_against_the_contract() -> None:
    assert broken("E016") == [
        """\
error[E016]: `Broken.halve` changes `rcx`, and its `clobbers=` does not say so
  FILE:LINE
  LINE |         mov(rcx, 1)
        |         ^^^^^^^^^^^ this changes rcx, and nothing restores it
help: restore it on every path, or name rcx in `clobbers=`""",
        """\
error[E016]: `Broken.halve` changes `rdi`, and its `clobbers=` does not say so
  FILE:LINE
  LINE |         shr(number, cl)
        |         ^^^^^^^^^^^^^^^ this changes rdi, and nothing restores it
help: restore it on every path, or name rdi in `clobbers=`""",
    ]
    assert mended("E016") == []


def test_callers_use_what_the_contract_leaves_alone() -> None:
    assert findings(Caller()) == []


@given(st.integers(0, 1 << 62), st.integers(0, 1 << 62))
def test_what_is_left_alone_is_there(number: int, other: int) -> None:
    caller = Caller()
    assert Host(caller).call(caller.run, number, other) == number // 2 + number + other


def test_a_value_in_a_register_of_the_contract_ends_at_the_call() -> None:
    class Reader(Caller):
        @function(exported=True)
        def run(self, number: U64, other: U64) -> U64:
            kept = scratch(other)
            half = self.half(number)
            add(half, kept)
            ret(half)

    found = [re.sub(r"until line \d+", "until line NUMBER", one) for one in findings(Reader())]
    assert found[:1] == [
        """\
error[E012]: `kept` is read after its register was clobbered
  FILE:LINE
  LINE |             add(half, kept)
        |                       ^^^^ r11 held `kept` until line NUMBER
  LINE |             half = self.half(number)
        |             ^^^^^^^^^^^^^^^^^^^^^^^^ this call may change r11
help: keep it across the call: `kept = keep(...)`"""
    ]


class Restorer(Subsystem):
    """Restores what it changes; its helpers state nothing."""

    @function(clobbers=())
    def run(self, number: U64) -> None:
        push(rcx)
        mov(rcx, 3)
        test(rcx, rcx)
        with if_(ZF):
            nop()
        pop(rcx)
        self.count(number)

    @function
    def count(self, number: U64) -> None:
        """Comes back to itself, and changes nothing."""
        with if_(number == 0):
            ret()
        self.count_again(number)

    @function
    def count_again(self, number: U64) -> None:
        tail(self.count, number)


def test_what_callees_really_change_counts() -> None:
    assert findings(Restorer()) == []


class WideRestorer(Restorer):
    """The same, with a helper that changes more, two calls away."""

    @function
    def count_again(self, number: U64) -> None:
        xor(r9d, r9d)
        tail(self.count, number)


def test_what_callees_change_over_several_calls_counts() -> None:
    assert findings(WideRestorer()) == [
        """\
error[E016]: `WideRestorer.run` changes `r9`, and its `clobbers=` does not say so
  FILE:LINE
  LINE |         self.count(number)
        |         ^^^^^^^^^^^^^^^^^^ `WideRestorer.count` changes r9, and nothing restores it
help: restore it on every path, or name r9 in `clobbers=`"""
    ]


def test_calls_through_pointers_may_change_all() -> None:
    class Pointer(Subsystem):
        handler = bss(Fn[[], Void])

        @function(exported=True, clobbers=(rax, rcx, rdx, rsi, rdi, r8, r9, r10))
        def run(self) -> None:
            self.handler()

    assert findings(Pointer()) == [
        """\
error[E016]: `Pointer.run` changes `r11`, and its `clobbers=` does not say so
  FILE:LINE
  LINE |             self.handler()
        |             ^^^^^^^^^^^^^^ this changes r11, and nothing restores it
help: restore it on every path, or name r11 in `clobbers=`"""
    ]


class Swapper(Subsystem):
    """Swaps arguments with values in all registers that calls use by themselves."""

    @function(exported=True)
    def run(self, first: U64, second: U64) -> U64:
        mov(rax, 1000)
        mov(r10, 2000)
        mov(r11, 4000)
        self.look(second, first)
        add(rax, r10)
        add(rax, r11)
        ret(rax)

    @function(clobbers=())
    def look(self, first: U64, second: U64) -> None:
        """Leave everything as it is."""


class Looping(Caller):
    """Changes a register in a loop, in which it is another one already."""

    @function(clobbers=(r11,))
    def half(self, number: U64) -> U64:
        xor(eax, eax)
        with while_(rax != number):
            mov(rcx, rax)
            lea(rax, u64[rcx + 1])
        ret(rax)


class Conditional(Caller):
    """Changes a register under a condition."""

    @function(clobbers=(r11,))
    def half(self, number: U64) -> U64:
        mov(rax, number)
        test(rax, rax)
        cmove(rcx, rax)
        ret(rax)


@pytest.mark.parametrize("changer", [Looping, Conditional])
def test_every_change_is_found(changer: type[Any]) -> None:
    message, *_ = findings(changer())
    assert message.startswith(
        f"error[E016]: `{changer.__name__}.half` changes `rcx`, and its `clobbers=` does not say so"
    )


def test_arguments_are_sorted_without_registers_that_live_on() -> None:
    swapper = Swapper()
    assert findings(swapper) == []
    assert Host(swapper).call(swapper.run, 1, 2) == 7000


def failure(function: Any) -> str:
    with pytest.raises(BuildFailed) as caught:
        Image(function, [function._owner]).assemble()
    return normalised(str(caught.value))


def test_scratch_registers_come_from_the_contract() -> None:
    class Greedy(Subsystem):
        @function(exported=True, clobbers=(rax, r9))
        def run(self) -> None:
            first = scratch(U64)
            second = scratch(U64)
            mov(first, second)

    assert (
        failure(Greedy().run)
        == """\
error[registers]: no register is left for `scratch`
  FILE:LINE
  LINE |             second = scratch(U64)
        |                      ^^^^^^^^^^^^
expected: one of r9
got: r9 holds `first`
help: `release` one, use a `local`, or split the function

1 error"""
    )


def test_a_contract_without_scratch_registers() -> None:
    class Greedy(Subsystem):
        @function(exported=True, clobbers=(rax,))
        def run(self) -> None:
            first = scratch(U64)
            mov(first, 0)

    assert (
        failure(Greedy().run)
        == """\
error[registers]: no register is left for `scratch`
  FILE:LINE
  LINE |             first = scratch(U64)
        |                     ^^^^^^^^^^^^
expected: one that the function's `clobbers=` names
got: none of those that `scratch` hands out
help: `release` one, use a `local`, or split the function

1 error"""
    )


@pytest.mark.parametrize(("register", "got"), [(rbx, "rbx"), (eax, "eax"), ("rax", "'rax'")])
def test_contracts_take_caller_saved_registers(register: object, got: str) -> None:
    make: Callable[[], object] = lambda: function(clobbers=(register,))  # noqa: E731
    with pytest.raises(DeclarationMistake) as caught:
        make()
    lines = str(caught.value).splitlines()
    assert lines[0] == "error[declaration]: `clobbers` takes registers that calls may change"
    assert lines[-2:] == [
        "expected: some of rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11",
        f"got: {got}",
    ]
