"""The writing of all code of a subsystem."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial
from typing import Any

from pykasm.errors import FlowMistake, Mistake, report
from pykasm.lang.allowances import allowances_of
from pykasm.lang.builder import building
from pykasm.lang.convention import SLOT, Kind, Parameter, Signature
from pykasm.lang.function import BoundFunction, CodeOptions, Function
from pykasm.lang.functions import Emits
from pykasm.lang.locking import NO_LOCKS, LockContract, found_locks
from pykasm.lang.operand import described
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.pythonflow import report_python
from pykasm.lang.pythonmistakes import collected
from pykasm.lang.registers import rbp
from pykasm.lang.role import Role
from pykasm.lang.roles import keep_as
from pykasm.lang.routinebuilder import RoutineBuilder
from pykasm.lang.types import plain
from pykasm.lang.unit import Unit
from pykasm.lang.word import forgotten_with, report_forgotten
from pykasm.objects.debug import EntryFrame
from pykasm.source import Source, Span, line_span


class Assembly:
    """The writing of all code of one unit."""

    def __init__(self, unit: Unit, owner: Any) -> None:
        self.unit = unit
        self.owner = owner

    def run(self) -> None:
        """Run every body of the owner, in the order of its class, collecting mistakes."""
        for name, member in members(type(self.owner)):
            if isinstance(member, Function):
                collected(partial(self._write_named, name), partial(_line_of, member))
            elif isinstance(member, Emits):
                collected(partial(self._make_stubs, member, name), partial(_line_of, member))
        for moment in self.unit.forgotten:
            report(forgotten_with("stub", moment))

    def _make_stubs(self, member: Emits, name: str) -> None:
        _check_result(member.body(self.owner), f"{self.unit.name}.{name}", member.declared)
        report_python(member.body.__code__, True)

    def _write_named(self, name: str) -> None:
        self.write(getattr(self.owner, name))

    def write(self, bound: BoundFunction[Any]) -> None:
        """Run the body of a function, collecting mistakes; the unit gets its routine."""
        function, options = bound._function, bound._function.options
        builder = RoutineBuilder(
            self.unit,
            bound._label,
            options.kind,
            options.bits,
            bound._signature,
            function.body.__code__,
            function.declared,
        )
        operands = _parameters(builder, bound._signature)
        builder.allowances += allowances_of(options.allow or {}, function.declared)
        with building(builder):
            complete = collected(
                lambda: _check_result(
                    function.write(self.owner, _kept(builder, operands)),
                    bound._label,
                    function.declared,
                ),
                partial(_line_of, function),
            )
            finish(builder, complete)
        routine = builder.routine(
            options.section,
            entered=_entered(builder, options),
            pushed=options.pushed,
            stack=options.stack,
            recursion=options.recursion,
            interruptible=options.interruptible,
            exported=options.exported,
            sleeps=options.sleeps,
            moves=options.moves,
            context=options.context,
            locks=_locks(bound),
            copies_user=options.copies_user,
            doc=function.__doc__ or "",
        )
        self.unit.routines.append(routine)


def _line_of(member: Function[Any] | Emits) -> Span:
    """The line that declares `member`."""
    return line_span(member.declared)


def _check_result(result: object, name: str, declared: Source) -> None:
    """Raise a mistake where a body gives Python a value: nobody takes it."""
    if result is None:
        return
    is_generator = isinstance(result, Generator)
    raise FlowMistake(
        f"`{name}` {'writes nothing: it is a generator' if is_generator else 'returns to Python'}",
        expected="`ret(value)` for what the machine returns",
        got="`yield`" if is_generator else f"`return {described(result)}`",
        span=line_span(declared),
    )


def _locks(bound: BoundFunction[Any]) -> LockContract:
    """The locks that a function states, by their names; a wrong path is reported."""
    function = bound._function
    parameters = {one.name: one.type for one in bound._signature.parameters}
    try:
        function.options.locking.check(parameters)
        return found_locks(function.options.locks, bound._owner, parameters)
    except Mistake as mistake:
        mistake.span = line_span(function.declared)
        report(mistake)
        return NO_LOCKS


def members(owner: type) -> Iterator[tuple[str, object]]:
    """Methods of `owner` and its bases in the order of the source, overridden ones once."""
    names: dict[str, object] = {}
    for one in reversed(owner.__mro__):
        names.update(vars(one))
    yield from names.items()


def finish(builder: RoutineBuilder, complete: bool) -> None:
    """Report the words that nobody entered; `complete` code gets its prologue and epilogues."""
    report_forgotten(builder)
    if complete:
        collected(builder.finish)


def _entered(builder: RoutineBuilder, options: CodeOptions) -> EntryFrame:
    if builder.kind is not Kind.INTERRUPT:
        return options.entered
    return EntryFrame.INTERRUPT_WITH_ERROR if builder.error_code else EntryFrame.INTERRUPT


def _parameters(builder: RoutineBuilder, signature: Signature) -> list[object]:
    error_code = builder.kind is Kind.INTERRUPT and len(signature.parameters) > 1
    builder.error_code = error_code
    return [_parameter(builder, one, number) for number, one in enumerate(signature.parameters)]


def _kept(builder: RoutineBuilder, operands: list[Any]) -> Iterator[Any]:
    """The parameters, those that live across calls in registers that survive them."""
    with builder.counting(builder.declared):
        for parameter, operand in zip(builder.signature.parameters, operands, strict=True):
            yield _keep(builder, parameter, operand) if parameter.kept else operand


def _keep(builder: RoutineBuilder, parameter: Parameter, operand: Any) -> Any:
    try:
        return keep_as(parameter.name, operand, plain(parameter.type), builder)
    except Mistake as mistake:
        mistake.span = line_span(builder.declared)
        raise


def _parameter(builder: RoutineBuilder, parameter: Parameter, number: int) -> object:
    kind = plain(parameter.type)
    if parameter.register is None:
        above = 2 * SLOT + (number - 6) * SLOT
        return MemoryOperand(kind, base=rbp, displacement=above, name=parameter.name)
    role = Role("parameter", parameter.register, kind, parameter.name)
    builder.assign(role)
    return RegisterOperand(parameter.register, kind, role)
