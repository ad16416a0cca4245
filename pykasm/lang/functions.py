"""Kinds of code: `@function`, `@interrupt`, `@naked`, `@entry`, `@emits`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from types import FrameType
from typing import Any, TypeVar, overload

from pykasm.errors import DeclarationMistake
from pykasm.isa.registers import Register
from pykasm.lang.context import Context, check_context
from pykasm.lang.convention import CALLER_SAVED, Kind
from pykasm.lang.decorated import check_decorated
from pykasm.lang.function import BOOT_TEXT, INIT_TEXT, TEXT, CodeOptions, Function
from pykasm.lang.locking import LockContract, LockingCall
from pykasm.lang.operands import RegisterOperand
from pykasm.objects.debug import EntryFrame
from pykasm.source import Source, line_span

R = TypeVar("R")


def _decorator(*options: Any, **more: Any) -> Any:
    made = CodeOptions(*options, **more)

    def decorate(body: Callable[..., R]) -> Function[R]:
        check_decorated(made.kind.value, body)
        _check_first(body, sys._getframe())
        return Function(body, made)

    return decorate


def _check_first(body: Callable[..., R], frame: FrameType | None) -> None:
    """Raise a mistake if the class whose body is running has a function of this name already."""
    while frame is not None and "__qualname__" not in frame.f_locals:
        frame = frame.f_back
    known = frame.f_locals.get(body.__name__) if frame is not None else None
    if isinstance(known, Function) and frame is not None:
        name = f"{frame.f_locals['__qualname__']}.{body.__name__}"
        raise DeclarationMistake(
            f"there are two functions `{name}`",
            expected="one function of a name",
            got=f"another one in line {known.declared.line}, which this would replace",
            fix="give one of them another name",
            span=line_span(Function(body, CodeOptions(Kind.FUNCTION)).declared),
        )


@overload
def function(body: Callable[..., R]) -> Function[R]: ...
@overload
def function(
    *,
    init: bool = False,
    exported: bool = False,
    copies_user: bool = False,
    sleeps: bool = False,
    moves: bool = False,
    context: Context | None = None,
    holds: str | tuple[str, ...] = (),
    acquires: str | tuple[str, ...] = (),
    releases: str | tuple[str, ...] = (),
    locks: str = "",
    unlocks: str = "",
    tries: str = "",
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
    moves: bool = False,
    context: Context | None = None,
    holds: str | tuple[str, ...] = (),
    acquires: str | tuple[str, ...] = (),
    releases: str | tuple[str, ...] = (),
    locks: str = "",
    unlocks: str = "",
    tries: str = "",
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
    `moves`: it turns to another thread, whatever the caller is about: the one that called it may go
    on on another processor.
    `context`: where it runs, which the checker holds its callers to. `"thread"`: where interrupts
    may be on; `"interrupt"`: in handlers of interrupts; `"deferred"`: behind those, with interrupts
    on, where nothing may sleep; `"interrupts off"`: wherever they are off; `"any"`: everywhere.
    `holds`: the locks that its callers hold, as paths from `self` or from a parameter
    (`"cache.lock"`), or by name (`"RunQueue.lock"`). `acquires`: locks that it takes and leaves
    held. `releases`: locks that it is entered with, and releases. `locks`: the parameter that
    points to a lock which it takes for its caller; `unlocks`: to one that it releases for it;
    `tries`: to one that it takes if its result is true, or no error. `recursion`: how often it may
    be entered before it returns, where it calls itself, by whatever way. `interruptible`: how often
    at once a processor may be in it, where interrupts lead to it and it turns them on. `clobbers`:
    the caller-saved registers that it may change beside those of its results, so that callers can
    go on using the others; all, if nothing is stated. `allow`: exceptions from the checker's rules,
    as reasons by rules.
    """
    check_context(context, sleeps)
    section = INIT_TEXT if init else TEXT
    made = _decorator(
        Kind.FUNCTION,
        section=section,
        exported=exported,
        copies_user=copies_user,
        sleeps=sleeps,
        moves=moves,
        context=context,
        locks=LockContract(_paths(holds), _paths(acquires), _paths(releases)),
        locking=LockingCall(locks, unlocks, tries),
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


def interrupt(body: Callable[..., R] | None = None) -> Function[R]:
    """A handler that the processor enters through a gate: saves all it may change, ends by iretq.

    `def tick(self, frame: Ptr[InterruptFrame])` gets the address of what the processor pushed;
    a second parameter of type U64 is the error code, for vectors that push one.
    """
    if body is None:
        raise _parentheses("`@interrupt` has no options", "`@interrupt`", "`@interrupt()`")
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
    moves: bool = False,
    context: Context | None = None,
    clobbers: Iterable[object] | None = None,
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
    moves: bool = False,
    context: Context | None = None,
    clobbers: Iterable[object] | None = None,
    allow: Mapping[str, str] | None = None,
) -> Any:
    """Code without prologue and epilogue; `boot` links it at its physical address.

    `entered` says what is on the stack when it is entered, and `pushed` how many bytes lie above
    that: a debugger unwinds from there. `stack`: it begins on a stack of its own, of so many bytes.
    `moves`: it turns to another thread, as for `function`.
    `context`: where it runs; `"thread"` is for code that interrupts or system calls of programs
    lead to, and no others: it runs in the program's thread, entered with interrupts off.
    `clobbers`: the caller-saved registers that it may change, as for `function`.
    `allow`: exceptions from the checker's rules, as reasons by rules.
    """
    section = BOOT_TEXT if boot else TEXT
    check_context(context)
    made = _decorator(
        Kind.NAKED,
        bits,
        section,
        exported,
        entered,
        pushed,
        stack,
        allow,
        moves=moves,
        context=context,
        clobbers=None if clobbers is None else tuple(map(_clobbered, clobbers)),
    )
    return made(body) if body is not None else made


def entry(*body: object, bits: int = 64) -> Callable[[Callable[..., R]], Function[R]]:
    """Where a loader jumps to: code without a frame, linked at its physical address."""
    if body:
        raise _parentheses("`@entry` has options", "`@entry()` or `@entry(bits=32)`", "`@entry`")
    made: Callable[[Callable[..., R]], Function[R]]
    made = _decorator(Kind.ENTRY, bits, BOOT_TEXT, True, EntryFrame.NONE)
    return made


def _parentheses(what: str, expected: str, got: str) -> DeclarationMistake:
    fix = f"write {expected} above the `def`"
    return DeclarationMistake(what, expected=expected, got=got, fix=fix)


class Emits:
    """A method that runs once a build and makes stubs."""

    def __init__(self, body: Callable[[Any], None]) -> None:
        self.body = body
        self.__doc__ = body.__doc__

    @property
    def declared(self) -> Source:
        """The line of the `def`, or of a decorator above it."""
        return Source(self.body.__code__.co_filename, self.body.__code__.co_firstlineno)

    def __get__(self, instance: object, owner: type) -> Any:
        return self


def emits(body: Callable[[Any], None]) -> Any:
    """Mark a method that makes code with `stub`, in loops or by tables: it runs once a build."""
    check_decorated("emits", body)
    return Emits(body)


def _paths(paths: str | tuple[str, ...]) -> tuple[str, ...]:
    return (paths,) if isinstance(paths, str) else paths
