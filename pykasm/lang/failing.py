"""Failing in the middle: `try_`, `fail_if`, `fail`, and `errdefer` for what has to be undone then.

A function that fails leaves with a negated errno, or with null or false where it gives a pointer or
a truth. On that way only, what `errdefer` states is run in reverse order; that code lies behind the
function, once, as a chain that failures enter where they stand.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from pykasm.errors import CallMistake, PlaceMistake, TypeMistake, ValueRangeMistake, placed_at
from pykasm.isa.code import Label
from pykasm.isa.registers import REGISTERS, general
from pykasm.lang.arguments import check_argument
from pykasm.lang.builder import current, emit, place
from pykasm.lang.calls import check_leaving
from pykasm.lang.convention import Kind, Parameter
from pykasm.lang.errornumbers import ErrorNumber
from pykasm.lang.jumps import Test, jump_if
from pykasm.lang.moves import Move, parallel_move
from pykasm.lang.operand import Operand, described
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.registers import machine_register
from pykasm.lang.routinebuilder import RoutineBuilder
from pykasm.lang.types import TypeMeta, is_pointer
from pykasm.source import Source, author_source, line_span

T = TypeVar("T")

_RESULT = REGISTERS["rax"]


class Undo:
    """What `errdefer` states: something to be undone by failures from here to the block's end.

    `with errdefer(…):` ends it with that block.
    """

    def __init__(self, builder: RoutineBuilder, action: Callable[[], object]) -> None:
        self.builder = builder
        self.action = action
        self.source = author_source() or builder.declared
        self.outer: Undo | None = builder.undo
        self.label = Label("undo")
        builder.undo = self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.builder.undo = self.outer


def errdefer(function: Callable[..., object], *arguments: object) -> Undo:
    """Have failures from here to the end of the block call `function` with these arguments.

    What is stated last is undone first. Results are dropped. The arguments have to be what they are
    now when something fails: what `keep` or `local` gave, data, numbers.
    """
    if not callable(function):
        raise CallMistake(
            "`errdefer` takes the function, then its arguments",
            expected="`errdefer(self.give_back, block)`",
            got=described(function),
            fix="leave the parentheses after the function's name out" if function is None else "",
        )
    return Undo(_failing("errdefer"), partial(function, *arguments))


def try_(value: T, errno: int | None = None) -> T:
    """`value`, where it is no failure; else leave the function.

    A negative number is a failure, and what the function leaves with, or the negated `errno` if one
    is given. Null and false are failures without a reason: a function that gives a number states
    the `errno`.
    """
    builder = _failing("try_")
    if not isinstance(value, Operand):
        raise TypeMistake(
            "`try_` takes what may be a failure",
            expected="`try_(self.allocate(), Errno.ENOMEM)`, with a result or another operand",
            got=described(value),
        )
    code: object = value if value._kind._signed and errno is None else _code(builder, errno)
    if isinstance(code, Operand):
        check_argument("try_", Parameter("the result", builder.signature.results[0], None), code)
    _leave_if(builder, value._compared("<" if value._kind._signed else "==", 0), code)
    return value


def fail_if(test: Test, errno: int | None = None) -> None:
    """Leave with the negated `errno` (with null or false if that is what the function gives) if the
    condition holds."""
    builder = _failing("fail_if")
    _leave_if(builder, test, _code(builder, errno))


def fail(errno: int | None = None) -> None:
    """Leave with the negated `errno`; with null or false if that is what the function gives."""
    builder = _failing("fail")
    code, failed = _code(builder, errno), Label("failed")
    emit("jmp", failed)
    _write_later(builder, failed, code)


def _failing(word: str) -> RoutineBuilder:
    """The function being written, if it has a result that can tell of a failure."""
    builder = current(word)
    assert isinstance(builder, RoutineBuilder)
    if word != "errdefer":
        check_leaving(builder, word)
    results = builder.signature.results
    if builder.kind is not Kind.FUNCTION or len(results) != 1 or not _can_tell(results[0]):
        raise PlaceMistake(
            f"`{word}` in code that can't tell of a failure",
            expected="a `@function` that returns a signed number, a pointer or a `Bool`",
            got=f"`{builder.name}`, which returns {', '.join(map(repr, results)) or 'nothing'}",
        )
    return builder


def _can_tell(kind: TypeMeta) -> bool:
    return kind._signed or kind._truth or is_pointer(kind)


def _code(builder: RoutineBuilder, errno: int | None) -> int:
    """The number that the function leaves with."""
    kind = builder.signature.results[0]
    if not kind._signed:
        if errno is not None:
            raise CallMistake(
                f"`{builder.name}` can't tell why it fails",
                expected=f"no errno: it leaves with {'false' if kind._truth else 'null'}",
                got=str(errno),
                fix="return a signed number, and the value through a pointer of the caller's",
            )
        return 0
    if not isinstance(errno, int):
        raise CallMistake(
            f"`{builder.name}` has to tell why it fails",
            expected="an errno, such as `Errno.ENOMEM`",
            got="none" if errno is None else described(errno),
        )
    if errno <= 0:
        raise ValueRangeMistake(
            f"{int(errno)} is no errno",
            expected="a number above 0, which is negated",
            got=str(errno),
        )
    return -errno if isinstance(errno, ErrorNumber) else -int(errno)


def _leave_if(builder: RoutineBuilder, test: Test, code: object) -> None:
    failed = Label("failed")
    jump_if(test, failed, when=True)
    _write_later(builder, failed, code)


def _write_later(builder: RoutineBuilder, failed: Label, code: object) -> None:
    """Write behind the function what happens at `failed`, with all that is to be undone now."""
    source = author_source() or builder.declared
    write = partial(_write, builder, failed, code, builder.undo, source)
    builder.write_out_of_line(source, write)


def _write(
    builder: RoutineBuilder, failed: Label, code: Any, undo: Undo | None, source: Source
) -> None:
    if failed not in builder.targets:  # a condition that is known never jumps
        return
    place(failed)
    kind = builder.signature.results[0]
    in_place = parallel_move([Move(_RESULT, kind, code)])
    if undo is None:
        builder.leave("ret", in_place=in_place)
        return
    emit("mov", _error(builder), machine_register(general(_RESULT.number, kind._size)))
    builder.take_in_place(in_place)
    _go_on(builder, undo, source)


def _go_on(builder: RoutineBuilder, undo: Undo | None, source: Source) -> None:
    """Undo what `undo` says and all before that, then leave with the error kept in the frame."""
    if undo is None:
        parallel_move([Move(_RESULT, builder.signature.results[0], _error(builder))])
        builder.leave("ret")
    elif undo.label in builder.placed:
        emit("jmp", undo.label)
    else:
        place(undo.label)
        _run(builder, undo)
        if builder.falls_through:
            with builder.counting(source):
                _go_on(builder, undo.outer, source)


def _run(builder: RoutineBuilder, undo: Undo) -> None:
    """Emit what `undo` states, at its line; nobody reads its results."""
    known = len(builder.results)
    with builder.counting(undo.source), placed_at(partial(line_span, undo.source)):
        undo.action()
    for role in builder.results[known:]:
        role.used = True


def _error(builder: RoutineBuilder) -> MemoryOperand:
    """The place in the frame that keeps the error while things are undone."""
    if builder.error is None:
        builder.error = builder.local(builder.signature.results[0], "error")
    return builder.error
