"""E02x: the stack is where everybody expects it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from iced_x86 import Mnemonic

from pykasm.check.build import Build, FunctionAnalysis
from pykasm.check.convention import register_name
from pykasm.check.effects import RSP
from pykasm.check.finding import Finding, span_of
from pykasm.check.graph import Node
from pykasm.check.rule import build_check, function_check, rule
from pykasm.check.stacks import Location, Stack, Stacks
from pykasm.check.state import State
from pykasm.errors import Note
from pykasm.lang.convention import INTERRUPT_FRAME_SIZE, SLOT, STACK_ALIGNMENT, Kind
from pykasm.lang.routine import Routine
from pykasm.objects.debug import EntryFrame
from pykasm.source import line_span

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

E024 = rule(
    "E024",
    "a stack is too small for the deepest path on it",
    """What lies below a stack is a page that faults at best, and another's data at worst.""",
)
E025 = rule(
    "E025",
    "nothing bounds how deep a stack gets",
    """Then no size is known to be enough for it.""",
)
E028 = rule(
    "E028",
    "an interrupt returns with something else on the stack, or in registers, than it found",
    """iretq takes the next five words for rip, cs, rflags, rsp and ss, whatever they are. The
    interrupted code does not know of the interrupt, and goes on with what registers hold.""",
)

LARGEST = 3
"""How many frames a finding shows."""


