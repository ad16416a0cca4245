"""Kinds of code: `@function`, `@interrupt`, `@naked`, `@entry`, `@emits`, and `stub`."""

from __future__ import annotations

import difflib
import linecache
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from inspect import CO_VARARGS, CO_VARKEYWORDS
from inspect import signature as python_signature
from typing import (
    Any,
    Generic,
    Never,
    NoReturn,
    ParamSpec,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)
from typing import cast as typing_cast

from pykasm.errors import DeclarationMistake, Mistake, PlaceMistake, report
from pykasm.isa.registers import Register
from pykasm.lang.allowances import allowances_of
from pykasm.lang.annotations import evaluated
from pykasm.lang.builder import BranchOperand, building, is_building, line_span
from pykasm.lang.calls import call_function, laid_out
from pykasm.lang.locking import NO_LOCKS, LockContract, found_locks
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.piece import (
    CALLER_SAVED,
    RESULTS,
    Context,
    Kind,
    Parameter,
    PieceBuilder,
    Signature,
)
from pykasm.lang.reference import SymbolReference
from pykasm.lang.role import Role
from pykasm.lang.types import TypeMeta, Void
from pykasm.lang.unit import Unit
from pykasm.lang.word import forgotten_with, report_forgotten
from pykasm.objects.debug import EntryFrame
from pykasm.source import Moment, Source, Span, author_frame, moment_of

P = ParamSpec("P")
R = TypeVar("R")

TEXT, INIT_TEXT, BOOT_TEXT = ".text", ".init.text", ".boot.text"


@dataclass(frozen=True, slots=True)
class Traits:
    """What a decorator says of a function."""

    kind: Kind
    bits: int = 64
    section: str = TEXT
    exported: bool = False
    entered: EntryFrame = EntryFrame.CALL
    pushed: int = 0
    stack: int = 0
    allow: Mapping[str, str] | None = None
    recursion: int = 0
    interruptible: int = 0
    copies_user: bool = False
    sleeps: bool = False
    context: Context | None = None
    locks: LockContract = NO_LOCKS
    clobbers: tuple[Register, ...] | None = None


class Function(Generic[R]):
    """A method that is code. Through an instance it becomes the function of that subsystem."""

    def __init__(self, body: Callable[..., R], traits: Traits) -> None:
        self.body = body
        self.traits = traits
        self.__doc__ = body.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Function[R]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> BoundFunction[R]: ...
    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            return self
        made: BoundFunction[R] = BoundFunction(self, instance)
        instance.__dict__[self.name] = made
        return made

    @cached_property
    def declared(self) -> Source:
        """The line of the `def`."""
        code = self.body.__code__
        return Source(code.co_filename, code.co_firstlineno + _decorator_lines(self.body))

    def signature(self) -> Signature:
        """Parameters and results, from the annotations."""
        names, hints = _annotated(self.body)
        named = [(name, self._type(name, hints.get(name))) for name in names[1:]]
        self._check_shape()
        result = hints.get("return")
        if result in (NoReturn, Never):
            return Signature(laid_out(named), never_returns=True)
        return Signature(laid_out(named), self._results(result), clobbers=self.traits.clobbers)

    def _check_shape(self) -> None:
        """Raise a mistake for parameters that no call of the machine's has."""
        code, body = self.body.__code__, self.body
        if _states_another_signature(body):
            return
        has_defaults = body.__defaults__ or body.__kwdefaults__
        if has_defaults or code.co_kwonlyargcount or code.co_flags & _ANY_NUMBER:
            raise DeclarationMistake(
                f"`{self.name}` has parameters that code can't have",
                expected="parameters by position, each with its type",
                got="a default value" if has_defaults else "`*`",
                span=line_span(self.declared),
            )

    def _type(self, name: str, hint: object) -> TypeMeta:
        if isinstance(hint, TypeMeta) and hint._size in (1, 2, 4, 8):
            return hint
        fix = f"`{name}: Ptr[{hint.__name__}]`" if isinstance(hint, TypeMeta) else ""
        raise DeclarationMistake(
            f"`{name}` of `{self.name}` can't be passed in a register",
            expected="an integer or pointer type",
            got="no annotation" if hint is None else getattr(hint, "__name__", str(hint)),
            fix=fix,
            span=line_span(self.declared),
        )

    def _results(self, hint: object) -> tuple[TypeMeta, ...]:
        if hint is None or hint is type(None):
            return ()
        kinds = get_args(hint) if get_origin(hint) is tuple else (hint,)
        if len(kinds) > len(RESULTS):
            raise DeclarationMistake(
                f"`{self.name}` has {len(kinds)} results",
                expected="at most two, in rax and rdx",
                got=", ".join(getattr(one, "__name__", str(one)) for one in kinds),
                fix="write the others to memory whose address the caller gives",
                span=line_span(self.declared),
            )
        return tuple(self._type("the result", one) for one in kinds)


