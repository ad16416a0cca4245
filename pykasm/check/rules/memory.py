"""E06x: memory is used as its section allows."""

from __future__ import annotations

from collections.abc import Iterator

from iced_x86 import Instruction, InstructionInfoFactory, OpAccess

from pykasm.check.finding import Finding, span_of
from pykasm.check.graph import Node
from pykasm.check.rule import applies, rule
from pykasm.check.subject import Subject
from pykasm.lang.data import Data, Storage
from pykasm.lang.operands import MemoryOperand

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

_WRITES = {OpAccess.WRITE, OpAccess.READ_WRITE, OpAccess.COND_WRITE, OpAccess.READ_COND_WRITE}
_FACTORY = InstructionInfoFactory()


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
