"""The code being written: where instructions go while a function's body runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from pykasm.errors import PlaceMistake
from pykasm.isa import forms
from pykasm.isa.code import Align, Item, Label, Line, Reference
from pykasm.isa.statement import (
    BranchTarget,
    FarPointer,
    Statement,
    SymbolImmediate,
)
from pykasm.isa.statement import (
    Operand as Encodable,
)
from pykasm.lang.operands import MemoryOperand, RegisterOperand, SymbolReference
from pykasm.source import Source, Span, author_frame

_statements: dict[tuple[object, ...], Statement] = {}
"""Statements that the form table has let pass in this process, one object for equal ones."""

ENDS = frozenset({"jmp", "ret", "iretq", "iretd", "iret", "sysret", "sysexit", "ud2", "ljmp"})
"""Mnemonics after which control does not go on to the next instruction."""


@dataclass(frozen=True, slots=True)
class BranchOperand:
    """A place that code can go to: a label, or something with a symbol."""

    reference: SymbolReference
    name: str
    code: object = None

    def _text(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class AddressOperand:
    """A symbol's address as an immediate of `size` bytes."""

    reference: SymbolReference
    size: int
    name: str

    def _text(self) -> str:
        return f"offset {self.name}"

    def __add__(self, distance: object) -> AddressOperand:
        if not isinstance(distance, int):
            return NotImplemented  # a register: the sum is a memory operand's address
        return AddressOperand(self.reference._plus(distance), self.size, self.name)


@dataclass(frozen=True, slots=True)
class FarOperand:
    """`selector:place`, the target of a far jump in 16- and 32-bit code."""

    selector: int
    reference: SymbolReference
    size: int
    name: str

    def _text(self) -> str:
        return f"{self.selector:#x}:{self.name}"


class CodeBuilder:
    """Collects the items of one piece of code, in code of `bits`, written by `code`."""

    def __init__(self, name: str, bits: int, code: CodeType | None, declared: Source) -> None:
        self.name = name
        self.bits = bits
        self.declared = declared
        self.items: list[Item] = []
        self.unit: Any = None
        self.cold: list[tuple[Source, Callable[[], None]]] = []
        """Writers of code out of line, called when the body has run."""
        self.counted: tuple[Source, int] | None = None
        """The line that instructions are counted to, where it is not the one that is running."""
        self.open_words: list[Any] = []
        """Words of flow that still wait for their `with`."""
        self.targets: set[Label] = set()
        """Labels that some instruction refers to."""
        self.loops: list[Any] = []
        self.switches: list[Any] = []
        self.last_branch: tuple[Any, int] | None = None
        """The if-chain that ended last, and how many items there were then."""
        self._code = code

    def add(self, mnemonic: str, operands: tuple[object, ...], prefix: str = "") -> None:
        """Add an instruction after checking its operands."""
        encodable, references = convert(operands, self.bits, mnemonic)
        statement = checked(self.bits, mnemonic, encodable, prefix)
        for reference in references:
            if type(reference.target) is Label:
                self.targets.add(reference.target)
        source, line = self.counted or self.running()
        self.items.append(_new(Line, (statement, references, source, line, operands)))

    @contextmanager
    def counting(self, source: Source, body_line: int | None = None) -> Iterator[None]:
        """Count the instructions inside to `source`, and to `body_line` of the body."""
        before = self.counted
        self.counted = source, source.line if body_line is None else body_line
        try:
            yield
        finally:
            self.counted = before

    def running(self) -> tuple[Source, int]:
        """The author's line that is running, and the line of the body that led to it."""
        frame = author_frame()
        if frame is None:
            return self.declared, self.declared.line
        source: Source = _new(Source, (frame.f_code.co_filename, frame.f_lineno))
        if frame.f_code is self._code:
            return source, source.line
        return source, self._body_line(frame)

    def _body_line(self, frame: FrameType) -> int:
        """The line of the function's own body that leads to `frame`."""
        seek: FrameType | None = frame
        while seek is not None and seek.f_code is not self._code:
            seek = seek.f_back
        return (seek or frame).f_lineno

    @property
    def last_source(self) -> Source:
        """The line of the body that the last instruction came from."""
        lines = (item for item in reversed(self.items) if isinstance(item, Line))
        last = next(lines, None)
        return Source(self.declared.file, last.body_line) if last else self.declared

    @property
    def falls_through(self) -> bool:
        """Whether control can reach the end of what is written so far."""
        for item in reversed(self.items):
            if isinstance(item, Line):
                return item.statement.mnemonic not in ENDS and not _never_returns(item)
            if isinstance(item, Label):
                return True
        return True

    def finish(self) -> None:
        """Write the code out of line."""
        for source, write in self.cold:
            with self.counting(source):
                write()