_ANY_NUMBER = CO_VARARGS | CO_VARKEYWORDS


def _states_another_signature(body: Callable[..., object]) -> bool:
    """Whether `body` is a wrapper, or has attributes that tell its signature."""
    return bool(body.__dict__)


def _annotated(body: Callable[..., object]) -> tuple[Sequence[str], dict[str, object]]:
    """The names of the parameters of `body`, and its annotations, text evaluated in its module.

    `inspect.signature` does this and much else that hardly any body needs, in ten times the time.
    """
    code = body.__code__
    others = code.co_kwonlyargcount or code.co_flags & _ANY_NUMBER
    if _states_another_signature(body) or others:
        return list(python_signature(body).parameters), get_type_hints(body)
    hints = evaluated(body.__annotations__, body.__globals__)
    return code.co_varnames[: code.co_argcount], hints


def _decorator_lines(body: Callable[..., object]) -> int:
    """How many lines stand between the first decorator and the `def` of `body`."""
    first, lines = body.__code__.co_firstlineno, linecache.getlines(body.__code__.co_filename)
    below = range(first - 1, len(lines))
    starts = (at for at in below if lines[at].lstrip().startswith("def "))
    return next(starts, first - 1) - (first - 1)


class BoundFunction(Generic[R]):
    """A function of one subsystem: a symbol; calling it inside code emits a call."""

    def __init__(self, function: Function[R], owner: Any) -> None:
        self._function = function
        self._owner = owner
        self._signature = function.signature()

    def __call__(self, *arguments: object) -> R:
        """Emit a call with these arguments; the operand that holds the result."""
        if not is_building():
            raise PlaceMistake(
                f"`{self._label}` is called outside of any code",
                expected="a call inside a function's body",
                got="Python that runs while nothing is being assembled",
                fix="tests call it through `Host.call`",
            )
        return typing_cast(R, call_function(self, arguments))

    def __repr__(self) -> str:
        return self._label

    @cached_property
    def _label(self) -> str:
        return f"{self._owner._unit_name()}.{self._function.name}"

    def _symbol_name(self) -> str:
        return self._label

    @property
    def _is_physical(self) -> bool:
        return self._function.traits.section == BOOT_TEXT

    @property
    def _symbol_reference(self) -> SymbolReference:
        return SymbolReference(self._symbol_name)

    @cached_property
    def _branch(self) -> BranchOperand:
        bits = self._function.traits.bits
        return BranchOperand(self._symbol_reference, self._label, self, bits)

    def _as_operand(self, mnemonic: str) -> object:
        if mnemonic == "lea":
            return MemoryOperand(Void, reference=self._symbol_reference, name=self._label)
        return self._branch


def _decorator(*traits: Any, **more: Any) -> Any:
    def decorate(body: Callable[..., R]) -> Function[R]:
        return Function(body, Traits(*traits, **more))

    return decorate


@overload
def function(body: Callable[..., R]) -> Function[R]: ...
@overload
def function(
    *,
    init: bool = False,
    exported: bool = False,
    copies_user: bool = False,
    sleeps: bool = False,
    context: Context | None = None,
    holds: str | tuple[str, ...] = (),
    acquires: str | tuple[str, ...] = (),
    releases: str | tuple[str, ...] = (),
    recursion: int = 0,
    interruptible: int = 0,
    clobbers: Iterable[object] | None = None,
    allow: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., R]], Function[R]]: ...
