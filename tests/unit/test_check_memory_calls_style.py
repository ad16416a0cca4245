"""The checker's rules on memory, calls and style: each with its broken and its mended example."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pykasm import *
from tests.unit.checking import broken, findings, mended


def test_a_pointer_from_a_program_is_followed() -> None:
    assert broken("E060") == [
        """\
error[E060]: `request` was given by a program
  FILE:LINE
  LINE |         ret(request.length)
        |             ^^^^^^^ this follows it
help: copy in what it points to, by a function marked `copies_user=True`"""
    ]
    assert mended("E060") == []


def test_read_only_data_is_written() -> None:
    assert broken("E061") == [
        """\
error[E061]: `Broken.hits` is read-only
  FILE:LINE
  LINE |         inc(self.hits)
        |         ^^^^^^^^^^^^^^ this writes to it
help: declare it with `data` if it is to change"""
    ]
    assert mended("E061") == []


def test_data_is_executed() -> None:
    assert broken("E062") == [
        """\
error[E062]: `Broken.code` is data
  FILE:LINE
  LINE |         call(symbol("Broken.code"))
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^ this runs it as code
help: call a function, or through a function pointer"""
    ]
    assert mended("E062") == []


def test_an_argument_is_missing() -> None:
    assert broken("E070") == [
        """\
error[E070]: `Broken.show` is called without its `value`
  FILE:LINE
  LINE |         call(self.show)
        |         ^^^^^^^^^^^^^^^ some path to here leaves rdi without a value
help: call it with arguments: `show(…)`"""
    ]
    assert mended("E070") == []


def test_an_undeclared_symbol_is_called() -> None:
    assert broken("E071") == [
        """\
error[E071]: nothing declares `Helper.work`
  FILE:LINE
  LINE |         self.helper.work()
        |         ^^^^^^^^^^^^^^^^^^ no subsystem of the image has it
help: list its subsystem in the image, or name it with `symbol(…)`"""
    ]
    assert mended("E071") == []


def test_a_write_that_nothing_reads() -> None:
    assert broken("W001") == [
        """\
warning[W001]: `rax` is written, and nothing reads it
  FILE:LINE
  LINE |         mov(rax, 6)
        |         ^^^^^^^^^^^
help: take it out"""
    ]
    assert mended("W001") == []


def test_a_name_that_is_never_used() -> None:
    assert broken("W002") == [
        """\
warning[W002]: `count` is never used
  FILE:LINE
  LINE |         count = scratch(U64)
        |         ^^^^^
help: take it out"""
    ]
    assert mended("W002") == []


def test_a_kept_register_without_calls() -> None:
    assert broken("W003") == [
        """\
warning[W003]: `double` is kept, but nothing is called
  FILE:LINE
  LINE |         double = keep(value)
        |         ^^^^^^
help: `double = scratch(…)`"""
    ]
    assert mended("W003") == []


@contextmanager
def twice() -> Iterator[Any]:
    """The block runs twice; it may call."""
    left = keep(U32)
    mov(left, 2)
    with while_(left != 0):
        yield left
        dec(left)


class KeptElsewhere(Subsystem):
    """Keeps a register for blocks of others, which may call."""

    @function
    def run(self) -> U64:
        xor(eax, eax)
        with twice() as left:
            add(rax, u64(left))
        ret(rax)


class Narrow(Subsystem):
    """Promises to leave all registers alone that `scratch` could hand out."""

    @function(clobbers=(rax,))
    def run(self, value: U64) -> U64:
        double = keep(value)
        add(double, double)
        ret(double)


@pytest.mark.parametrize("subsystem", [KeptElsewhere, Narrow])
def test_a_kept_register_that_nothing_else_can_stand_for(subsystem: Any) -> None:
    assert findings(subsystem()) == []


def test_code_and_written_data_share_a_section() -> None:
    assert broken("E063") == [
        """\
error[E063]: `.all` takes in code and data that is written
  FILE:LINE
  LINE |     sections = (OutputSection(".all", "r-x", inputs),)
        |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `.text.Broken` and `.data.Broken`
help: a section for each, `r-x` and `rw-`"""
    ]
    assert mended("E063") == []


def test_a_subsystem_that_nothing_reaches() -> None:
    assert broken("W004") == [
        """\
warning[W004]: nothing can reach the subsystem `Clock`
  FILE:LINE
  LINE | class Clock(Subsystem):
        |       ^^^^^
help: take it out of the image, or call it"""
    ]
    assert mended("W004") == []
