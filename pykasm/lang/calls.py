"""Calls: arguments into their registers by a parallel move, results out of rax and rdx."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pykasm.errors import CallMistake, PlaceMistake, RegisterMistake, TypeMistake
from pykasm.isa.registers import REGISTERS, WORD, Register, RegisterKind, general
from pykasm.lang.builder import NO_RESULT, AddressOperand, current, emit
from pykasm.lang.fitting import described, function_fits, signature_behind, types_fit
from pykasm.lang.operand import Operand
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.piece import (
    ARGUMENTS,
    CALLEE_SAVED,
    CALLER_SAVED,
    RESULTS,
    RSP,
    SLOT,
    STACK_ALIGNMENT,
    Kind,
    Parameter,
    PieceBuilder,
    Signature,
)
from pykasm.lang.role import Role
from pykasm.lang.types import U64, Fn, TypeMeta, Void, is_pointer
from pykasm.source import author_moment

TEMPORARIES = tuple(REGISTERS[name] for name in ("rax", "r10", "r11"))
"""Caller-saved registers that carry no argument."""

FIRST_HIGH_BYTE = 4
"""The number of ah (AMD64 APM vol. 3, 1.4.1); those of ch, dh and bh follow."""


@dataclass(slots=True)
class Move:
    """`source` has to get into `target`, as a value of type `kind`."""

    target: Register
    kind: TypeMeta
    source: object

    def reads(self, register: Register) -> bool:
        """Whether the source needs what is in `register`."""
        return any(one.number == register.number for one in registers_in(self.source))

    def replace(self, old: Register, new: Register) -> None:
        """Read `new` where the source read `old`."""
        self.source = _with_register(self.source, old, new)

    @property
    def is_done(self) -> bool:
        """Whether the value is in place already, extended as it has to be.

        What is 32 bits wide has a clear upper half, unless it is a part of something wider.
        """
        source = self.source
        if not isinstance(source, RegisterOperand) or source._register.number != self.target.number:
            return False
        whole = source._role.register.size if source._role else SLOT
        return self.kind._size == whole and whole in (WORD, SLOT)

    def emit(self) -> None:
        """Write the instruction that makes this move."""
        size = self.kind._size
        if isinstance(self.source, int):
            self._load_number(int(self.source), size)
        elif size < WORD:
            extend = "movsx" if self.kind._signed else "movzx"
            emit(extend, _operand(self.target, WORD), self.source)
        else:
            emit("mov", _operand(self.target, size), self.source)

    def _load_number(self, number: int, size: int) -> None:
        if number == 0:
            emit("xor", _operand(self.target, WORD), _operand(self.target, WORD))
        elif 0 < number < 1 << (WORD * 8):
            emit("mov", _operand(self.target, WORD), number)
        else:
            emit("mov", _operand(self.target, max(size, WORD)), number)


def _operand(register: Register, size: int) -> RegisterOperand:
    from pykasm.lang.registers import machine_register

    made: RegisterOperand = machine_register(general(register.number, size))
    return made


def registers_in(source: object) -> tuple[Register, ...]:
    """The registers whose contents `source` depends on."""
    if isinstance(source, RegisterOperand):
        return (_whole(source._register),)
    if isinstance(source, MemoryOperand):
        parts = (source._base, source._index)
        return tuple(one._register for one in parts if one is not None)
    return ()


def _whole(register: Register) -> Register:
    """The register that `register` is a part of: rdx for dh."""
    if register.kind is RegisterKind.HIGH_BYTE:
        return general(register.number - FIRST_HIGH_BYTE, SLOT)
    return register


def _with_register(source: object, old: Register, new: Register) -> object:
    if isinstance(source, RegisterOperand):
        return _renamed(source, old, new)
    assert isinstance(source, MemoryOperand)
    made = source._copy(source._kind)
    made._base = _renamed(source._base, old, new)
    made._index = _renamed(source._index, old, new)
    made._name = ""
    return made


def _renamed(
    operand: RegisterOperand | None, old: Register, new: Register
) -> RegisterOperand | None:
    if operand is None or _whole(operand._register).number != old.number:
        return operand
    if operand._register.kind is RegisterKind.HIGH_BYTE:
        raise RegisterMistake(
            f"`{operand._text()}` has to move before this call's arguments are in place",
            expected="a low byte, or memory",
            got=operand._text(),
            fix="`mov` it into another register first",
        )
    size = operand._register.size
    return RegisterOperand(general(new.number, size), operand._kind)


def parallel_move(moves: Sequence[Move], changed: Collection[Register] = CALLER_SAVED) -> None:
    """Make all moves as if at once, whatever their overlap.

    A move is written when no other still reads its target; where each target is read, one is
    saved in a register that nothing uses, and read from there. `changed` are the registers that
    need not keep what is in them.
    """
    pending = [move for move in moves if not move.is_done]
    borrowed: list[Register] = []
    while pending:
        ready = next((one for one in pending if not _is_read(one, pending)), None)
        if ready is not None:
            ready.emit()
            pending.remove(ready)
        else:
            _break_cycle(pending, _spare(changed, pending, moves), borrowed)
    for register in reversed(borrowed):
        emit("pop", _operand(register, SLOT))


def _is_read(move: Move, pending: list[Move]) -> bool:
    return any(other is not move and other.reads(move.target) for other in pending)


def _break_cycle(pending: list[Move], spare: Register, borrowed: list[Register]) -> None:
    blocked = pending[0].target
    if spare in CALLEE_SAVED and spare not in borrowed:
        _borrow(spare, pending)
        borrowed.append(spare)
    emit("mov", _operand(spare, SLOT), _operand(blocked, SLOT))
    for move in pending:
        if move.reads(blocked):
            move.replace(blocked, spare)


def _spare(changed: Collection[Register], pending: list[Move], moves: Sequence[Move]) -> Register:
    for register in (*(one for one in TEMPORARIES if one in changed), *CALLEE_SAVED):
        used = any(move.reads(register) for move in pending)
        target = any(move.target.number == register.number for move in moves)
        if not used and not target:
            return register
    raise RegisterMistake(
        "the arguments of this call use every register",
        expected="a free register to sort them with",
        got=f"{len(moves)} arguments that need each other's registers",
        fix="load some of them first",
    )


def _borrow(register: Register, pending: list[Move]) -> None:
    if any(move.reads(RSP._register) for move in pending):
        raise RegisterMistake(
            "the arguments of this call use every register, and rsp",
            expected="a free register to sort them with",
            got="an argument addressed from rsp",
            fix="load it first, or address it from rbp",
        )
    emit("push", _operand(register, SLOT))


def check_arguments(name: str, parameters: Sequence[Parameter], given: Sequence[object]) -> None:
    """Raise a mistake unless the arguments fit in number, type and width."""
    if len(parameters) != len(given):
        wanted = ", ".join(f"{one.name}: {one.type!r}" for one in parameters)
        raise CallMistake(
            f"`{name}` takes {len(parameters)} argument{'s' * (len(parameters) != 1)}",
            expected=f"{name}({wanted})",
            got=f"{len(given)} argument{'s' * (len(given) != 1)}",
        )
    for parameter, value in zip(parameters, given, strict=True):
        _check_argument(name, parameter, value)


def _check_argument(name: str, parameter: Parameter, value: object) -> None:
    kind = parameter.type
    if isinstance(value, int):
        _check_number(name, parameter, value)
    elif isinstance(value, Operand):
        _check_operand(name, parameter, value)
    elif not (is_pointer(kind) and hasattr(value, "_symbol_reference")) and not isinstance(
        value, AddressOperand
    ):
        raise _misfit(name, parameter, repr(value), NO_RESULT if value is None else "")
    else:
        _check_function(name, parameter, value)


def _check_function(name: str, parameter: Parameter, value: object) -> None:
    signature = signature_behind(value)
    if signature is not None and not function_fits(parameter.type, signature):
        raise _misfit(name, parameter, described(signature))


def _check_number(name: str, parameter: Parameter, value: int) -> None:
    bits = parameter.type._size * 8
    least = -(1 << (bits - 1)) if parameter.type._signed else 0
    most = (1 << (bits - 1)) - 1 if parameter.type._signed else (1 << bits) - 1
    if not least <= value <= most:
        raise _misfit(name, parameter, f"{int(value):#x}")
    if isinstance(value, Enum) and is_pointer(parameter.type):
        raise _misfit(name, parameter, str(value))


def _check_operand(name: str, parameter: Parameter, value: Operand) -> None:
    value._touch()
    size = value._register.size if isinstance(value, RegisterOperand) else value._kind._size
    untyped = isinstance(value, RegisterOperand) and value._role is None
    if size != parameter.type._size:
        raise _misfit(name, parameter, f"{value._text()}: {value._kind!r}, {size} bytes")
    if not untyped and not types_fit(parameter.type, value._kind):
        fix = f"`cast({value._text()}, {parameter.type!r})` if it is one"
        raise _misfit(name, parameter, f"{value._text()}: {value._kind!r}", fix)


def _misfit(name: str, parameter: Parameter, got: str, fix: str = "") -> CallMistake:
    return CallMistake(
        f"`{parameter.name}` of `{name}` does not take this",
        expected=f"{parameter.name}: {parameter.type!r}",
        got=got,
        fix=fix,
    )


def _moves(parameters: Sequence[Parameter], given: Sequence[object], pushed: int = 0) -> list[Move]:
    return [
        Move(parameter.register, parameter.type, _below(_source(value), pushed))
        for parameter, value in zip(parameters, given, strict=True)
        if parameter.register is not None
    ]


def _below(source: Any, pushed: int) -> Any:
    """`source` as it is found when rsp has moved `pushed` bytes down."""
    if not pushed or RSP._register not in registers_in(source):
        return source
    if isinstance(source, MemoryOperand):
        return source._moved(source._kind, pushed, source._name)
    raise RegisterMistake(
        "rsp is an argument of a call that puts others on the stack",
        expected="rsp as it was before the call's arguments",
        got=f"rsp, {pushed} bytes lower",
        fix="`mov` it into another register first",
    )


def _source(value: object) -> object:
    reference = getattr(value, "_symbol_reference", None)
    if reference is not None:
        return AddressOperand(reference, WORD, getattr(value, "_label", ""))
    return value


def _push_rest(parameters: Sequence[Parameter], given: Sequence[object]) -> int:
    """Push what does not fit registers, the last first; the bytes it took."""
    rest = [v for p, v in zip(parameters, given, strict=True) if p.register is None]
    pushed = -len(rest) * SLOT % STACK_ALIGNMENT
    if pushed:
        emit("sub", RSP, pushed)
    for value in reversed(rest):
        if (
            not isinstance(value, int | AddressOperand)
            and getattr(value, "_kind", U64)._size < SLOT
        ):
            raise CallMistake(
                "an argument on the stack takes 8 bytes",
                expected="a register, memory or number of 64 bits",
                got=str(value),
            )
        emit("push", _below(_source(value), pushed))
        pushed += SLOT
    return pushed


def _prepare(builder: PieceBuilder, function: Any, given: tuple[object, ...]) -> int:
    """Put the arguments in place; the bytes of those on the stack."""
    signature: Signature = function._signature
    check_arguments(function._label, signature.parameters, given)
    pushed = _push_rest(signature.parameters, given)
    moves = _moves(signature.parameters, given, pushed)
    overwritten = [move.target for move in moves if not move.is_done]
    parallel_move(moves, signature.changed)
    builder.clobber(overwritten)
    return pushed


def _caller() -> PieceBuilder:
    builder = current("a call")
    assert isinstance(builder, PieceBuilder)
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
    with builder.counting(*(builder.counted or builder.running())):
        pushed = _prepare(builder, function, given)
        emit("call", function)
        return _returned(builder, function._signature, pushed)


def call_pointer(pointer: Operand, given: tuple[object, ...]) -> Any:
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
    pushed = _push_rest(signature.parameters, given)
    moves = _moves(signature.parameters, given, pushed)
    target = _target_of_pointer(_below(pointer, pushed), moves)
    parallel_move(moves)
    emit("call", target)
    return _returned(builder, signature, pushed)


def _target_of_pointer(pointer: Operand, moves: list[Move]) -> Operand:
    """The pointer itself, or rax with it where the arguments would overwrite what it needs."""
    needed = {one.number for one in registers_in(pointer)}
    spares = {one.number for one in TEMPORARIES}
    if not needed & ({move.target.number for move in moves} | spares):
        return pointer
    last = REGISTERS["rax"]
    moves.append(Move(last, U64, pointer))
    return RegisterOperand(last, pointer._kind)


def signature_of(kind: TypeMeta) -> Signature:
    """The signature behind a function pointer type."""
    assert issubclass(kind, Fn)
    named = [(f"argument {n}", one) for n, one in enumerate(kind._parameters, 1)]
    result = kind._result
    results = (result,) if isinstance(result, TypeMeta) and result is not Void else ()
    return Signature(laid_out(named), results)


def laid_out(named: Sequence[tuple[str, TypeMeta]]) -> tuple[Parameter, ...]:
    """Parameters in their registers: the first six; the rest are on the stack."""
    return tuple(
        Parameter(
            name,
            kind,
            general(ARGUMENTS[number].number, kind._size) if number < len(ARGUMENTS) else None,
        )
        for number, (name, kind) in enumerate(named)
    )


def _returned(builder: PieceBuilder, signature: Signature, pushed: int) -> Any:
    if pushed:
        emit("add", RSP, pushed)
    builder.clobber(signature.changed)
    results = []
    for register, kind in zip(RESULTS, signature.results, strict=False):
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
    assert isinstance(builder, PieceBuilder)
    if builder.kind in (Kind.NAKED, Kind.ENTRY):
        emit("ret", *values)
        return
    if builder.kind is Kind.INTERRUPT:
        _no_result(builder, values)
        builder.leave("iretq")
        return
    _check_results(builder, values)
    kinds = builder.signature.results
    moves = [
        Move(general(register.number, SLOT), kind, _source(value))
        for register, kind, value in zip(RESULTS, kinds, values, strict=False)
    ]
    parallel_move(moves)
    builder.leave("ret")


def _check_results(builder: PieceBuilder, values: tuple[object, ...]) -> None:
    kinds = builder.signature.results
    if len(values) != len(kinds):
        wanted = ", ".join(repr(kind) for kind in kinds) or "no value"
        raise CallMistake(
            f"`{builder.name}` returns {wanted}",
            expected=f"ret({wanted})" if kinds else "ret()",
            got=f"{len(values)} value{'s' * (len(values) != 1)}",
        )
    for kind, value in zip(kinds, values, strict=True):
        _check_argument("ret", Parameter("the result", kind, None), value)


def _no_result(builder: PieceBuilder, values: tuple[object, ...]) -> None:
    if values:
        raise CallMistake(
            f"the interrupt handler `{builder.name}` returns nothing",
            expected="ret()",
            got=f"{len(values)} values",
        )


def tail(function: Any, *given: object) -> None:
    """Leave by jumping to `function` with these arguments: its return is this one's."""
    builder = _caller()
    if not hasattr(function, "_signature"):
        raise CallMistake(
            "`tail` takes the function, then its arguments",
            expected="`tail(self.other, a, b)`",
            got=repr(function),
            fix="leave the parentheses after the function's name out",
        )
    if any(one.register is None for one in function._signature.parameters):
        raise CallMistake(
            f"`{function._label}` takes arguments on the stack",
            expected="a function of at most six parameters",
            got=f"{len(function._signature.parameters)}",
            fix="call it, then `ret`",
        )
    _prepare(builder, function, given)
    builder.leave("jmp", function)
