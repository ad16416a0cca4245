"""Python where the machine's words are meant: `return`, `break`, `+=`, helpers without a mark."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pykasm import *
from pykasm.lang import words
from pykasm.lang.pythonflow import BLOCKS
from tests.unit.messages import message_of


class Block(Struct):
    size: U64


class Base(Subsystem):
    flag = bss(U64)
    table = bss(U32 * 8)

    @function
    def take(self, a: U64) -> U64:
        ret(a)

    @contextmanager
    def held(self) -> Iterator[None]:
        inc(self.flag)
        yield
        dec(self.flag)


def body(write: Any) -> type[Base]:
    class Wrong(Base):
        @function
        def wrong(self, a: U64, f: Fn[[U64], U64], block: Ptr[Block]) -> None:
            write(self, a, f, block)

    return Wrong


def test_pythons_return_in_a_block() -> None:
    class Wrong(Base):
        @function
        def wrong(self, a: U64) -> None:
            with if_(a == 0):
                mov(self.flag, 1)
                return
            mov(self.flag, 2)

    assert (
        message_of(Wrong)
        == """\
error[flow]: Python's `return` ends what is written, whether or not it is run
  FILE:LINE
  LINE |                 return
        |                 ^^^^^^
expected: `ret(…)`, which the machine runs
got: `return` in the block of `with if_`
help: write `ret(…)`; Python's words go where no code lies behind them"""
    )


def test_pythons_return_in_other_blocks() -> None:
    class Held(Base):
        @function
        def wrong(self, a: U64) -> None:
            with self.held():
                if a is not None:
                    return
            mov(self.flag, 2)

    class Nested(Base):
        @function
        def wrong(self, a: U64) -> None:
            with loop():
                with if_(a == 0):
                    return
                inc(self.flag)

    class Cases(Base):
        @function
        def wrong(self, a: U64) -> None:
            with switch(a):
                with case(1):
                    return
                with default():
                    nop()

    class Dead(Base):
        @function
        def wrong(self, a: U64) -> None:
            inc(self.flag)
            return
            dec(self.flag)

    class Stubs(Base):
        @emits
        def stubs(self) -> None:
            for number in range(3):
                with stub(f"number_{number}"):
                    ret()
                    break

        @function(exported=True)
        def wrong(self) -> None:
            nop()

    assert "got: `return` in the block of `with self.held`\n" in message_of(Held)
    assert "got: `return` in the block of `with if_`\n" in message_of(Nested)
    assert "got: `return` in the block of `with case`\n" in message_of(Cases)
    assert "got: `return` before other statements\n" in message_of(Dead)
    assert "Python's `break` ends what is written" in message_of(Stubs)


def test_pythons_break_and_continue_in_a_block() -> None:
    class Break(Base):
        @function
        def wrong(self, a: U64) -> None:
            for number in range(3):
                with if_(a == number):
                    break
                inc(self.flag)

    class Continue(Base):
        @function
        def wrong(self, a: U64) -> None:
            for _ in range(3):
                with while_(a != 0):
                    continue

    assert (
        message_of(Break)
        == """\
error[flow]: Python's `break` ends what is written, whether or not it is run
  FILE:LINE
  LINE |                     break
        |                     ^^^^^
expected: `break_()`, which the machine runs
got: `break` in the block of `with if_`
help: write `break_()`; Python's words go where no code lies behind them"""
    )
    assert "expected: `continue_()`, which the machine runs" in message_of(Continue)


def test_pythons_return_in_a_helper() -> None:
    def helper(a: Any) -> None:
        with if_(a == 0):
            nop()
            return
        inc(rax)

    class Wrong(Base):
        @function
        def wrong(self, a: U64) -> None:
            helper(a)

    assert "got: `return` in the block of `with if_`\n" in message_of(Wrong)


def test_pythons_words_that_hide_no_code() -> None:
    class Right(Base):
        def choose(self, wide: bool) -> Any:
            if wide:
                return rax
            return eax

        @function
        def wrong(self, a: U64) -> None:
            with if_(a == 0):
                for number in range(5):
                    if number == 2:
                        continue
                    if number == 4:
                        break
                    inc(self.flag)

                def inner() -> int:
                    return 5

                mov(self.flag, inner())
            mov(self.choose(True), ebx)
            if a is None:
                return

    assert message_of(Right).startswith("error[operand-size]")


