"""Programs for Linux: where they begin, their system calls, and what is built of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from pykasm.errors import DeclarationMistake
from pykasm.isa.registers import REGISTERS
from pykasm.lang.builder import current, emit
from pykasm.lang.convention import ARGUMENTS, Kind
from pykasm.lang.decorated import check_decorated
from pykasm.lang.function import CodeOptions, Function
from pykasm.lang.image import Image
from pykasm.lang.registers import eax, r10, rcx
from pykasm.lang.routinebuilder import RoutineBuilder
from pykasm.objects.debug import EntryFrame

R = TypeVar("R")

STACK = 8 << 20
"""Bytes of stack that Linux lets programs have if nobody says otherwise (`_STK_LIM`)."""

CHANGED = (REGISTERS["rcx"], REGISTERS["r11"])
"""What a system call changes beside its result (System V ABI AMD64 supplement, A.2.1)."""

FOURTH = ARGUMENTS.index(REGISTERS["rcx"])
"""The argument that system calls take in r10, as rcx gets the address to go on at."""


class LinuxProgram(Image):
    """A static program of Linux. `entry` is where it begins (`@program_entry`)."""


def program_entry(
    *body: object, stack: int = STACK, allow: Mapping[str, str] | None = None
) -> Callable[[Callable[..., R]], Function[R]]:
    """Where a program begins: code without a frame that never returns.

    rsp, a multiple of 16, points to the number of arguments; their addresses follow, and a 0; then
    those of the environment's strings, and a 0; then the auxiliary vector (System V ABI AMD64
    supplement, 3.4.1). `stack`: how many bytes it may need. `allow`: exceptions from the checker's
    rules, as reasons by rules.
    """
    if body:
        raise DeclarationMistake(
            "`@program_entry` has options",
            expected="`@program_entry()`",
            got="`@program_entry`",
            fix="write `@program_entry()` above the `def`",
        )
    options = CodeOptions(
        Kind.NAKED, exported=True, entered=EntryFrame.PROGRAM, stack=stack, allow=allow
    )

    def decorate(body: Callable[..., R]) -> Function[R]:
        check_decorated("program_entry", body)
        return Function(body, options)

    return decorate


def system_call(number: int) -> Callable[[Callable[..., R]], Function[R]]:
    """Make a method without a body the system call `number` of Linux: a function with its
    parameters and its result, such as `OrErrno[I64]`. Callers keep all registers but rax, rcx,
    r11 and, where there are more than three parameters, r10."""

    def decorate(body: Callable[..., R]) -> Function[R]:
        check_decorated("system_call", body)
        return _SystemCall(body, number)

    return decorate


class _SystemCall(Function[R]):
    """A function that does a system call, by its number."""

    def __init__(self, body: Callable[..., R], number: int) -> None:
        self.moves_fourth = body.__code__.co_argcount - 1 > FOURTH
        changed = (*CHANGED, REGISTERS["r10"]) if self.moves_fourth else CHANGED
        super().__init__(body, CodeOptions(Kind.FUNCTION, clobbers=changed))
        self.number = number

    def write(self, owner: object, operands: Iterable[object]) -> object:
        """Write the call; the body has nothing but a docstring."""
        result = self.body(owner, *operands)
        builder = current("a system call")
        assert isinstance(builder, RoutineBuilder)
        with builder.counting(builder.declared):
            if self.moves_fourth:
                emit("mov", r10, rcx)
            emit("mov", eax, self.number)
            emit("syscall")
            if builder.signature.never_returns:
                emit("ud2")
            else:
                builder.leave("ret")
        return result
