"""Code in place: `@inline` methods and functions, whose instructions come where they are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property, wraps
from inspect import CO_VARARGS, isgeneratorfunction, unwrap
from itertools import repeat
from types import TracebackType
from typing import Any, ParamSpec, TypeGuard, TypeVar, get_args, get_origin, overload

from pykasm.errors import (
    CallMistake,
    DeclarationMistake,
    Mistake,
    Note,
    PlaceMistake,
    RegisterMistake,
    placed_at,
    reported,
)
from pykasm.isa.code import Line
from pykasm.isa.registers import Register, RegisterKind
from pykasm.lang.annotations import annotations_of, is_any_of, known_types
from pykasm.lang.arguments import check_argument, text_given, type_given
from pykasm.lang.builder import InlineCode, current, written_in_place
from pykasm.lang.condition import Computed, Condition
from pykasm.lang.convention import Parameter
from pykasm.lang.decorated import check_decorated
from pykasm.lang.links import common_elements, link_behind
from pykasm.lang.moves import registers_in, whole_register
from pykasm.lang.operand import Operand, described
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.role import Role
from pykasm.lang.routinebuilder import Exit, RoutineBuilder
from pykasm.lang.structs import is_struct, resolved
from pykasm.lang.symbolic import AddressOperand
from pykasm.lang.types import TypeMeta, is_named, name_of
from pykasm.lang.word import forgotten_with
from pykasm.source import Moment, Source, author_moment, line_span

P = ParamSpec("P")
R = TypeVar("R")


class _Inline:
    """What `@inline` says of a `body`, and what a call of it does."""

    def __init__(self, body: Callable[..., Any], changes: object) -> None:
        self.body = body
        self.function = unwrap(body)
        written_in_place.add(self.function.__code__)
        self._check_block()
        self.name = self.function.__qualname__.rpartition("<locals>.")[2]
        code = self.function.__code__
        count = code.co_argcount + code.co_kwonlyargcount
        self.rest = code.co_varnames[count] if code.co_flags & CO_VARARGS else None
        """The parameter that takes all further arguments, as in `*arguments`."""
        self.positional = code.co_varnames[: code.co_argcount]
        self.parameters = code.co_varnames[: count + (self.rest is not None)]
        stated = changes if isinstance(changes, tuple) else (changes,)
        self.registers = [self._register(one) for one in stated if not isinstance(one, str)]
        self.changed_parameters = [self._parameter(one) for one in stated if isinstance(one, str)]

    def _check_block(self) -> None:
        """Raise a mistake unless what has a `yield` is a block, and nothing else is one."""
        is_block, has_yield = self.function is not self.body, isgeneratorfunction(self.function)
        name = self.function.__name__
        if is_block and not has_yield:
            raise DeclarationMistake(
                f"`{name}` has no `yield`",
                expected="`yield` where the block stands whose code comes between",
                got="`@contextmanager` above a function without one",
                span=line_span(self.declared),
            )
        if has_yield and not is_block:
            raise DeclarationMistake(
                f"`{name}` has a `yield`, and is no block",
                expected="`@inline` above `@contextmanager` above the `def`",
                got="`@inline` alone",
                span=line_span(self.declared),
            )

    def _register(self, stated: object) -> Register:
        found = stated._register if isinstance(stated, RegisterOperand) else stated
        if not isinstance(found, Register) or found.kind not in _GENERAL:
            raise DeclarationMistake(
                "`changes` takes general registers and the names of parameters",
                expected='such as `changes=(rax, rcx)` or `changes=("pointer", rax)`',
                got=described(stated),
            )
        return whole_register(found)

    def _parameter(self, stated: str) -> str:
        if stated not in self.parameters:
            raise DeclarationMistake(
                f"`{self.name}` has no parameter `{stated}`",
                expected="one of " + ", ".join(self.parameters) if self.parameters else "registers",
                got=f"`changes` with {stated!r}",
            )
        return stated

    @property
    def declared(self) -> Source:
        """The line of the `def`, or of a decorator above it."""
        code = self.function.__code__
        return Source(code.co_filename, code.co_firstlineno)

    def has(self, place: Source) -> bool:
        """Whether `place` is a line of the function."""
        code = self.function.__code__
        lines = [line for _, _, line in code.co_lines() if line]
        is_file: bool = place.file == code.co_filename
        return is_file and min(lines) <= place.line <= max(lines)

    @cached_property
    def hints(self) -> dict[str, object]:
        """The types of parameters and result, by name."""
        with placed_at(lambda: line_span(self.declared)):
            names = self.function.__globals__
            known = known_types(annotations_of(self.function), names)
        hints = {name: resolved(kind, names) for name, kind in known.items()}
        result = hints.get("return", Any)
        if isgeneratorfunction(self.function):
            hints["return"] = result = next(iter(get_args(result)), Any)
        if is_any_of(result, Any, object):
            raise DeclarationMistake(
                f"`{self.name}` does not state what it gives",
                expected="a type, `Condition`, or None",
                got="no annotation of the result, or `Any`",
                span=line_span(self.declared),
            )
        return hints

    def call(self, arguments: tuple[object, ...], named: dict[str, object]) -> Any:
        """Emit the code with these arguments. Return its result, or what stands after `with`."""
        builder = current(self.name)
        assert isinstance(builder, RoutineBuilder)
        given = dict(zip(self.positional, arguments, strict=False)) | named
        if self.rest is not None:
            given[self.rest] = arguments[len(self.positional) :]
        call = _Call(self, builder, given, author_moment())
        call.check()
        names = (*self.positional, *repeat(self.rest or "", len(arguments)))
        arguments = tuple(map(call.typed, names, arguments))
        named = {name: call.typed(name, value) for name, value in named.items()}
        if isgeneratorfunction(self.function):
            return _Block(call, self.body(*arguments, **named))
        with call.emitting():
            result = self.body(*arguments, **named)
        return call.result(result)


_running: list[_Call] = []
"""The calls whose code is being written, the innermost last."""


def called_at() -> Moment:
    """Return from where the code in place that is being written is called: `.source` is the line,
    `.span` the expression in it. Errors: outside of `@inline` code."""
    if not _running or _running[-1].moment is None:
        raise PlaceMistake(
            "`called_at()` outside of code in place",
            expected="a method or function marked `@inline`",
            got="code that nobody has called",
        )
    return _running[-1].moment


_GENERAL = (RegisterKind.GENERAL, RegisterKind.HIGH_BYTE)


class _Call:
    """A call of an inline function, in a routine's code."""

    def __init__(
        self,
        inline: _Inline,
        builder: RoutineBuilder,
        given: dict[str, object],
        moment: Moment | None,
    ) -> None:
        self.inline = inline
        self.builder = builder
        self.given = given
        self.moment = moment
        self.named = {
            register.number: name
            for name, value in given.items()
            for one in (value if isinstance(value, tuple) else (value,))
            for register in registers_in(one)
        }
        self.has_emitted = False
        self.results: list[Role] = []
        self.results_in: list[tuple[int, TypeMeta]] = []
        """The registers of all results, by their numbers, with what is said of these."""
        self.taken: list[Role] = []
        """The roles that the code takes; behind a block it has their registers still."""

    def check(self) -> None:
        """Raise a mistake unless the arguments fit the parameters, and lie where they remain."""
        self._check_links()
        for name, value in self.given.items():
            kind = self.inline.hints.get(name)
            if _is_checked(kind) and (_is_value(value) or is_named(kind)):
                check_argument(self.inline.name, Parameter(name, kind, None), value)
        for register in self.inline.registers:
            needed = self.named.get(register.number)
            if needed is not None and needed not in self.inline.changed_parameters:
                raise self._overwritten(needed, register)

    def _check_links(self) -> None:
        """Raise a mistake where links are given that do not link the same things."""
        hints = self.inline.hints
        pairs = (
            (text_given(value), type_given(value))
            for name, value in self.given.items()
            if name == "self" or link_behind(hints.get(name)) is not None
        )
        common_elements(self.inline.name, pairs)

    def typed(self, name: str, value: object) -> object:
        """`value` as the body sees it: a machine register has the type of the parameter `name`."""
        kind = self.inline.hints.get(name)
        if isinstance(value, RegisterOperand) and value._role is None and _is_checked(kind):
            return value._seen_as(kind)
        return value

    def _overwritten(self, name: str, register: Register) -> Mistake:
        value, text = self.given[name], described(self.given[name])
        if isinstance(value, MemoryOperand):
            text += f", which is found by {register.name}"
        elif text != register.name:
            text += f", which is in {register.name}"
        return RegisterMistake(
            f"`{self.inline.name}` changes {register.name}, which its `{name}` needs",
            expected=f"`{name}` in a register that it leaves alone",
            got=text,
            fix="`scratch(…)` or `keep(…)` puts a copy into another register",
        )

    @contextmanager
    def emitting(self) -> Iterator[None]:
        """Emit inside; note for the checker which registers may change there."""
        builder, start, roles = self.builder, len(self.builder.items), len(self.builder.roles)
        arguments = {
            one: builder.holders.get(one.number)
            for one in self.inline.registers
            if one.number in self.named
        }
        builder.clobber(one for one in self.inline.registers if one not in arguments)
        told = len(reported())
        _running.append(self)
        try:
            yield
        except Mistake as mistake:
            self._name_call(mistake)
            raise
        finally:
            _running.pop()
            for one in reported()[told:]:
                self._name_call(one)
        # Arguments live until here: what is taken inside must not lie in their registers
        builder.clobber(
            one
            for one, role in arguments.items()
            if role and builder.holders.get(one.number) is role
        )
        self.taken += [one for one in builder.roles[roles:] if one.kind in ("keep", "scratch")]
        registers = (*self.inline.registers, *(one.register for one in self.taken))
        free = {one.number for one in registers}
        free |= {n for n, name in self.named.items() if name in self.inline.changed_parameters}
        lines = [one for one in map(_line, builder.items[start:]) if one is not None]
        self.has_emitted = bool(lines)
        self.results = []
        if lines:
            name, named, changed = self.inline.name, self.named, frozenset(free)
            self.results_in = []
            code = InlineCode(
                *(name, changed, named, lines[0], lines[-1]), self.results, self.results_in
            )
            builder.inlined.append(code)

    def _name_call(self, mistake: Mistake) -> None:
        """Show in a mistake of the body the line that calls this; one that is told at the call, or
        further out, needs no more."""
        innermost = mistake.notes[-1].span if mistake.notes else mistake.span
        place = None if self.moment is None else self.moment.span
        if place is not None and innermost is not None and self.inline.has(innermost.source):
            mistake.notes += (Note(place, "called here"),)

    def result(self, value: Any) -> Any:
        """Return `value`, which the body gave, as what the annotation says."""
        wanted = self.inline.hints["return"]
        if wanted is None or wanted is type(None):
            if value is not None:
                raise self._misfit("nothing", value)
            return None
        if get_origin(wanted) is tuple and isinstance(value, tuple):
            kinds = get_args(wanted)
            if len(kinds) == len(value):
                return tuple(map(self._one, kinds, value))
        return self._one(wanted, value)

    def _one(self, wanted: object, value: Any) -> Any:
        if isinstance(wanted, type) and issubclass(wanted, Condition):
            if not isinstance(value, Condition):
                raise self._misfit("a condition", value)
            return self._condition(value)
        if not _is_checked(wanted):
            return value
        if not isinstance(value, Operand | int | AddressOperand):
            raise self._misfit(name_of(wanted), value)
        self._check_fits(wanted, value)
        if isinstance(value, RegisterOperand):
            self.results_in.append((value._register.number, wanted))
        if isinstance(value, RegisterOperand) and value._role is None:
            return self._named_result(value, wanted) if self.has_emitted else value._seen_as(wanted)
        if isinstance(value, RegisterOperand) and value._role in self.taken:
            value._role.caller = self.moment
        return value

    def _check_fits(self, wanted: TypeMeta, value: object) -> None:
        try:
            check_argument(self.inline.name, Parameter("the result", wanted, None), value)
        except Mistake as mistake:
            raise self._misfit(name_of(wanted), value) from mistake

    def _condition(self, value: Condition) -> Condition:
        """`value`, which holds only until something else is emitted if it was computed first."""
        end = len(self.builder.items)
        return Computed(value, self.inline.name, end) if self.has_emitted else value

    def _named_result(self, value: RegisterOperand, wanted: TypeMeta) -> RegisterOperand:
        """A machine register with the result, as the caller's name for it."""
        role = Role("inline", value._register, wanted, moment=self.moment)
        self.builder.assign(role)
        self.builder.results.append(role)
        self.results.append(role)
        return RegisterOperand(value._register, wanted, role, value._values)

    def _misfit(self, wanted: str, value: object) -> CallMistake:
        return CallMistake(
            f"`{self.inline.name}` states another result than it gives",
            expected=wanted,
            got=f"{described(value)}: {value._kind!r}"
            if isinstance(value, Operand)
            else described(value),
            span=line_span(self.inline.declared),
        )


