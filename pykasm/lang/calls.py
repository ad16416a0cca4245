"""Calls: arguments into their registers by a parallel move, results out of rax and rdx."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pykasm.errors import CallMistake, FlowMistake, PlaceMistake, TypeMistake, report
from pykasm.isa.code import Label
from pykasm.isa.registers import REGISTERS, Register, general
from pykasm.lang.arguments import check_argument, check_arguments, elements_given
from pykasm.lang.builder import current, emit, place
from pykasm.lang.condition import Condition
from pykasm.lang.convention import (
    CALLEE_SAVED,
    RESULTS,
    SLOT,
    Kind,
    Parameter,
    Signature,
    signature_of,
)
from pykasm.lang.fitting import passes_as
from pykasm.lang.hints import hint_for, shown_value
from pykasm.lang.jumps import jump_if
from pykasm.lang.links import relinked
from pykasm.lang.moves import TEMPORARIES, Move, parallel_move, registers_in
from pykasm.lang.numbers import U64, Bool
from pykasm.lang.operand import Operand, described
from pykasm.lang.operands import RegisterOperand
from pykasm.lang.registers import rbp, rsp
from pykasm.lang.role import Role
from pykasm.lang.routinebuilder import RoutineBuilder
from pykasm.lang.stackarguments import below, push_rest, source_of
from pykasm.lang.types import Fn, Value, plain
from pykasm.source import author_moment


def _moves(parameters: Sequence[Parameter], given: Sequence[object], pushed: int = 0) -> list[Move]:
    return [
        Move(parameter.register, parameter.type, below(source_of(value), pushed))
        for parameter, value in zip(parameters, given, strict=True)
        if parameter.register is not None
    ]


def _prepare(
    builder: RoutineBuilder, function: Any, given: tuple[object, ...]
) -> tuple[int, tuple[RegisterOperand, ...]]:
    """Put the arguments in place; the bytes of those on the stack, and those that were there."""
    signature: Signature = function._signature
    check_arguments(function._label, signature.parameters, given)
    elements_given(function._label, signature.parameters, given)
    pushed = push_rest(signature, given)
    moves = _moves(signature.parameters, given, pushed)
    overwritten = [move.target for move in moves if not move.is_done]
    in_place = parallel_move(moves, signature.changed)
    builder.clobber(overwritten)
    return pushed, in_place


def _caller() -> RoutineBuilder:
    builder = current("a call")
    assert isinstance(builder, RoutineBuilder)
    if builder.bits != 64:
        raise PlaceMistake(
            "a call with arguments in 16- or 32-bit code",
            expected="64-bit code: the System V AMD64 convention has no other",
            got=f"{builder.bits}-bit code",
            fix="use `call(target)` and pass values in registers that you name",
        )
    return builder


def call_function(function: Any, given: tuple[object, ...]) -> Any:
    """Emit a call of a function of the image; the operands that hold its results."""
    builder = _caller()
    refuse_handler(function)
    with builder.counting(*(builder.counted or builder.running())):
        pushed, in_place = _prepare(builder, function, given)
        _note_locks(function, given)
        emit("call", function)
        builder.take_in_place(in_place)
        elements = elements_given(function._label, function._signature.parameters, given)
        return _returned(builder, function._signature, pushed, elements)


def _note_locks(function: Any, given: tuple[object, ...]) -> None:
    """Note the locks that the call of `function`, which comes next, takes or releases."""
    options = function._function.options
    if any(options.locking):
        names = (one.name for one in function._signature.parameters)
        on_zero = any(one._fails for one in function._signature.results)
        options.locking.note(dict(zip(names, given, strict=True)), options.sleeps, on_zero)


def call_pointer(pointer: Value, given: tuple[object, ...]) -> Any:
    """Emit a call through a typed function pointer in a register or in memory."""
    kind = pointer._kind
    if not issubclass(kind, Fn):
        raise TypeMistake(
            f"`{pointer._text()}` is no function",
            expected="a function pointer, `Fn[[…], …]`",
            got=f"{pointer._text()}: {kind!r}",
        )
    builder = _caller()
    signature = signature_of(kind)
    check_arguments(pointer._text(), signature.parameters, given)
    pushed = push_rest(signature, (*given, pointer))
    moves = _moves(signature.parameters, given, pushed)
    target = _target_of_pointer(below(pointer, pushed), moves)
    in_place = parallel_move(moves)
    emit("call", target)
    builder.take_in_place(in_place)
    return _returned(builder, signature, pushed)


Operand._called = call_pointer  # type: ignore[assignment] # what calls are is known here only


def _target_of_pointer(
    pointer: Value, moves: list[Move], restored: Sequence[Register] = ()
) -> Value:
    """The pointer itself, or rax with it where the arguments would overwrite what it needs, or one
    of the registers that are `restored` before it is looked at."""
    needed = {one.number for one in registers_in(pointer)}
    lost = {one.number for one in (*TEMPORARIES, *restored)}
    if not needed & (lost | {move.target.number for move in moves}):
        return pointer
    last = REGISTERS["rax"]
    moves.append(Move(last, U64, pointer))
    return RegisterOperand(last, pointer._kind)


def _returned(
    builder: RoutineBuilder, signature: Signature, pushed: int, elements: str = ""
) -> Any:
    """The operands of the results; links among them are linked by `elements`, if that is known."""
    if pushed:
        emit("add", rsp, pushed)
    builder.clobber(signature.changed)
    results = []
    for register, result in zip(RESULTS, map(plain, signature.results), strict=False):
        kind = relinked(result, elements) if elements else result
        own = general(register.number, kind._size)
        role = Role("result", own, kind, moment=author_moment())
        builder.assign(role)
        builder.results.append(role)
        results.append(RegisterOperand(role.register, kind, role))
    if not results:
        return None
    return results[0] if len(results) == 1 else tuple(results)


def ret(*values: object) -> None:
    """Leave the function with its results (in code without a frame: the bare instruction)."""
    builder = current("ret")
    assert isinstance(builder, RoutineBuilder)
    check_leaving(builder, "ret")
    if builder.kind in (Kind.NAKED, Kind.ENTRY):
        _check_bare_return(builder, values)
        emit("ret", *values)
        return
    if builder.kind is Kind.INTERRUPT:
        _no_result(builder, values)
        builder.leave("iretq")
        return
    if len(values) == 1 and isinstance(values[0], Condition):
        _leave_with(builder, values[0])
        return
    _check_results(builder, values)
    kinds = builder.signature.results
    moves = [
        Move(general(register.number, SLOT), kind, source_of(value))
        for register, kind, value in zip(RESULTS, kinds, values, strict=False)
    ]
    builder.leave("ret", in_place=parallel_move(moves, builder.signature.changed))


def _leave_with(builder: RoutineBuilder, test: Condition) -> None:
    """Leave a function that gives a `Bool` with 1 if the condition holds, else with 0."""
    if builder.signature.results != (Bool,):
        raise CallMistake(
            f"`{builder.name}` does not return a condition",
            expected="a function that states `-> Bool`",
            got=", ".join(map(repr, builder.signature.results)) or "no value",
        )
    otherwise = Label("false")
    jump_if(test, otherwise, when=False)
    ret(1)
    place(otherwise)
    ret(0)


def check_leaving(builder: RoutineBuilder, word: str) -> None:
    """Report a method or function that leaves the routine which it is written into, unless it is
    marked `@inline`, and so meant to be a part of it."""
    helper = builder.helper()
    if helper is None:
        return
    name = helper.co_name
    report(
        FlowMistake(
            f"`{word}` in `{name}` leaves `{builder.name}`, into which it is written",
            expected=f"`{word}` in the body of `{builder.name}` itself",
            got=f"the helper `{name}`, whose code comes where it is called",
            fix="`@function` above it makes it code of its own; `@inline` says that it is none",
        )
    )


def _check_results(builder: RoutineBuilder, values: tuple[object, ...]) -> None:
    kinds = builder.signature.results
    if len(values) != len(kinds):
        wanted = ", ".join(repr(kind) for kind in kinds) or "no value"
        raise CallMistake(
            f"`{builder.name}` returns {wanted}",
            expected=f"ret({wanted})" if kinds else "ret()",
            got=f"{len(values)} value{'s' * (len(values) != 1)}",
        )
    for kind, value in zip(kinds, values, strict=True):
        check_argument("ret", Parameter("the result", kind, None), value)


def _check_bare_return(builder: RoutineBuilder, values: tuple[object, ...]) -> None:
    """In code without a frame, `ret` is the instruction: its number is not what is returned."""
    if values and (builder.signature.results or not isinstance(values[0], int)):
        raise CallMistake(
            f"`ret` in code without a frame is the bare instruction, in `{builder.name}` too",
            expected="`ret()`, or the bytes that it takes off the stack: `ret(8)`",
            got=", ".join(described(value) for value in values),
            fix=f"`mov(rax, {described(values[0])})`, then `ret()`",
        )


def _no_result(builder: RoutineBuilder, values: tuple[object, ...]) -> None:
    if values:
        raise CallMistake(
            f"the interrupt handler `{builder.name}` returns nothing",
            expected="ret()",
            got=f"{len(values)} values",
        )


def tail(function: Any, *given: object) -> None:
    """Leave by jumping to `function`, or to what a function pointer points to, with these
    arguments: its return is this one's."""
    builder = _caller()
    check_leaving(builder, "tail")
    if isinstance(function, Operand) and issubclass(function._kind, Fn):
        _tail_through(builder, function, given)
        return
    if not hasattr(function, "_signature"):
        raise CallMistake(
            "`tail` takes the function, then its arguments",
            expected="`tail(self.other, a, b)`",
            got=described(function) if isinstance(function, Operand) else shown_value(function),
            fix=_tail_help(function),
        )
    refuse_handler(function)
    _check_tail(builder, function._label, function._signature)
    _, in_place = _prepare(builder, function, given)
    _note_locks(function, given)
    builder.leave("jmp", function, in_place=in_place)


