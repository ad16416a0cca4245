"""Checks in debug builds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pykasm.errors import FlowMistake, TypeMistake
from pykasm.isa.code import Label
from pykasm.lang.builder import current, emit, place
from pykasm.lang.comparisons import Comparison
from pykasm.lang.condition import Both, Condition, condition
from pykasm.lang.data import text
from pykasm.lang.hints import shown_value
from pykasm.lang.jumps import jump_if
from pykasm.lang.operands import RegisterOperand
from pykasm.source import author_moment

_handlers: list[Any] = []


@contextmanager
def asserting(handler: Any) -> Iterator[None]:
    """Have failed `asserts` inside call `handler`; None leaves the checks out."""
    _handlers.append(handler)
    try:
        yield
    finally:
        _handlers.pop()


class _Debugging:
    """The word `debugging`. Python takes any function for true, so `if debugging:` would be."""

    def __call__(self, *arguments: object, **named: object) -> bool:
        if arguments or named:
            raise TypeMistake(
                "`debugging` takes nothing",
                expected="`debugging()`",
                got=", ".join(map(shown_value, (*arguments, *named.values()))),
            )
        return bool(_handlers) and _handlers[-1] is not None

    def __bool__(self) -> bool:
        raise FlowMistake(
            "`debugging` is a question, and nobody asks it here",
            expected="`if debugging():`",
            got="`debugging` without parentheses, which Python takes for true",
        )


debugging: Callable[[], bool] = _Debugging()
"""Whether this is a debug build: Python's `if debugging():` leaves code out of others."""


def asserts(test: object) -> None:
    """In debug builds, check that the condition holds; if not, the image's `on_assert` gets the
    source line and text. The check's failing side is out of the way, behind the function."""
    if not debugging():
        for number in _looked_at(condition(test)):
            current("asserts").say("asserts", number)
        return
    handler = _handlers[-1]
    builder = current("asserts")
    failed = Label("failed")
    jump_if(condition(test), failed, when=False)
    moment = author_moment()
    source = moment.source if moment else builder.declared
    message = f"{source}: {source.text.strip()}"

    def report_failure() -> None:
        place(failed)
        handler(text(message))
        if builder.falls_through:
            emit("ud2")  # a handler that does return is not come back to

    builder.write_out_of_line(source, report_failure)


def _looked_at(test: Condition) -> Iterator[int]:
    """The numbers of the registers that are not null, or no errors, where the condition holds."""
    if isinstance(test, Both):
        yield from _looked_at(test.left)
        yield from _looked_at(test.right)
    elif isinstance(test, Comparison) and isinstance(test.left, RegisterOperand):
        is_zero = isinstance(test.right, int) and test.right == 0
        excluding = (">=", ">", "==") if test.signed else ("!=",)
        if test.operator in excluding and is_zero:
            yield test.left._register.number