_new: Any = tuple.__new__
"""Makes a named tuple of a tuple, in a third of the time that calling its class takes."""


def _never_returns(line: Line) -> bool:
    """Whether `line` calls a function that is declared to return never."""
    signature = getattr(line.written[0], "_signature", None) if line.written else None
    return signature is not None and signature.never_returns


_builders: list[CodeBuilder] = []


@contextmanager
def building(builder: CodeBuilder) -> Iterator[CodeBuilder]:
    """Let instructions inside go to `builder`."""
    _builders.append(builder)
    try:
        yield builder
    finally:
        _builders.pop()


def is_building() -> bool:
    """Whether a body is running."""
    return bool(_builders)


def current(word: str = "this") -> CodeBuilder:
    """The code being written; a mistake naming `word` where there is none."""
    if not _builders:
        raise PlaceMistake(
            f"`{word}` outside of any code",
            expected="a method marked `@function`, `@interrupt`, `@naked` or `@entry`",
            got="code that runs while nothing is being assembled",
        )
    return _builders[-1]


def emit(mnemonic: str, *operands: object) -> None:
    """Add an instruction of the language's own making to the code being written."""
    current(mnemonic).add(mnemonic, operands)


def checked(
    bits: int, mnemonic: str, operands: tuple[Encodable, ...], prefix: str = ""
) -> Statement:
    """The statement of these parts; a mistake if the machine has no such form."""
    key = (bits, mnemonic, operands, prefix)
    known = _statements.get(key)
    if known is None:
        known = Statement(*key)
        forms.check(known)
        _statements[key] = known
    return known


def convert(
    operands: tuple[Any, ...], bits: int, mnemonic: str
) -> tuple[tuple[Encodable, ...], tuple[Reference, ...]]:
    """The operands as the encoder takes them, and what their fix-ups refer to."""
    encodable: list[Encodable] = []
    references: tuple[Reference, ...] = ()
    for operand in operands:
        kind = type(operand)
        if kind is RegisterOperand:
            encodable.append(operand._register)
            if operand._role is not None:
                operand._role.used = True
        elif kind is int:
            encodable.append(operand)
        else:
            one, reference = _converted(operand, bits, mnemonic)
            if reference is not None:
                index = len(encodable)
                references += (Reference(index, reference._target(), reference.addend),)
            encodable.append(one)
    return tuple(encodable), references


def _converted(
    operand: object, bits: int, mnemonic: str
) -> tuple[Encodable, SymbolReference | None]:
    if isinstance(operand, MemoryOperand):
        operand._touch()
        return operand._memo or operand._address(bits), operand._reference
    if isinstance(operand, RegisterOperand):
        operand._touch()
        return operand._register, None
    if isinstance(operand, int):
        return int(operand), None
    if isinstance(operand, Label):
        return BranchTarget(short=False), SymbolReference(operand)
    if isinstance(operand, BranchOperand):
        return BranchTarget(short=False), operand.reference
    if isinstance(operand, AddressOperand):
        return SymbolImmediate(operand.size), operand.reference
    if isinstance(operand, FarOperand):
        return FarPointer(operand.selector, 0, operand.size, symbolic=True), operand.reference
    return _adapted(operand, bits, mnemonic)


def _adapted(operand: object, bits: int, mnemonic: str) -> tuple[Encodable, SymbolReference | None]:
    """An operand that stands for another one in this instruction (a function, a struct value)."""
    adapt = getattr(operand, "_as_operand", None)
    if adapt is None:
        raise PlaceMistake(
            f"`{operand!r}` is no operand of `{mnemonic}`",
            expected="a register, memory, a number, a label or a symbol",
            got=type(operand).__name__,
        )
    return _converted(adapt(mnemonic), bits, mnemonic)


def place(label: Label) -> None:
    """Let `label` stand for the next instruction."""
    current("label").items.append(label)


def join(label: Label) -> None:
    """Let `label` stand for the next instruction if anything went there; without, the code after
    it is not reached that way."""
    if label in current().targets:
        place(label)


def align_code(boundary: int) -> None:
    """Pad so that the next instruction lies at a multiple of `boundary` bytes."""
    current("align_code").items.append(Align(boundary))


def line_span(source: Source) -> Span:
    """The whole of a source line, without its indentation."""
    text = source.text
    return Span(source, len(text) - len(text.lstrip()), len(text))
