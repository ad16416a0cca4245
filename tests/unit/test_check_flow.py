"""The checker's rules on control flow, each broken and mended, and exceptions from rules."""

import pytest

from pykasm import *
from pykasm.errors import BuildFailed
from tests.unit.checking import broken, findings, mended
from tests.unit.messages import normalised


def test_an_exception_allows_nothing() -> None:
    assert broken("E001") == [
        """\
error[E001]: nothing here breaks E032
  FILE:LINE
  LINE |         with allowed("E032", "the caller checks targets"):
        |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ this exception allows nothing
help: take it out""",
    ]
    assert mended("E001") == []


def test_code_runs_off_its_end() -> None:
    assert broken("E030") == [
        """\
error[E030]: `Broken.run` runs off its end
  FILE:LINE
  LINE |         hlt()
        |         ^^^^^ nothing stands behind this
help: end with `ret()`, a jump, or a call that never returns""",
    ]
    assert mended("E030") == []


def test_code_is_never_reached() -> None:
    assert broken("E031") == [
        """\
error[E031]: no path leads to this code
  FILE:LINE
  LINE |         mov(self.ticks, 0)
        |         ^^^^^^^^^^^^^^^^^^
help: take it out, or mend the branch that should lead here""",
    ]
    assert mended("E031") == []


def test_a_jump_goes_anywhere_unless_that_is_allowed() -> None:
    assert broken("E032") == [
        """\
error[E032]: nothing says where this jump goes
  FILE:LINE
  LINE |         jmp(handler)
        |         ^^^^^^^^^^^^
help: use `switch`, or a call through a typed function pointer""",
    ]
    assert mended("E032") == []


def test_a_function_ends_as_an_interrupt_handler() -> None:
    assert broken("E033") == [
        """\
error[E033]: a function is left by the return of an interrupt
  FILE:LINE
  LINE |         iretq()
        |         ^^^^^^^
help: mark it `@interrupt`, or end it with `ret()`""",
    ]
    assert mended("E033") == []


def test_a_jump_through_a_register_goes_where_the_line_before_says() -> None:
    class Far(Subsystem):
        @naked
        def run(self) -> None:
            mov(rax, address_of(self.there))
            jmp(rax)

        @naked
        def there(self) -> None:
            ret()

    assert findings(Far()) == []


def test_an_exception_for_a_whole_function_covers_each_of_its_lines() -> None:
    class Open(Subsystem):
        @naked(allow={"E032": "the caller chose both"})
        def run(self, first: U64, second: U64) -> None:
            again = Label("again")
            test(first, first)
            jz(again)
            jmp(first)
            place(again)
            jmp(second)

    assert findings(Open()) == []


def test_an_exception_covers_only_its_block() -> None:
    class Open(Subsystem):
        @naked
        def run(self, first: U64, second: U64) -> None:
            again = Label("again")
            test(first, first)
            jz(again)
            with allowed("E032", "the caller chose it"):
                jmp(first)
            place(again)
            jmp(second)

    assert findings(Open()) == [
        """\
error[E032]: nothing says where this jump goes
  FILE:LINE
  LINE |             jmp(second)
        |             ^^^^^^^^^^^
help: use `switch`, or a call through a typed function pointer"""
    ]


def test_an_exception_needs_a_reason() -> None:
    class Open(Subsystem):
        @naked
        def run(self, handler: U64) -> None:
            with allowed("E032", " "):
                jmp(handler)

    with pytest.raises(BuildFailed) as caught:
        findings(Open())
    assert (
        normalised(str(caught.value))
        == """\
error[declaration]: an exception from E032 without a reason
  FILE:LINE
  LINE |             with allowed("E032", " "):
        |                  ^^^^^^^^^^^^^^^^^^^^
expected: words that tell why the code is right all the same
got: an empty text

1 error"""
    )


def test_a_function_is_entered_in_its_middle() -> None:
    assert broken("E034") == [
        """\
error[E034]: `Broken.wait` is entered in its middle
  FILE:LINE
  LINE |         jmp(rax)
        |         ^^^^^^^^ this goes to byte 1 of it
help: make what stands there a function of its own""",
    ]
    assert mended("E034") == []
