"""What a debugger is told about an object: lines, types, functions, variables, frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, TypeAlias

from pykasm.source import Source


@dataclass(frozen=True, slots=True, eq=False)
class BaseType:
    """An integer, boolean or character type of `size` bytes; `encoding` unsigned, signed, …

    The bytes of a `big_endian` one lie in memory in the opposite order."""

    name: str
    size: int
    encoding: str = "unsigned"  # unsigned | signed | boolean | char | float
    big_endian: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PointerType:
    """A pointer of 8 bytes to `target` (None: to anything)."""

    target: DebugType | None


@dataclass(frozen=True, slots=True, eq=False)
class ArrayType:
    """`count` elements in a row; None: as many as there are."""

    element: DebugType
    count: int | None


class Member(NamedTuple):
    """A field of a struct or union at `offset` bytes; or some `bits` of what lies there, the number
    of the lowest and how many."""

    name: str
    type: DebugType
    offset: int
    bits: tuple[int, int] | None = None


@dataclass(slots=True, eq=False)
class StructType:
    """A struct or union. `members` may be filled after creation, so that types can be recursive."""

    name: str
    size: int
    members: list[Member] = field(default_factory=list)
    union: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class EnumType:
    """An enumeration or a set of flags held in `size` bytes."""

    name: str
    size: int
    values: tuple[tuple[str, int], ...]
    flags: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class FunctionType:
    """What a function pointer points to."""

    parameters: tuple[DebugType, ...]
    result: DebugType | None


DebugType: TypeAlias = BaseType | PointerType | ArrayType | StructType | EnumType | FunctionType
"""Types are compared by identity: give the same object for the same type."""


class InRegister(NamedTuple):
    """A place: a machine register by its 64-bit name (`rdi`)."""

    register: str


class InFrame(NamedTuple):
    """A place: `offset` bytes from the frame pointer rbp."""

    offset: int


Place: TypeAlias = InRegister | InFrame


class Variable(NamedTuple):
    """A parameter or a named role of a function, valid from code offset `start` to `end`.

    One that moves is given several times, with the same name and type; where two places are
    valid, the one that started later counts.
    """

    name: str
    type: DebugType
    place: Place
    start: int
    end: int
    parameter: bool = False


class EntryFrame(Enum):
    """What is on the stack when code is entered; the unwinder starts from it."""

    CALL = "a return address"
    STACK_SWITCH = "a return address; what it calls runs on another stack"
    INTERRUPT = "rip, cs, rflags, rsp, ss pushed by the processor"
    INTERRUPT_WITH_ERROR = "an error code below the interrupt frame"
    SYSCALL = "nothing: a program's rip is in rcx, its rflags in r11"
    PROGRAM = "the number of a program's arguments, at a multiple of 16 bytes"
    NONE = "nothing: there is no caller"


@dataclass(slots=True)
class DebugFunction:
    """A function: its symbol is `name`, its code is `code` at `offset` of `section`.

    `rows` are (offset into the code, source line) in order. `prologue_end` is the offset of the
    first instruction of the body. `pushed` counts the bytes that were pushed after what
    `entry_frame` says, before the function is entered (a stub that continues another's frame).
    In the frames of an interrupt, and of what changes stacks, gdb stops at lines but does not step
    by them, as it takes them for signal handlers' trampolines.
    """

    name: str
    section: str
    offset: int
    code: bytes
    declared: Source
    rows: list[tuple[int, Source]]
    prologue_end: int = 0
    result: DebugType | None = None
    variables: list[Variable] = field(default_factory=list)
    entry_frame: EntryFrame = EntryFrame.CALL
    pushed: int = 0
    bits: int = 64


class DebugVariable(NamedTuple):
    """A global: `symbol` is its ELF symbol, `name` what people type."""

    name: str
    symbol: str
    type: DebugType
    declared: Source


@dataclass(slots=True)
class DebugUnit:
    """Everything about one object.

    `directory` is the absolute path of the project's root. It is not recorded: source paths are
    written relative to it, those of other packages relative to where Python imports them from.
    """

    name: str
    directory: str
    functions: list[DebugFunction] = field(default_factory=list)
    variables: list[DebugVariable] = field(default_factory=list)