def _line(item: object) -> Line | None:
    """The instruction that an item of code is or, where a function is left, ends with."""
    found = item.last if isinstance(item, Exit) else item
    return found if isinstance(found, Line) else None


def _is_value(value: object) -> bool:
    return isinstance(value, Operand | int | AddressOperand)


def _is_checked(kind: Any) -> TypeGuard[TypeMeta]:
    """Whether `kind` is a type of what registers hold that is known in full."""
    if not isinstance(kind, TypeMeta) or is_struct(kind) or kind._size not in (1, 2, 4, 8):
        return False
    return isinstance(getattr(kind, "_target", kind), TypeMeta)


class _Block(AbstractContextManager[Any]):
    """What an inline function with a `yield` gives: code before a block and behind it."""

    def __init__(self, call: _Call, block: AbstractContextManager[Any]) -> None:
        self.call = call
        self.block = block
        call.builder.open_words.append(self)

    def forgotten(self) -> Mistake:
        """The mistake of never having been entered."""
        return forgotten_with(self.call.inline.name, self.call.moment)

    def __enter__(self) -> Any:
        self.call.builder.open_words.remove(self)
        with self.call.emitting():
            value = self.block.__enter__()
        return self.call.result(value)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        if kind is not None:
            return self.block.__exit__(kind, error, trace)
        with self.call.emitting():
            return self.block.__exit__(kind, error, trace)


@overload
def inline(body: Callable[P, R]) -> Callable[P, R]: ...
@overload
def inline(*, changes: object = ()) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def inline(body: Callable[..., Any] | None = None, *, changes: object = ()) -> Any:
    """Mark a method or function that emits code where it is called, above `@contextmanager` too.

    `changes`: the registers that differ behind it from what they were before, and the names of
    parameters whose registers do. Flags do always; the registers of roles that are taken inside
    were free. The checker holds the code to it (E017).
    """

    def decorate(body: Callable[..., Any]) -> Callable[..., Any]:
        check_decorated("inline", body)
        stated = _Inline(body, changes)

        @wraps(body)
        def call(*arguments: object, **named: object) -> Any:
            return stated.call(arguments, named)

        return call

    return decorate if body is None else decorate(body)