def test_a_value_returned_to_python() -> None:
    class Wrong(Base):
        @function
        def wrong(self, a: U64) -> None:
            return a  # type: ignore[return-value]

    class Generator(Base):
        @function
        def wrong(self, a: U64) -> None:
            mov(self.flag, a)
            yield

    assert (
        message_of(Wrong)
        == """\
error[flow]: `Wrong.wrong` returns to Python
  FILE:LINE
  LINE |         def wrong(self, a: U64) -> None:
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: `ret(value)` for what the machine returns
got: `return a`"""
    )
    message = message_of(Generator)
    assert message.startswith("error[flow]: `Generator.wrong` writes nothing: it is a generator\n")


def test_a_helper_that_leaves_the_routine() -> None:
    class Wrong(Base):
        def helper(self, a: U64) -> None:
            with if_(a == 0):
                ret()
            mov(self.flag, a)

        @function
        def wrong(self, a: U64) -> None:
            self.helper(a)
            mov(self.flag, 42)

    assert (
        message_of(Wrong)
        == """\
error[flow]: `ret` in `helper` leaves `Wrong.wrong`, into which it is written
  FILE:LINE
  LINE |                 ret()
        |                 ^^^^^
expected: `ret` in the body of `Wrong.wrong` itself
got: the helper `helper`, whose code comes where it is called
help: `@function` above it makes it code of its own; `@inline` says that it is none"""
    )


def test_a_helper_that_leaves_by_a_tail_call() -> None:
    class Wrong(Base):
        def helper(self, a: U64) -> None:
            tail(self.take, a)

        @function
        def wrong(self, a: U64) -> U64:
            self.helper(a)

    assert message_of(Wrong).startswith("error[flow]: `tail` in `helper` leaves `Wrong.wrong`")


@pytest.mark.parametrize("word", ["ret", "fail", "fail_if", "try_"])
def test_other_helpers_that_leave_the_routine(word: str) -> None:
    def outside() -> None:
        match word:
            case "ret":
                ret(0)
            case "fail":
                fail(5)
            case "fail_if":
                fail_if(rax == 5, 5)
            case _:
                try_(cast(rax, I64))

    class Wrong(Base):
        def _private(self) -> None:
            outside()

        @function
        def wrong(self, a: U64) -> I64:
            self._private()
            ret(0)

    assert message_of(Wrong).startswith(f"error[flow]: `{word}` in `outside` leaves `Wrong.wrong`")


def test_a_private_helper_that_leaves_the_routine() -> None:
    class Wrong(Base):
        def _helper(self) -> None:
            with if_(rax == 0):
                ret()

        @function
        def wrong(self, a: U64) -> None:
            mov(rax, a)
            self._helper()
            mov(self.flag, 42)

    assert message_of(Wrong).startswith("error[flow]: `ret` in `_helper` leaves `Wrong.wrong`")


@pytest.mark.parametrize("leave", [break_, continue_])
def test_a_helper_that_leaves_a_loop_of_its_callers(leave: Any) -> None:
    class Wrong(Base):
        def _helper(self) -> None:
            leave()
            with loop():
                break_()

        @function
        def wrong(self, a: U64) -> None:
            with loop():
                self._helper()
                break_()

    assert message_of(Wrong).startswith(
        f"error[flow]: `{leave.__name__}` in `_helper` is for a loop of `Wrong.wrong`"
    )


def test_helpers_that_are_meant_to_leave() -> None:
    class Right(Base):
        @inline
        def fail(self) -> None:
            ret()

        @function
        def wrong(self, a: U64) -> None:
            leave = lambda: ret()  # noqa: E731
            with if_(a == 1):
                self.fail()
            with if_(a == 2):
                leave()
            mov(rax, ebx)

    assert message_of(Right).startswith("error[operand-size]")