def function(
    body: Callable[..., R] | None = None,
    *,
    init: bool = False,
    exported: bool = False,
    copies_user: bool = False,
    sleeps: bool = False,
    context: Context | None = None,
    holds: str | tuple[str, ...] = (),
    acquires: str | tuple[str, ...] = (),
    releases: str | tuple[str, ...] = (),
    recursion: int = 0,
    interruptible: int = 0,
    clobbers: Iterable[object] | None = None,
    allow: Mapping[str, str] | None = None,
) -> Any:
    """A function by the System V convention, with a frame pointer.

    `init`: only starting up calls it, and its memory is given back. `exported`: something
    outside of the image (a debugger, a test) uses it, so nothing warns that it is unreachable.
    `copies_user`: a copy routine, which may follow the pointers that programs give (`User[T]`).
    `sleeps`: it may let other threads run before it returns; what calls it is known to sleep too.
    `context`: where it runs, which the checker holds its callers to. `"thread"`: where interrupts
    may be on; `"interrupt"`: in handlers of interrupts; `"deferred"`: behind those, with interrupts
    on, where nothing may sleep; `"interrupts off"`: wherever they are off; `"any"`: everywhere.
    `holds`: the locks that its callers hold, as paths from `self` or from a parameter
    (`"cache.lock"`), or by name (`"RunQueue.lock"`). `acquires`: locks that it takes and leaves
    held. `releases`: locks that it is entered with, and releases. `recursion`: how often it may be
    entered before it returns, where it calls itself, by whatever way. `interruptible`: how often
    at once a processor may be in it, where interrupts lead to it and it turns them on. `clobbers`:
    the caller-saved registers that it may change beside those of its results, so that callers can
    go on using the others; all, if nothing is stated. `allow`: exceptions from the checker's rules,
    as reasons by rules.
    """
    if context not in (None, *get_args(Context)):
        near = difflib.get_close_matches(str(context), get_args(Context), n=1)
        raise DeclarationMistake(
            f"there is no context `{context}`",
            expected="one of " + ", ".join(get_args(Context)),
            got=repr(context),
            fix=f"did you mean `{near[0]}`?" if near else "",
        )
    if sleeps and context in ("any", "deferred", "interrupt"):
        raise DeclarationMistake(
            f'`context="{context}"` means that nothing sleeps',
            expected='`sleeps=True` with `context="thread"`, or none',
            got=f'`sleeps=True` with `context="{context}"`',
        )
    section = INIT_TEXT if init else TEXT
    made = _decorator(
        Kind.FUNCTION,
        section=section,
        exported=exported,
        copies_user=copies_user,
        sleeps=sleeps,
        context=context,
        locks=LockContract(_paths(holds), _paths(acquires), _paths(releases)),
        recursion=recursion,
        interruptible=interruptible,
        clobbers=None if clobbers is None else tuple(map(_clobbered, clobbers)),
        allow=allow,
    )
    return made(body) if body is not None else made


def _clobbered(register: object) -> Register:
    """A register in `clobbers=`, or a mistake if it is none that calls change."""
    found = register._register if isinstance(register, RegisterOperand) else None
    if found in CALLER_SAVED:
        return found
    raise DeclarationMistake(
        "`clobbers` takes registers that calls may change",
        expected="some of " + ", ".join(one.name for one in CALLER_SAVED),
        got=found.name if found is not None else repr(register),
    )


def interrupt(body: Callable[..., R]) -> Function[R]:
    """A handler that the processor enters through a gate: saves all it may change, ends by iretq.

    `def tick(self, frame: Ptr[InterruptFrame])` gets the address of what the processor pushed;
    a second parameter of type U64 is the error code, for vectors that push one.
    """
    made: Function[R] = _decorator(Kind.INTERRUPT)(body)
    return made


@overload
def naked(body: Callable[..., R]) -> Function[R]: ...
@overload
def naked(
    *,
    bits: int = 64,
    boot: bool = False,
    exported: bool = False,
    entered: EntryFrame = EntryFrame.CALL,
    pushed: int = 0,
    stack: int = 0,
    allow: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., R]], Function[R]]: ...
