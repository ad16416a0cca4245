"""E06x: memory is used as its section allows."""

from __future__ import annotations

from collections.abc import Iterator

from iced_x86 import Instruction, InstructionInfoFactory, Mnemonic, OpAccess

from pykasm.check.finding import Finding, span_of
from pykasm.check.graph import Node
from pykasm.check.rule import applies, applies_to_build, rule
from pykasm.check.subject import Build, Subject
from pykasm.lang.data import Data, Storage
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.types import is_user
from pykasm.link.layout import Layout
from pykasm.objects.model import SectionFlags

E060 = rule(
    "E060",
    "a pointer that a program gave is followed outside of the copy routines",
    """It may point anywhere, into the kernel too, and its page may be missing. Only the copy
    routines check it and survive its faults.""",
)
E061 = rule(
    "E061",
    "a store to read-only data",
    """The page is mapped without write permission: the store faults when it runs.""",
)
E062 = rule(
    "E062",
    "data is executed",
    """Pages of data are mapped without execute permission: the call faults when it runs.""",
)

E063 = rule(
    "E063",
    "a section both writable and executable",
    """Whoever can write there can run what they wrote. Pages have one set of permissions, so code
    and data that is written need sections of their own.""",
)

_WRITES = {OpAccess.WRITE, OpAccess.READ_WRITE, OpAccess.COND_WRITE, OpAccess.READ_COND_WRITE}
_FACTORY = InstructionInfoFactory()


@applies
def user_pointers_are_copied(subject: Subject) -> Iterator[Finding]:
    """Memory operands whose base is a `User[T]`."""
    if subject.piece.copies_user:
        return
    for _, node, _ in subject.visits():
        for operand in node.line.written:
            base = operand._base if isinstance(operand, MemoryOperand) else None
            if base is None or not is_user(base._kind) or _only_computes(node):
                continue
            yield Finding(
                E060,
                f"`{base._text()}` was given by a program",
                span=span_of(node.line, base._text()),
                mark="this follows it",
                fix="copy in what it points to, by a function marked `copies_user=True`",
                symbol=subject.piece.symbol,
            )


def _only_computes(node: Node) -> bool:
    return bool(node.effects.instruction.mnemonic == Mnemonic.LEA)


@applies
def read_only_data_is_not_written(subject: Subject) -> Iterator[Finding]:
    """Stores through the symbol of a `rodata`."""
    for _, node, _ in subject.visits():
        datum = _datum(subject, node)
        if datum is not None and datum._storage is Storage.RODATA and _writes_memory(node):
            yield Finding(
                E061,
                f"`{datum._symbol}` is read-only",
                span=span_of(node.line),
                mark="this writes to it",
                fix="declare it with `data` if it is to change",
                symbol=subject.piece.symbol,
            )


def _datum(subject: Subject, node: Node) -> Data | None:
    """The datum that the instruction's memory operand lies in."""
    for operand in node.line.written:
        if isinstance(operand, MemoryOperand) and operand._reference is not None:
            target = operand._reference._target()
            return subject.build.data.get(target) if isinstance(target, str) else None
    return None


def _writes_memory(node: Node) -> bool:
    used = _FACTORY.info(node.effects.instruction).used_memory()
    return any(one.access in _WRITES for one in used if not _is_stack(node.effects.instruction))


def _is_stack(instruction: Instruction) -> bool:
    return instruction.is_stack_instruction


@applies
def data_is_not_executed(subject: Subject) -> Iterator[Finding]:
    """Calls and jumps to the symbol of a datum."""
    for _, node, _ in subject.visits():
        if node.callee is not None and node.callee in subject.build.data:
            yield Finding(
                E062,
                f"`{node.callee}` is data",
                span=span_of(node.line),
                mark="this runs it as code",
                fix="call a function, or through a function pointer",
                symbol=subject.piece.symbol,
            )


@applies_to_build
def nothing_is_written_and_run(build: Build) -> Iterator[Finding]:
    """Sections of the image's own layout that take in code and data that is written."""
    layout: Layout | None = build.program.layout
    sections = layout.sections if layout is not None else ()
    executed, stored = (
        [one.name for one in build.sections if one.flags & flag]
        for flag in (SectionFlags.EXECUTE, SectionFlags.WRITE)
    )
    for output in sections:
        code = output.taken(executed)
        written = output.taken(stored) if code else []
        if written and output.declared is not None:
            yield Finding(
                E063,
                f"`{output.name}` takes in code and data that is written",
                span=output.declared,
                mark=f"`{code[0]}` and `{written[0]}`",
                fix="a section for each, `r-x` and `rw-`",
            )
