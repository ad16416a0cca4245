"""How code is called: its kinds, its parameters and results, and the registers and stack of the
System V ABI."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from typing import Any, NamedTuple, Never, NoReturn, get_args, get_origin

from pykasm.errors import DeclarationMistake
from pykasm.isa.registers import REGISTERS, Register, general
from pykasm.lang.annotations import is_any_of
from pykasm.lang.structs import fits_register
from pykasm.lang.types import Fn, TypeMeta, Void, name_of

SLOT = 8
"""Bytes that push, pop and a return address move the stack by."""

STACK_ALIGNMENT = 16
"""rsp at every call instruction (System V ABI AMD64, 3.2.2)."""

ARGUMENTS = tuple(REGISTERS[name] for name in ("rdi", "rsi", "rdx", "rcx", "r8", "r9"))

CALLEE_SAVED = tuple(REGISTERS[name] for name in ("rbx", "r12", "r13", "r14", "r15"))

CALLER_SAVED = tuple(
    REGISTERS[name] for name in ("rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11")
)
"""System V ABI AMD64, figure 3.4."""

RESULTS = (REGISTERS["rax"], REGISTERS["rdx"])
"""System V ABI AMD64, figure 3.4."""

SCRATCH_ORDER = tuple(REGISTERS[name] for name in ("r11", "r10", "r9", "r8", "rdi", "rsi"))
"""Where `scratch` looks; rax, rcx and rdx stay free for instructions that insist on them."""

INTERRUPT_FRAME_SIZE = 40
"""rip, cs, rflags, rsp and ss, pushed by the processor (AMD64 APM vol. 2, 8.9.3)."""


class Kind(Enum):
    """What a routine is entered by, and so what its first and last instructions are."""

    FUNCTION = "function"
    INTERRUPT = "interrupt"
    NAKED = "naked"
    ENTRY = "entry"


class Parameter(NamedTuple):
    """A parameter: its name, its type and the register it arrives in (None: on the stack).

    One that is `kept` moves to a callee-saved register before the body begins.
    """

    name: str
    type: TypeMeta
    register: Register | None
    kept: bool = False


class Signature(NamedTuple):
    """Parameters and results of a function; two results are in rax and rdx.

    `clobbers` are the caller-saved registers that it may change beside those of its results;
    None: all, as the convention has it. Code `by_processor` is entered and left as no call does;
    calls stay in code of the same `bits`.
    """

    parameters: tuple[Parameter, ...] = ()
    results: tuple[TypeMeta, ...] = ()
    never_returns: bool = False
    clobbers: tuple[Register, ...] | None = None
    by_processor: bool = False
    bits: int = 64

    @property
    def has_owned(self) -> bool:
        """Whether a call gives something to the callee or to the caller."""
        parameters = (one.type for one in self.parameters)
        return any(one._owned or one._filled for one in (*parameters, *self.results))

    @property
    def changed(self) -> tuple[Register, ...]:
        """The caller-saved registers that a call may change."""
        if self.clobbers is None:
            return CALLER_SAVED
        return tuple(dict.fromkeys((*RESULTS[: len(self.results)], *self.clobbers)))


def laid_out(
    named: Sequence[tuple[str, TypeMeta]], kept: Collection[str] = ()
) -> tuple[Parameter, ...]:
    """Parameters in their registers: the first six; the rest are on the stack."""
    return tuple(
        Parameter(
            name,
            kind,
            general(ARGUMENTS[number].number, kind._size) if number < len(ARGUMENTS) else None,
            name in kept,
        )
        for number, (name, kind) in enumerate(named)
    )


def signature_of(kind: TypeMeta) -> Signature:
    """The signature behind a function pointer type."""
    assert issubclass(kind, Fn)
    named = [(f"argument {n}", one) for n, one in enumerate(kind._parameters, 1)]
    results = results_of(kind)
    for one in (*kind._parameters, *results):
        if not fits_register(one):
            raise DeclarationMistake(
                f"`{kind!r}` passes what no register holds",
                expected="integers and pointers, at most two of them as results",
                got=name_of(one),
                fix=f"`Ptr[{name_of(one)}]`, the address of one",
            )
    never = is_any_of(kind._result, NoReturn, Never)
    return Signature(laid_out(named), results, never_returns=never)


def results_of(kind: type[Fn[Any, Any]]) -> tuple[TypeMeta, ...]:
    """The types that functions behind a pointer of type `kind` return."""
    result: Any = kind._result
    if is_any_of(result, None, type(None), Void, NoReturn, Never):
        return ()
    found = get_args(result) if get_origin(result) is tuple else (result,)
    if len(found) > len(RESULTS):
        raise DeclarationMistake(
            f"`{kind!r}` has {len(found)} results",
            expected="at most two, in rax and rdx",
            got=", ".join(map(name_of, found)),
        )
    return found