def naked(
    body: Callable[..., R] | None = None,
    *,
    bits: int = 64,
    boot: bool = False,
    exported: bool = False,
    entered: EntryFrame = EntryFrame.CALL,
    pushed: int = 0,
    stack: int = 0,
    allow: Mapping[str, str] | None = None,
) -> Any:
    """Code without prologue and epilogue; `boot` links it at its physical address.

    `entered` says what is on the stack when it is entered, and `pushed` how many bytes lie above
    that: a debugger unwinds from there. `stack`: it begins on a stack of its own, of so many bytes.
    `allow`: exceptions from the checker's rules, as reasons by rules.
    """
    section = BOOT_TEXT if boot else TEXT
    made = _decorator(Kind.NAKED, bits, section, exported, entered, pushed, stack, allow)
    return made(body) if body is not None else made


def entry(*, bits: int = 64) -> Callable[[Callable[..., R]], Function[R]]:
    """Where a loader jumps to: code without a frame, linked at its physical address."""
    made: Callable[[Callable[..., R]], Function[R]]
    made = _decorator(Kind.ENTRY, bits, BOOT_TEXT, True, EntryFrame.NONE)
    return made


class Emits:
    """A method that runs once a build and makes stubs."""

    def __init__(self, body: Callable[[Any], None]) -> None:
        self.body = body
        self.__doc__ = body.__doc__

    def __get__(self, instance: object, owner: type) -> Any:
        return self


def emits(body: Callable[[Any], None]) -> Any:
    """Mark a method that makes code with `stub`, in loops or by tables: it runs once a build."""
    return Emits(body)


class Assembly:
    """The writing of all code of one unit."""

    def __init__(self, unit: Unit, owner: Any) -> None:
        self.unit = unit
        self.owner = owner

    def run(self) -> None:
        """Run every body of the owner, in the order of its class, collecting mistakes."""
        for name, member in _members(type(self.owner)):
            if isinstance(member, Function):
                self._write(getattr(self.owner, name))
            elif isinstance(member, Emits):
                _collected(partial(member.body, self.owner), member.body)
        for moment in self.unit.forgotten:
            report(forgotten_with("stub", moment))

    def _write(self, bound: BoundFunction[Any]) -> None:
        function, traits = bound._function, bound._function.traits
        builder = PieceBuilder(
            self.unit,
            bound._label,
            traits.kind,
            traits.bits,
            bound._signature,
            function.body.__code__,
            function.declared,
        )
        operands = _parameters(builder, bound._signature)
        builder.allowances += allowances_of(traits.allow or {}, function.declared)
        with building(builder):
            complete = _collected(lambda: function.body(self.owner, *operands), function.body)
            _finish(builder, complete)
        piece = builder.piece(
            traits.section,
            entered=_entered(builder, traits),
            pushed=traits.pushed,
            stack=traits.stack,
            recursion=traits.recursion,
            interruptible=traits.interruptible,
            exported=traits.exported,
            sleeps=traits.sleeps,
            context=traits.context,
            locks=_locks(bound),
            copies_user=traits.copies_user,
            doc=function.__doc__ or "",
        )
        self.unit.pieces.append(piece)


def _paths(paths: str | tuple[str, ...]) -> tuple[str, ...]:
    return (paths,) if isinstance(paths, str) else paths


def _locks(bound: BoundFunction[Any]) -> LockContract:
    """The locks that a function states, by their names; a wrong path is reported."""
    function = bound._function
    parameters = {one.name: one.type for one in bound._signature.parameters}
    try:
        return found_locks(function.traits.locks, bound._owner, parameters)
    except Mistake as mistake:
        mistake.span = line_span(function.declared)
        report(mistake)
        return NO_LOCKS


def _members(owner: type) -> Iterator[tuple[str, object]]:
    """Methods of `owner` and its bases in the order of the source, overridden ones once."""
    names: dict[str, object] = {}
    for one in reversed(owner.__mro__):
        names.update(vars(one))
    yield from names.items()


def _finish(builder: PieceBuilder, complete: bool) -> None:
    report_forgotten(builder)
    if complete:
        _collected(builder.finish, None)


def _entered(builder: PieceBuilder, traits: Traits) -> EntryFrame:
    if builder.kind is not Kind.INTERRUPT:
        return traits.entered
    return EntryFrame.INTERRUPT_WITH_ERROR if builder.error_code else EntryFrame.INTERRUPT