def _tail_through(builder: RoutineBuilder, pointer: Value, given: tuple[object, ...]) -> None:
    """Leave by jumping to the function that `pointer` points to."""
    signature = signature_of(pointer._kind)
    _check_tail(builder, pointer._text(), signature)
    check_arguments(pointer._text(), signature.parameters, given)
    moves = _moves(signature.parameters, given)
    target = _target_of_pointer(pointer, moves, (*CALLEE_SAVED, rbp._register, rsp._register))
    overwritten = [move.target for move in moves if not move.is_done]
    in_place = parallel_move(moves)
    builder.clobber(overwritten)
    builder.leave("jmp", target, in_place=in_place)


def _tail_help(value: object) -> str:
    if isinstance(value, RegisterOperand) or value is None:
        return "leave the parentheses after the function's name out"
    return hint_for(value)


def _check_tail(builder: RoutineBuilder, name: str, theirs: Signature) -> None:
    """Raise a mistake unless the function called `name` can return for the code being written."""
    if any(one.register is None for one in theirs.parameters):
        raise CallMistake(
            f"`{name}` takes arguments on the stack",
            expected="a function of at most six parameters",
            got=f"{len(theirs.parameters)}",
            fix="call it, then `ret`",
        )
    if builder.kind is Kind.INTERRUPT:
        raise CallMistake(
            f"`{name}` would return where `{builder.name}` has to leave by `iretq`",
            expected="a function or code without a frame around `tail`",
            got="an interrupt handler",
            fix="call it, then `ret`",
        )
    mine = builder.signature
    if builder.kind is Kind.FUNCTION and not _returns_as(mine, theirs):
        raise CallMistake(
            f"`{name}` returns something else than `{builder.name}`",
            expected=f"a function that returns {_results(mine)}",
            got=f"one that returns {_results(theirs)}",
            fix="call it, then `ret` with what is to be returned",
        )


def _returns_as(mine: Signature, theirs: Signature) -> bool:
    if theirs.never_returns or mine.never_returns:
        return theirs.never_returns
    return len(mine.results) == len(theirs.results) and all(
        map(passes_as, mine.results, theirs.results)
    )


def _results(signature: Signature) -> str:
    if signature.never_returns:
        return "never"
    return ", ".join(repr(kind) for kind in signature.results) or "nothing"


def refuse_handler(function: Any) -> None:
    """Raise a mistake where `function` is an interrupt handler, which returns by `iretq`."""
    if function._signature.by_processor:
        raise CallMistake(
            f"`{function._label}` is an interrupt handler",
            expected="a function, or code without a frame",
            got="code that only the processor enters, and that leaves by `iretq`",
            fix="put what both need into a `@function` that the handler calls",
        )
