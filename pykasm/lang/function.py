"""Methods that are code: their signatures, and what a subsystem makes of them."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from inspect import CO_VARARGS, CO_VARKEYWORDS
from inspect import signature as python_signature
from types import MethodType
from typing import (
    Any,
    Generic,
    Never,
    NoReturn,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)
from typing import cast as typing_cast

from pykasm.errors import (
    CallMistake,
    ConditionMistake,
    DeclarationMistake,
    Mistake,
    PlaceMistake,
    placed_at,
)
from pykasm.guesses import did_you_mean
from pykasm.isa.registers import Register
from pykasm.lang.annotations import annotations_of, is_any_of, known_types
from pykasm.lang.builder import is_building
from pykasm.lang.calls import call_function, refuse_handler
from pykasm.lang.context import Context
from pykasm.lang.convention import (
    ARGUMENTS,
    RESULTS,
    SLOT,
    Kind,
    Signature,
    laid_out,
)
from pykasm.lang.instances import check_instance
from pykasm.lang.kept import Kept
from pykasm.lang.locking import NO_LOCKING, NO_LOCKS, LockContract, LockingCall
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.reference import SymbolReference
from pykasm.lang.structs import fits_register, resolved
from pykasm.lang.symbolic import BranchOperand
from pykasm.lang.types import Ptr, TypeMeta, Void, is_pointer, named_arguments
from pykasm.mentions import names_known_in
from pykasm.objects.debug import EntryFrame
from pykasm.source import Source, line_span

R = TypeVar("R")

TEXT, INIT_TEXT, BOOT_TEXT = ".text", ".init.text", ".boot.text"


@dataclass(frozen=True, slots=True)
class CodeOptions:
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
    moves: bool = False
    context: Context | None = None
    locks: LockContract = NO_LOCKS
    locking: LockingCall = NO_LOCKING
    clobbers: tuple[Register, ...] | None = None


class Outside:
    """Where a function stands that is in no class."""


class Function(Generic[R]):
    """A method that is code. Through an instance it becomes the function of that subsystem."""

    def __init__(self, body: Callable[..., R], options: CodeOptions) -> None:
        self.body = body
        self.options = options
        self.owner: type = Outside
        self.name = body.__name__
        self.__doc__ = body.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.owner = owner

    def __call__(self, *_: object, **__: object) -> Never:
        """Point out that only a function of an object can be called."""
        owner = self.owner.__name__
        is_method = self.owner is not Outside
        raise CallMistake(
            f"`{self.name}` is called without the object that it belongs to",
            expected=f"a call on an instance of `{owner}`" if is_method else "a method",
            got=f"`{owner}.{self.name}`, of the class" if is_method else "a function in no class",
            fix=f"`{owner}(…)` makes an instance" if is_method else "put it into a subsystem",
        )

    @overload
    def __get__(self, instance: None, owner: type) -> Function[R]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> BoundFunction[R]: ...
    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            return self
        if getattr(type(instance), self.name, self) is not self:
            raise self._replaced(type(instance))
        made: BoundFunction[R] = BoundFunction(self, instance)
        instance.__dict__[self.name] = made
        return made

    def _replaced(self, by: type) -> DeclarationMistake:
        return DeclarationMistake(
            f"`{by.__name__}.{self.name}` takes the place of `{self.owner.__name__}.{self.name}`",
            expected="one function of a name in a subsystem",
            got=f"the `{self.name}` of the class that `{by.__name__}` extends",
            fix="put what both need into a function of another name, and call that",
        )

    @cached_property
    def declared(self) -> Source:
        """The line of the `def`."""
        code = self.body.__code__
        return Source(code.co_filename, code.co_firstlineno + _decorator_lines(self.body))

    def signature(self) -> Signature:
        """Parameters and results, from the annotations."""
        with placed_at(lambda: line_span(self.declared)):
            names, hints = _annotated(self.body)
        kept = [name for name in names[1:] if isinstance(hints.get(name), Kept)]
        self._check_self(names, hints)
        self._check_kept(kept)
        hints = {name: resolved(hint, self.body.__globals__) for name, hint in hints.items()}
        named = [(name, self._type(name, _type_behind(hints.get(name)))) for name in names[1:]]
        self._check_shape()
        self._check_convention([kind for _, kind in named])
        result = hints.get("return")
        never = is_any_of(result, NoReturn, Never)
        return Signature(
            laid_out(named, kept),
            () if never else self._results(result),
            never_returns=never,
            clobbers=None if never else self.options.clobbers,
            by_processor=self.options.kind is Kind.INTERRUPT,
            bits=self.options.bits,
        )

    def write(self, owner: object, operands: Iterable[object]) -> object:
        """Write the code for `owner`, with parameters in `operands`; what the body gives Python."""
        return self.body(owner, *operands)

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

    def _check_kept(self, kept: Sequence[str]) -> None:
        """Raise a mistake for parameters to be kept in code whose prologue saves no registers."""
        if kept and self.options.kind not in (Kind.FUNCTION, Kind.INTERRUPT):
            raise DeclarationMistake(
                f"`{kept[0]}` can't be kept in code without a frame",
                expected="`@function` or `@interrupt`, whose prologue saves the register",
                got=f"`Keep[…]` in `@{self.options.kind.value}`",
                fix="name the type alone",
                span=line_span(self.declared),
            )

    def _check_convention(self, kinds: Sequence[TypeMeta]) -> None:
        """Raise a mistake for parameters that nobody passes to code of this kind."""
        kind, bits = self.options.kind, self.options.bits
        found = expected = fix = ""
        if kind is Kind.INTERRUPT:
            found = _wrong_in_handler(kinds)
            expected = "the address of the frame, and the error code where the vector has one"
            fix = "`frame: Ptr[InterruptFrame], code: U64`"
        elif kinds and kind is Kind.ENTRY:
            found, expected = "parameters, which no loader passes", "none"
            fix = "read what the loader leaves in registers by their names"
        elif kinds and bits != 64:
            found, expected = f"parameters in {bits}-bit code", "none"
            fix = "pass values in registers that you name"
        elif len(kinds) > len(ARGUMENTS) and kind is Kind.NAKED:
            found, expected = f"{len(kinds)}", "at most six: there is no frame to find others by"
            fix = "read the others from where rsp points to"
        if found:
            raise DeclarationMistake(
                f"`{self.name}` has parameters that `@{kind.value}` code can't have",
                expected=expected,
                got=found,
                fix=fix,
                span=line_span(self.declared),
            )

    def _check_self(self, names: Sequence[str], hints: Mapping[str, object]) -> None:
        """Raise a mistake unless the first parameter is the object that the code belongs to."""
        if not names or isinstance(hints.get(names[0]), TypeMeta | Kept):
            raise DeclarationMistake(
                f"`{self.name}` has no `self`",
                expected="the object that the code belongs to as the first parameter",
                got=f"`{names[0]}`, with a type of the machine" if names else "no parameters",
                fix=f"`def {self.name}(self, …)`",
                span=line_span(self.declared),
            )

    def _type(self, name: str, hint: object) -> TypeMeta:
        if isinstance(hint, TypeMeta) and fits_register(hint):
            return hint
        fix, target = "", getattr(hint, "_target", None)
        if isinstance(target, str):
            fix = did_you_mean(target, names_known_in(self.body.__globals__))
        elif isinstance(hint, TypeMeta):
            wanted = f"Ptr[{hint.__name__}]" if hint._host is None else repr(hint._host)
            fix = f"`{name}: {wanted}`"
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


def _wrong_in_handler(kinds: Sequence[TypeMeta]) -> str:
    """What is wrong with the parameters of an interrupt handler."""
    if len(kinds) > len(_PUSHED):
        return f"{len(kinds)} of them"
    if kinds and not issubclass(kinds[0], Ptr):
        return f"{kinds[0]!r} for the address of the frame"
    if len(kinds) == len(_PUSHED) and (kinds[1]._size != SLOT or is_pointer(kinds[1])):
        return f"{kinds[1]!r} for the error code"
    return ""


_PUSHED = ("the frame", "the error code")
"""What a processor leaves on the stack for a handler (AMD64 APM vol. 2, 8.9.3)."""


def _type_behind(hint: object) -> object:
    return hint.type if isinstance(hint, Kept) else hint


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
    hints = known_types(annotations_of(body), body.__globals__)
    return code.co_varnames[: code.co_argcount], hints


def _decorator_lines(body: Callable[..., object]) -> int:
    """How many lines stand between the first decorator and the `def` of `body`."""
    first, lines = body.__code__.co_firstlineno, linecache.getlines(body.__code__.co_filename)
    below = range(first - 1, len(lines))
    starts = (at for at in below if lines[at].lstrip().startswith("def "))
    return next(starts, first - 1) - (first - 1)


def no_function(what: str, value: object, mistake: type[Mistake] = DeclarationMistake) -> Mistake:
    """The `mistake` of giving another `value` where only a function of a subsystem will do."""
    got, fix = repr(value), ""
    if isinstance(value, Function):
        got = f"`{value.name}` of the class"
        fix = f"make an instance, and name its function: `it.{value.name}`"
    elif isinstance(value, MethodType):
        got = f"`{value.__name__}`, a plain method: Python, with no code of its own"
        fix = "mark it with `@function`, `@naked` or `@entry()`"
    elif hasattr(value, "_unit_name"):
        got = f"a whole {type(value).__name__}"
        fix = "name one of its functions"
    return mistake(what, expected="`subsystem.function`", got=got, fix=fix)


class BoundFunction(Generic[R]):
    """A function of one subsystem: a symbol; calling it inside code emits a call."""

    def __init__(self, function: Function[R], owner: Any) -> None:
        self._function = function
        self._owner = owner
        self._signature = function.signature()

    def __call__(self, *arguments: object, **named: object) -> R:
        """Emit a call with these arguments; the operand that holds the result."""
        if named:
            takes = ", ".join(f"{one.name}: {one.type!r}" for one in self._signature.parameters)
            raise named_arguments(self._label, named, f"{self._label}({takes})")
        if not is_building():
            raise PlaceMistake(
                f"`{self._label}` is called outside of any code",
                expected="a call inside a function's body",
                got="Python that runs while nothing is being assembled",
                fix="tests call it through `Host.call`",
            )
        return typing_cast(R, call_function(self, arguments))

    def __bool__(self) -> bool:
        if not is_building():
            return True
        raise ConditionMistake(
            f"`{self._label}` is a function, and no truth",
            expected="a call of it: `with if_(…):`",
            got="the function itself, where Python asks whether it is true",
            fix=f"`with if_({self._label}(…)):`; Python asks for `is None` or `is not None`",
        )

    def __repr__(self) -> str:
        return self._label

    @cached_property
    def _label(self) -> str:
        return f"{self._part}.{self._function.name}"

    @cached_property
    def _part(self) -> str:
        name: str = self._owner._unit_name()
        return name

    def _symbol_name(self) -> str:
        check_instance(self._part, self._owner, self._label)
        return self._label

    @property
    def _is_physical(self) -> bool:
        return self._function.options.section == BOOT_TEXT

    @property
    def _symbol_reference(self) -> SymbolReference:
        return SymbolReference(self._symbol_name)

    @cached_property
    def _branch(self) -> BranchOperand:
        bits = self._function.options.bits
        return BranchOperand(self._symbol_reference, self._label, self, bits)

    def _as_operand(self, mnemonic: str) -> object:
        if mnemonic == "call":
            refuse_handler(self)
        if mnemonic == "lea":
            return MemoryOperand(Void, reference=self._symbol_reference, name=self._label)
        return self._branch
