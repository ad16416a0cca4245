"""How to get from an instruction back to the caller: frames found by following the code.

Nothing has to be declared: the code is decoded, and what it does to rsp, rbp and the registers
it saves is followed along its branches (DWARF 5, 6.4, calls the result a table of rows).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from operator import itemgetter

from pykasm.objects.debug import EntryFrame
from pykasm.objects.dwarf import REGISTER_NUMBERS
from pykasm.objects.effects import (
    CALLER_SAVED,
    GENERAL,
    RBP,
    RIP,
    RSP,
    Action,
    Effect,
    EffectReader,
    Place,
)

SLOT = 8
"""Bytes that a register takes on the stack."""

_INTERRUPT_FRAME = ("ss", "rsp", "rflags", "cs", "rip")
"""What the processor pushes, in order (AMD64 APM vol. 2, 8.9.3)."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What is known of the stack at an instruction; equal ones are the same object.

    The CFA (canonical frame address, DWARF 5, 6.4) is the end of what was on the stack when the
    function was entered. `depth` is the distance from rsp up to it, `base` that from rbp; None
    if not known. `saved` pairs registers with the place of the caller's value, relative to the
    CFA. `lost` are registers whose values for the caller can't be known.
    """

    depth: int | None
    base: int | None
    saved: tuple[tuple[int, int], ...]
    lost: frozenset[int]
    call: bool


unique_frame = cache(Frame)
"""Makes a frame, or finds the one that is like it: so they are compared and looked up quickly."""


@cache
def entry_frame(entry: EntryFrame, pushed: int) -> Frame:
    """The frame at the first instruction of a function, `pushed` bytes below what `entry` says."""
    match entry:
        case EntryFrame.CALL | EntryFrame.STACK_SWITCH:
            return unique_frame(SLOT + pushed, None, ((RIP, -SLOT),), CALLER_SAVED, True)
        case EntryFrame.NONE | EntryFrame.SYSCALL | EntryFrame.PROGRAM:
            return unique_frame(pushed, None, (), GENERAL | {RIP}, False)
    saved = tuple(
        (REGISTER_NUMBERS[name], -SLOT * place)
        for place, name in enumerate(_INTERRUPT_FRAME, start=1)
    )
    depth = SLOT * (len(saved) + (entry is EntryFrame.INTERRUPT_WITH_ERROR))
    return unique_frame(depth + pushed, None, saved, frozenset(), False)


def frame_rows(
    code: bytes, entry: Frame, base: int = 0, relocated: frozenset[int] = frozenset()
) -> list[tuple[int, Frame]]:
    """The frames of a function of 64-bit `code`, each with the offset from which it holds.

    `base` is the code's offset in its section and `relocated` the offsets there that the linker
    fills in. Code that no branch is seen to reach (a case of a jump table) is taken to have the
    frame of the last indirect jump before it.
    """
    found = _reader(entry.lost).places(code, base, relocated)
    targets = {place.target for place in found if place.target is not None}
    if targets:
        targets.difference_update([place.offset for place in found])
        found += [Place(at, at, _NO_EFFECT, None) for at in targets if at < len(code)]
        found.sort(key=_offset)
    arrivals = {0: entry}
    known = 0
    while True:
        rows, unreached = _follow(found, arrivals)
        if not unreached:
            break
        if len(arrivals) == known:  # no branch leads there: take the first for a case
            case = next(((offset, frame) for offset, frame in unreached if frame), None)
            if case is None:
                break
            arrivals.update([case])
        known = len(arrivals)
    rows.sort(key=_offset)  # a branch may lead into the middle of an instruction
    return rows


_offset = itemgetter(0)
_NO_EFFECT = Effect()


@cache
def _reader(lost: frozenset[int]) -> EffectReader:
    """The reader for a function that may change the registers in `lost`."""
    return EffectReader(GENERAL - lost)


def _follow(
    found: list[Place], arrivals: dict[int, Frame]
) -> tuple[list[tuple[int, Frame]], list[tuple[int, Frame | None]]]:
    """One pass over a function; the rows, and the places that were not reached.

    `arrivals` are the frames at the entry and at the targets of branches, to which the pass
    adds. With an unreached place comes the frame of the last indirect jump before it.
    """
    frame: Frame | None = arrivals[0]
    table: Frame | None = None
    rows, unreached = [(0, arrivals[0])], []
    for offset, end, effect, target in found:
        frame = arrivals.get(offset, frame)
        if frame is None:
            unreached.append((offset, table))
            continue
        if frame is not rows[-1][1]:
            rows.append((offset, frame))
        if effect.steps:
            frame = _after(frame, effect)
            rows.append((end, frame))
        if target is not None:
            arrivals.setdefault(target, frame)
        if effect.ends:
            table = frame if effect.indirect else table
            frame = None
    return rows, unreached


@cache
def _after(frame: Frame, effect: Effect) -> Frame:
    """The frame after an instruction of `effect`."""
    for action, argument in effect.steps:
        frame = _ACTIONS[action](frame, argument)
    if frame.depth is None and frame.base is None:
        frame = replace(frame, saved=(), lost=frame.lost | {RIP})
    return unique_frame(frame.depth, frame.base, frame.saved, frame.lost, frame.call)


def _push(frame: Frame, register: int) -> Frame:
    frame = _add(frame, -SLOT)
    depth = frame.depth
    untouched = register not in frame.lost and register not in dict(frame.saved)
    if depth is None or depth % SLOT or not untouched or register == RSP:
        return frame
    return replace(frame, saved=(*frame.saved, (register, -depth)))


def _pop(frame: Frame, register: int) -> Frame:
    slot = None if frame.depth is None else (register, -frame.depth)
    if slot in frame.saved:
        frame = replace(frame, saved=tuple(place for place in frame.saved if place != slot))
        if register == RBP:
            frame = replace(frame, base=None)
    else:
        frame = _change(frame, register)
    return _add(frame, SLOT)


def _add(frame: Frame, distance: int) -> Frame:
    if frame.depth is None:
        return frame
    return _lower(frame, frame.depth - distance)


def _lower(frame: Frame, depth: int | None) -> Frame:
    """The frame with rsp `depth` below the CFA; what is saved below rsp is no longer safe."""
    gone = {register for register, place in frame.saved if depth is not None and place < -depth}
    if gone:
        kept = tuple(place for place in frame.saved if place[0] not in gone)
        return replace(frame, depth=depth, saved=kept, lost=frame.lost | gone)
    return replace(frame, depth=depth)


def _base_from_stack(frame: Frame, distance: int) -> Frame:
    base = None if frame.depth is None else frame.depth - distance
    return replace(_change(frame, RBP), base=base)


def _stack_from_base(frame: Frame, distance: int) -> Frame:
    return _lower(frame, None if frame.base is None else frame.base - distance)


def _switch_stack(frame: Frame, _: int) -> Frame:
    """A function that was called and takes another stack finds its own frame there.

    That is what a switch between threads does: both stacks were left by the same code.
    """
    return frame if frame.call else replace(frame, depth=None)


def _lose_stack(frame: Frame, _: int) -> Frame:
    return replace(frame, depth=None)


def _change(frame: Frame, register: int) -> Frame:
    if register == RBP and frame.base is not None:
        frame = replace(frame, base=None)
    if register in frame.lost or register in dict(frame.saved):
        return frame
    return replace(frame, lost=frame.lost | {register})


_ACTIONS = {
    Action.PUSH: _push,
    Action.POP: _pop,
    Action.ADD: _add,
    Action.BASE_FROM_STACK: _base_from_stack,
    Action.STACK_FROM_BASE: _stack_from_base,
    Action.SWITCH_STACK: _switch_stack,
    Action.LOSE_STACK: _lose_stack,
    Action.CHANGE: _change,
}