def test_arguments_by_name() -> None:
    class Wrong(Base):
        @function
        def wrong(self, a: U64) -> None:
            ignore(self.take(a=a))

    assert (
        message_of(Wrong)
        == """\
error[call]: `Wrong.take` takes its arguments by position
  FILE:LINE
  LINE |             ignore(self.take(a=a))
        |                    ^^^^^^^^^^^^^^
expected: Wrong.take(a: U64)
got: a=…
help: leave the names out"""
    )
    assert message_of(body(lambda self, a, f, block: ignore(f(number=a)))).startswith(
        "error[call]: `f` takes its arguments by position\n"
    )


def test_a_change_of_a_field() -> None:
    class Wrong(Base):
        @function
        def wrong(self, block: Ptr[Block]) -> None:
            block.size += 1

    assert (
        message_of(Wrong)
        == """\
error[type]: `block.size += …` emits nothing
  FILE:LINE
  LINE |             block.size += 1
        |             ^^^^^^^^^^^^^^^
expected: an instruction that changes it when the code runs
got: an assignment of Python's, which runs while the code is being written
help: `add(block.size, 1)`"""
    )


@pytest.mark.parametrize(
    ("statement", "help"),
    [
        ("self.flag += 1", "`add(Wrong.flag, 1)`"),
        ("self.flag -= a", "`sub(Wrong.flag, a)`"),
        ("a |= 4", "`or_(a, 4)`"),
        ("a &= 4", "`and_(a, 4)`"),
        ("a <<= 2", "`shl(a, 2)`"),
        ("a //= 2", "`div` divides rdx and rax together"),
        ("self.table[2] += 1", "`add(Wrong.table[2], 1)`"),
        ("self.table[2] = 5", "`mov(Wrong.table[2], 5)`"),
        ("block[0] = 5", "`mov(block[0], 5)`"),
        ("block.size = a", "`mov(block.size, …)`"),
    ],
)
def test_other_assignments_of_pythons(statement: str, help: str) -> None:
    def write(self: Base, a: Any, f: Any, block: Any) -> None:
        exec(statement, {"self": self, "a": a, "block": block})

    message = message_of(body(write))
    assert message.startswith(("error[type]", "error[python]"))
    if "=" in statement and "block.size = " not in statement:
        assert message.endswith(f"help: {help}")