@function_check
def depths_agree(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check the depth where paths meet, and where the function is left."""
    called = (EntryFrame.CALL, EntryFrame.STACK_SWITCH)
    if not function.is_framed and function.routine.entered not in called:
        return
    conflicts = function.registers.depth_conflicts
    if conflicts and _compares_rsp(function):
        conflicts = set()  # it pushes and pops in loops, and knows by rsp where these end
    for index, node, state in function.visits():
        if index in conflicts:
            yield Finding(
                E020,
                "the stack has different depths on the paths to here",
                span=span_of(node.line),
                fix="push and pop the same on every path",
                symbol=function.routine.symbol,
            )
        elif _returns(node) and state.depth not in (None, 0):
            yield Finding(
                E021,
                "the function returns with another stack depth than it was entered with",
                span=span_of(node.line),
                mark=_difference(state.depth or 0),
                fix="pop what was pushed on every path",
                symbol=function.routine.symbol,
            )


def _compares_rsp(function: FunctionAnalysis) -> bool:
    """Return whether a function compares rsp with something."""
    return any(
        node.effects.mnemonic == Mnemonic.CMP and any(one == RSP for one, _ in node.effects.reads)
        for node in function.graph.nodes
    )


@function_check
def interrupts_return_by_their_frames(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check the stack and the registers at every `iretq` of code that interrupts enter, and the
    stack where it goes on in other code."""
    above = _above_interrupt_frame(function.routine)
    if above is None:
        return
    for _, node, state in function.visits():
        here = None if state.depth is None else above + state.depth
        if node.effects.mnemonic == Mnemonic.IRETQ:
            if here:
                yield _frame_buried(function, node, here)
            else:
                yield from _not_restored(function, node, state)
        target = function.build.routines.get(node.callee or "") if node.leaves else None
        expected = _above_interrupt_frame(target.routine) if target is not None else None
        if here is not None and expected not in (None, here):
            yield Finding(
                E028,
                f"`{node.callee}` finds something else above the interrupt's frame than it states",
                span=span_of(node.line),
                mark=f"{here} bytes, not {expected}",
                fix="push what its `pushed=` says; some vectors come with an error code",
                symbol=function.routine.symbol,
            )


def _frame_buried(function: FunctionAnalysis, node: Node, above: int) -> Finding:
    return Finding(
        E028,
        "the interrupt's frame is not on top of the stack",
        span=span_of(node.line),
        mark=_difference(above),
        fix="take off what the stub and this code pushed, and the error code",
        symbol=function.routine.symbol,
    )


def _not_restored(function: FunctionAnalysis, node: Node, state: State) -> Iterator[Finding]:
    """Find the first register that is not what it was where the interrupt came."""
    for number, value in enumerate(state.registers):
        is_known = value.entry is not None or value.undefined
        if number != RSP and is_known and value.entry != number:
            other = (
                f"it has what was in {register_name(value.entry)}"
                if value.entry is not None
                else ""
            )
            yield Finding(
                E028,
                f"`{register_name(number)}` is not what the interrupted code had in it",
                span=span_of(node.line),
                mark=other or "a call on some path to here changed it",
                fix="save all registers, and restore them in the reverse order",
                symbol=function.routine.symbol,
            )
            return


def _above_interrupt_frame(routine: Routine) -> int | None:
    """Return the bytes on top of the processor's frame at entry; None if there is no such frame."""
    match routine.entered:
        case EntryFrame.INTERRUPT:
            return routine.pushed
        case EntryFrame.INTERRUPT_WITH_ERROR:
            return routine.pushed + SLOT
    return None


def _difference(depth: int) -> str:
    return f"{abs(depth)} bytes {'more' if depth > 0 else 'less'} are on it"


def _returns(node: Node) -> bool:
    return node.leaves and node.effects.instruction.mnemonic in (Mnemonic.RET, Mnemonic.JMP)


@function_check
def calls_are_aligned(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check rsp at every call."""
    above = _entry_misalignment(function)
    if above is None:
        return
    for _, node, state in function.visits():
        if node.is_call and state.depth is not None and (above + state.depth) % STACK_ALIGNMENT:
            yield Finding(
                E022,
                "the stack is not aligned to 16 bytes at this call",
                span=span_of(node.line),
                mark=f"{(above + state.depth) % STACK_ALIGNMENT} bytes too low",
                fix="push in pairs, or `sub(rsp, 8)` before the call",
                symbol=function.routine.symbol,
            )


def _entry_misalignment(function: FunctionAnalysis) -> int | None:
    """Return the bytes that rsp lies below a multiple of 16 at entry; None if not known."""
    routine = function.routine
    match routine.entered:
        case EntryFrame.CALL if routine.kind is Kind.FUNCTION:
            return SLOT
        case EntryFrame.PROGRAM:
            return 0
        case EntryFrame.INTERRUPT:  # the processor aligns before it pushes
            return INTERRUPT_FRAME_SIZE + routine.pushed
        case EntryFrame.INTERRUPT_WITH_ERROR:
            return INTERRUPT_FRAME_SIZE + SLOT + routine.pushed
    return None


@function_check
def nothing_lies_below(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check for memory operands below rsp."""
    for _, node, state in function.visits():
        access = node.effects.frame_access
        if access is not None and _reaches_below(access, state):
            yield Finding(
                E023,
                "memory below rsp is used",
                span=span_of(node.line),
                mark="an interrupt may overwrite it at any time",
                fix="make room first: a `local`, or `sub(rsp, …)`",
                symbol=function.routine.symbol,
            )


def _reaches_below(access: tuple[int, int], state: State) -> bool:
    base, distance = access
    if base == RSP:
        return distance < 0
    known = state.base is not None and state.depth is not None
    return known and state.base - distance > state.depth  # type: ignore[operator]


@build_check
def stacks_are_large_enough(build: Build) -> Iterator[Finding]:
    """Check each stack whose size is declared, and find what may make one deeper than known."""
    if not any(placed.routine.stack for placed in build.routines.values()):
        return
    stacks = Stacks(build)
    for stack in stacks.with_size:
        if stack.overflows:
            yield _overflow(build, stacks, stack)
    yield from _unbounded(build, stacks)


def _overflow(build: Build, stacks: Stacks, stack: Stack) -> Finding:
    return Finding(
        E024,
        f"the stack of `{stack.root.symbol}` can overflow",
        span=line_span(stack.root.declared),
        mark=f"it has {stack.root.stack:,} bytes, and {stack.bound:,} may be needed",
        fix="make it larger, or frames smaller: `pykasm check --stacks` shows all",
        notes=_largest(build, stacks, stack),
        symbol=stack.root.symbol,
    )


def _largest(build: Build, stacks: Stacks, stack: Stack) -> Iterator[Note]:
    """Yield notes on what takes the most of a stack."""
    routines = build.analysis.routines
    frames = stacks.path(stack.root.symbol).frames
    for one in sorted(frames, key=lambda one: -one.size * one.times)[:LARGEST]:
        declared = line_span(routines[one.symbol].routine.declared)
        yield Note(declared, f"{one.size * one.times:,} of them here")
    for layer in stack.layers:
        declared = line_span(routines[layer.symbol].routine.declared)
        times = f"{layer.times} times " if layer.times > 1 else ""
        yield Note(declared, f"{times}{layer.size:,} of them on top from here on")


class Doubt(NamedTuple):
    """The words of a finding about a stack whose depth has no bound."""

    what: str
    mark: str
    fix: str


RECURSION = Doubt(
    "nothing bounds how often this call comes back to itself",
    "what it calls, it has not returned from yet",
    "say how often at most: `@function(recursion=…)`",
)
UNKNOWN_CALL = Doubt(
    "nothing says where this call goes",
    "it may need any amount of stack",
    "call through a pointer of a type `Fn[[…], …]`",
)
DYNAMIC = Doubt(
    "nothing says how much stack this takes",
    "any amount",
    "take a `local` of the largest size, or memory from elsewhere",
)
NESTING = Doubt(
    "nothing bounds how many interrupts come on top of each other",
    "interrupts lead here, and this lets in the next",
    "leave them off until the handler returns, or say how often: `@function(interruptible=…)`",
)


def _unbounded(build: Build, stacks: Stacks) -> Iterator[Finding]:
    """Find all that may make a stack deeper than is known."""
    for location, doubt in _doubts(stacks):
        if location.symbol in stacks.reached:
            yield Finding(
                E025,
                doubt.what,
                span=build.analysis.span(*location),
                mark=doubt.mark,
                fix=doubt.fix,
                symbol=location.symbol,
            )
    for stack in stacks.without_size:
        yield Finding(
            E025,
            f"nothing says how large the stack of `{stack.root.symbol}` is",
            span=line_span(stack.root.declared),
            mark=f"{stack.bound:,} bytes may be needed",
            fix="say so where code begins on it: `stack=` and its bytes",
            symbol=stack.root.symbol,
        )


def _doubts(stacks: Stacks) -> Iterator[tuple[Location, Doubt]]:
    yield from ((one, RECURSION) for one in stacks.unbounded_recursion)
    yield from ((one, UNKNOWN_CALL) for one in stacks.unknown_calls)
    yield from ((one, DYNAMIC) for one in stacks.dynamic)
    yield from ((one, NESTING) for one in stacks.interrupt_enables)
