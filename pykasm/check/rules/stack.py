"""E02x: the stack is where everybody expects it."""

from __future__ import annotations

from collections.abc import Iterator

from iced_x86 import Mnemonic

from pykasm.check.effects import RSP
from pykasm.check.finding import Finding, span_of
from pykasm.check.graph import Node
from pykasm.check.rule import applies, rule
from pykasm.check.state import State
from pykasm.check.subject import Subject
from pykasm.lang.piece import INTERRUPT_FRAME_SIZE, SLOT, STACK_ALIGNMENT, Kind
from pykasm.objects.debug import EntryFrame

E020 = rule(
    "E020",
    "the stack has different depths where paths meet",
    """From there on nobody knows what a pop or a return finds.""",
)
E021 = rule(
    "E021",
    "a function returns with another stack depth than it was entered with",
    """The return takes something else for the return address.""",
)
E022 = rule(
    "E022",
    "the stack is not aligned to 16 bytes at a call",
    """Callees rely on it (System V ABI AMD64, 3.2.2): an aligned SSE access faults.""",
)
E023 = rule(
    "E023",
    "memory below rsp is used",
    """The next interrupt overwrites it: a kernel has no red zone.""",
)


@applies
def depths_agree(subject: Subject) -> Iterator[Finding]:
    """Where paths meet, and where the function is left."""
    if not subject.is_framed and subject.piece.entered is not EntryFrame.CALL:
        return
    for index, node, state in subject.visits():
        if index in subject.walk.disagreements:
            yield Finding(
                E020,
                "the stack has different depths on the paths to here",
                span=span_of(node.line),
                fix="push and pop the same on every path",
                symbol=subject.piece.symbol,
            )
        elif _returns(node) and state.depth not in (None, 0):
            yield Finding(
                E021,
                "the function returns with another stack depth than it was entered with",
                span=span_of(node.line),
                mark=_difference(state.depth or 0),
                fix="pop what was pushed on every path",
                symbol=subject.piece.symbol,
            )


def _difference(depth: int) -> str:
    return f"{abs(depth)} bytes {'more' if depth > 0 else 'less'} are on it"


def _returns(node: Node) -> bool:
    return node.leaves and node.effects.instruction.mnemonic in (Mnemonic.RET, Mnemonic.JMP)


@applies
def calls_are_aligned(subject: Subject) -> Iterator[Finding]:
    """rsp at every call."""
    above = _entry_misalignment(subject)
    if above is None:
        return
    for _, node, state in subject.visits():
        if node.is_call and state.depth is not None and (above + state.depth) % STACK_ALIGNMENT:
            yield Finding(
                E022,
                "the stack is not aligned to 16 bytes at this call",
                span=span_of(node.line),
                mark=f"{(above + state.depth) % STACK_ALIGNMENT} bytes too low",
                fix="push in pairs, or `sub(rsp, 8)` before the call",
                symbol=subject.piece.symbol,
            )


def _entry_misalignment(subject: Subject) -> int | None:
    """Bytes that rsp lies below a multiple of 16 when the piece is entered; None if not known."""
    piece = subject.piece
    match piece.entered:
        case EntryFrame.CALL if piece.kind is Kind.FUNCTION:
            return SLOT
        case EntryFrame.INTERRUPT:  # the processor aligns before it pushes
            return INTERRUPT_FRAME_SIZE + piece.pushed
        case EntryFrame.INTERRUPT_WITH_ERROR:
            return INTERRUPT_FRAME_SIZE + SLOT + piece.pushed
    return None


@applies
def nothing_lies_below(subject: Subject) -> Iterator[Finding]:
    """Memory operands below rsp."""
    for _, node, state in subject.visits():
        access = node.effects.frame_access
        if access is not None and _reaches_below(access, state):
            yield Finding(
                E023,
                "memory below rsp is used",
                span=span_of(node.line),
                mark="an interrupt may overwrite it at any time",
                fix="make room first: a `local`, or `sub(rsp, …)`",
                symbol=subject.piece.symbol,
            )


def _reaches_below(access: tuple[int, int], state: State) -> bool:
    base, distance = access
    if base == RSP:
        return distance < 0
    known = state.base is not None and state.depth is not None
    return known and state.base - distance > state.depth  # type: ignore[operator]