def _parameters(builder: PieceBuilder, signature: Signature) -> list[object]:
    error_code = builder.kind is Kind.INTERRUPT and len(signature.parameters) > 1
    builder.error_code = error_code
    return [_parameter(builder, one, number) for number, one in enumerate(signature.parameters)]


def _parameter(builder: PieceBuilder, parameter: Parameter, number: int) -> object:
    from pykasm.lang.piece import RBP, SLOT

    if parameter.register is None:
        above = 2 * SLOT + (number - 6) * SLOT
        return MemoryOperand(parameter.type, base=RBP, displacement=above, name=parameter.name)
    role = Role("parameter", parameter.register, parameter.type, parameter.name)
    builder.assign(role)
    return RegisterOperand(parameter.register, parameter.type, role)


def _collected(run: Callable[[], object], body: Callable[..., object] | None) -> bool:
    """Run author's code; report the mistake that ends it. Whether it came to its end."""
    try:
        run()
    except Mistake as mistake:
        report(mistake)
        return False
    except Exception as error:
        place = _author_place(error)
        if place is None:
            raise
        report(_python_mistake(error, place))
        return False
    return True


class PythonMistake(Mistake):
    """An exception that Python raised in the author's code."""

    kind = "python"


def _author_place(error: Exception) -> Span | None:
    """Where in the author's code `error` came from, unless pykasm itself raised it."""
    from pykasm.source import is_library

    trace = error.__traceback__
    last = None
    while trace is not None:
        if not is_library(trace.tb_frame):
            last = trace
        trace = trace.tb_next
    if last is None:
        return None
    return Moment(last.tb_frame.f_code, last.tb_lasti, last.tb_lineno).span


def _python_mistake(error: Exception, place: Span) -> Mistake:
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, AttributeError) and _is_assigned(place):
        return PythonMistake(
            what, fix=f"`mov({place.text}, …)` writes it when the code runs", span=place
        )
    return PythonMistake(what, span=place)


def _is_assigned(place: Span) -> bool:
    """Whether an assignment of Python's stands right behind the expression."""
    rest = place.source.text[place.end :].lstrip()
    return rest.startswith("=") and not rest.startswith("==")


def stub(
    name: str, *, bits: int = 64, entered: EntryFrame = EntryFrame.CALL, stack: int = 0
) -> AbstractContextManager[BranchOperand]:
    """A piece of code without a frame, named `name` in its subsystem, made inside `@emits`.

    `entered` says what is on the stack when it is entered; with `stack`, that is one of its own of
    so many bytes. The value is the stub as an operand, for jumps and tables.
    """
    unit = _current_unit()
    frame = author_frame()
    assert frame is not None
    declared = Source(frame.f_code.co_filename, frame.f_lineno)
    builder = PieceBuilder(
        unit, f"{unit.name}.{name}", Kind.NAKED, bits, Signature(), frame.f_code, declared
    )
    moment = moment_of(frame)
    unit.forgotten.append(moment)
    traits = {"entered": entered, "stack": stack}
    return _written(builder, stub_address(unit.name, name, bits), traits, moment)


@contextmanager
def _written(
    builder: PieceBuilder, address: BranchOperand, traits: dict[str, Any], moment: Moment
) -> Iterator[BranchOperand]:
    builder.unit.forgotten.remove(moment)
    with building(builder):
        yield address
        _finish(builder, True)
    builder.unit.pieces.append(builder.piece(TEXT, **traits))


def stub_address(owner: str, name: str, bits: int | None = None) -> BranchOperand:
    """The stub `name` of the subsystem called `owner`, as an operand or an initial value."""
    symbol = f"{owner}.{name}"
    return BranchOperand(SymbolReference(lambda: symbol), symbol, bits=bits)


_units: list[Unit] = []


@contextmanager
def assembling(unit: Unit) -> Iterator[None]:
    """Let stubs inside belong to `unit`."""
    _units.append(unit)
    try:
        yield
    finally:
        _units.pop()


def _current_unit() -> Unit:
    if not _units:
        raise PlaceMistake(
            "`stub` outside of a method marked `@emits`",
            expected="`@emits` above the method that makes stubs",
            got="Python that runs while nothing is being assembled",
        )
    return _units[-1]