@pytest.mark.parametrize(
    ("compute", "help"),
    [
        (lambda a, b: a << 3, "copy it with `mov`, then `shl` that"),
        (lambda a, b: a >> b, "copy it with `mov`, then `shr` that"),
        (lambda a, b: a // 2, "copy it with `mov`, then `div` that"),
        (lambda a, b: a % 2, "copy it with `mov`, then `div` that"),
        (lambda a, b: a ^ b, "copy it with `mov`, then `xor` that"),
        (lambda a, b: 5 - a, "copy it with `mov`, then `sub` that"),
        (lambda a, b: -a, "`neg(a)`"),
        (
            lambda a, b: 1 | a,
            "comparisons are joined in parentheses: `(a > 1) | (b > 1)`; bits by `or_(a, b)`",
        ),
    ],
)
def test_arithmetic_of_pythons(compute: Any, help: str) -> None:
    message = message_of(body(lambda self, a, f, block: mov(rax, compute(a, rcx))))
    assert message.startswith("error[type]: `")
    assert message.endswith(f"help: {help}")


@pytest.mark.parametrize("ask", [len, int, range, [1, 2, 3].__getitem__])
def test_what_python_can_not_know_of_an_operand(ask: Any) -> None:
    assert "while the code is being written" in message_of(body(lambda self, a, f, block: ask(a)))


def test_the_address_of_plain_python() -> None:
    def helper() -> None:
        nop()

    for write in (
        lambda self, a, f, block: call(helper),
        lambda self, a, f, block: tail(helper, a),
        lambda self, a, f, block: lea(rax, helper),
        lambda self, a, f, block: mov(rax, address_of(helper)),
        lambda self, a, f, block: ignore(self.take(helper)),
    ):
        message = message_of(body(write))
        assert "`helper`, plain Python" in message
        assert message.endswith("help: `@function` above `helper` makes it code with an address")


def test_a_word_without_a_condition_is_told_once() -> None:
    class Wrong(Base):
        @function
        def wrong(self) -> None:
            with while_(True):
                nop()

    assert (
        message_of(Wrong)
        == """\
error[condition]: this is no condition
  FILE:LINE
  LINE |             with while_(True):
        |                  ^^^^^^^^^^^^
expected: a comparison, a `Bool`, `&` of flags, or these joined by `&`, `|`, `~`
got: True
help: `with loop():` goes round for ever; Python's `if` decides what is written"""
    )


def test_a_sum_where_a_value_is_expected() -> None:
    class Wrong(Base):
        @function
        def wrong(self, a: U64) -> U64:
            ret(a + 1)

    assert message_of(Wrong).endswith(
        "expected: the result: U64\ngot: a + 1\nhelp: `lea(register, u64[a + 1])` computes it"
    )


def test_all_words_with_blocks_are_known() -> None:
    assert BLOCKS <= set(words.__all__)


@pytest.mark.parametrize(
    ("statement", "what", "help"),
    [
        ("a = 5", "`a = 5` emits nothing", "write `mov(a, 5)`, or take another name"),
        ("count = 0", "`count = 0` emits nothing", "write `mov(count, 0)`, or take another name"),
        ("a = count", "`a = count` emits nothing", "write `mov(a, count)`, or take another name"),
        ("a + 1", "`a + 1` emits nothing", "write `add(a, 1)`"),
        ("u64[a]", "`u64[a]` emits nothing", "write `mov(…, u64[a])`"),
        ("hlt", "`hlt` emits nothing", "write `hlt()`"),
    ],
)
def test_statements_that_emit_nothing(
    statement: str, what: str, help: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"idle_{abs(hash(statement))}"
    (tmp_path / f"{module}.py").write_text(f"""
from pykasm import *

class Wrong(Subsystem):
    @function
    def wrong(self, a: U64) -> U64:
        count = scratch(U64)
        mov(count, 1)
        {statement}
        ret(count)
""")
    monkeypatch.syspath_prepend(tmp_path)
    message = message_of(__import__(module).Wrong)
    assert message.startswith(f"error[flow]: {what}\n")
    assert message.endswith(f"help: {help}")


def test_debugging_is_called() -> None:
    class Wrong(Base):
        @function
        def wrong(self, a: U64) -> None:
            if debugging:
                inc(self.flag)

    assert (
        message_of(Wrong)
        == """\
error[flow]: `debugging` is a question, and nobody asks it here
  FILE:LINE
  LINE |             if debugging:
        |                ^^^^^^^^^
expected: `if debugging():`
got: `debugging` without parentheses, which Python takes for true"""
    )


def test_a_number_of_pythons_that_a_block_changes() -> None:
    class Wrong(Base):
        @function
        def wrong(self, a: U64) -> U64:
            found = 0
            with if_(a == 5):
                found = 1
            ret(found)

    assert (
        message_of(Wrong)
        == """\
error[flow]: `found = 1` counts whether or not the block is run
  FILE:LINE
  LINE |                 found = 1
        |                 ^^^^^^^^^
expected: `found` in a register or in memory, where the machine can change it
got: an assignment of Python's in the block of `with if_`
help: `found = scratch(U64)`, and `mov(found, …)` here"""
    )


def test_numbers_of_pythons_inside_of_blocks_are_their_own() -> None:
    class Right(Base):
        @function
        def wrong(self, a: U64) -> U64:
            with if_(a == 5):
                step = 8
                ret(step)
            with else_():
                step = 16
                ret(step)

    right = Right()
    program = Image(entry=right.wrong, subsystems=[right]).assemble()
    assert program.packed.keys() == {"Right"}


def test_a_mistake_in_code_in_place_names_the_call() -> None:
    class Wrong(Base):
        @inline
        def store(self, where: Any, value: Any) -> None:
            mov(where, value)

        @function
        def wrong(self, a: U64) -> None:
            self.store(self.flag, "text")

    said = message_of(Wrong)
    assert "mov(where, value)" in said
    assert '  LINE |             self.store(self.flag, "text")' in said
    assert "^ called here" in said
