"""`.debug_frame`: call frame information (DWARF 5, 6.4)."""

from __future__ import annotations

from functools import cache

from pykasm.objects import dwarf
from pykasm.objects.debug import DebugFunction, DebugUnit, EntryFrame
from pykasm.objects.dwarf import FrameInstruction as Cfa
from pykasm.objects.effects import RBP, RIP, RSP
from pykasm.objects.leb128 import unsigned
from pykasm.objects.model import Section
from pykasm.objects.unwind import SLOT, Frame, entry_frame, frame_rows, unique_frame
from pykasm.objects.writer import SectionWriter

_VERSION = 4
_SIGNAL_FRAME = "zS"
"""The caller was interrupted before the instruction it returns to, not called from before it.

The letters are from the augmentations of `.eh_frame` (LSB core, 10.6.1.1.1), which readers of
`.debug_frame` know too. `z` announces the length of data of which there is none.
"""
_NO_AUGMENTATION_DATA = bytes(1)  # for a reader that does not expect it: DW_CFA_nop
_TRAMPOLINES = (EntryFrame.INTERRUPT, EntryFrame.INTERRUPT_WITH_ERROR, EntryFrame.STACK_SWITCH)
"""What gdb takes for trampolines: it goes from these to frames on other stacks, which may lie
below, and from others to none that does."""
_CODE_ALIGNMENT = 1
_DATA_ALIGNMENT = -SLOT


def frame_section(unit: DebugUnit, relocated: dict[str, frozenset[int]]) -> Section:
    """`.debug_frame` for the 64-bit functions of `unit`.

    `relocated` are the offsets that the linker fills in, by section.
    """
    out = SectionWriter(".debug_frame")
    common: dict[EntryFrame, int] = {}
    for function in unit.functions:
        if function.bits == 64:
            cie = common.get(function.entry_frame)
            if cie is None:
                cie = common[function.entry_frame] = len(out.data)
                _write_common(out, function.entry_frame)
            _write_function(out, function, cie, relocated.get(function.section, frozenset()))
    return out.section


def _write_common(out: SectionWriter, entry: EntryFrame) -> None:
    """The common information entry of functions entered in the way of `entry`."""
    with out.counted():
        out.number(dwarf.NO_CIE, 4)
        out.number(_VERSION, 1)
        out.string(_SIGNAL_FRAME if entry in _TRAMPOLINES else "")
        out.number(dwarf.ADDRESS_SIZE, 1)
        out.number(0, 1)  # no segment selectors
        out.uleb(_CODE_ALIGNMENT)
        out.sleb(_DATA_ALIGNMENT)
        out.uleb(RIP)
        if entry in _TRAMPOLINES:
            out.data += _NO_AUGMENTATION_DATA
        frame = entry_frame(entry, 0)
        register, distance = _address_rule(frame)
        out.data += bytes((Cfa.DEF_CFA, register)) + unsigned(distance)
        out.data += _register_changes(_NOTHING, frame)
        _pad(out)


def _write_function(
    out: SectionWriter, function: DebugFunction, cie: int, relocated: frozenset[int]
) -> None:
    with out.counted():
        out.section_offset(".debug_frame", cie)
        out.address(function.section, function.offset)
        out.number(len(function.code), dwarf.ADDRESS_SIZE)
        if function.entry_frame in _TRAMPOLINES:
            out.data += _NO_AUGMENTATION_DATA
        _write_changes(out.data, function, relocated)
        _pad(out)


def _write_changes(data: bytearray, function: DebugFunction, relocated: frozenset[int]) -> None:
    """What changes from the common entry on, along the code of `function`."""
    frame = entry_frame(function.entry_frame, 0)
    entered = entry_frame(function.entry_frame, function.pushed)
    code, place = function.code, 0
    size = len(code)
    for offset, after in frame_rows(code, entered, function.offset, relocated):
        if after is not frame and offset < size:
            change = _change(offset - place, frame, after)
            if change:
                data += change
                place = offset
        frame = after


def _pad(out: SectionWriter) -> None:
    """Fill the entry up to a multiple of an address (DWARF 5, 6.4.1)."""
    out.data += bytes((Cfa.NOP,)) * (-len(out.data) % dwarf.ADDRESS_SIZE)


def _advance(distance: int) -> bytes:
    if distance == 0:
        return b""
    if distance < Cfa.ADVANCE_LOC:
        return bytes((Cfa.ADVANCE_LOC | distance,))
    for code, size in ((Cfa.ADVANCE_LOC1, 1), (Cfa.ADVANCE_LOC2, 2)):
        if distance < 1 << 8 * size:
            return bytes((code,)) + distance.to_bytes(size, "little")
    return bytes((Cfa.ADVANCE_LOC4,)) + distance.to_bytes(4, "little")


_NOTHING = unique_frame(None, None, (), frozenset(), False)


@cache
def _change(distance: int, before: Frame, after: Frame) -> bytes:
    """The instructions that turn the rules of `before` into those of `after`, `distance` on."""
    change = _address_change(before, after) + _register_changes(before, after)
    return _advance(distance) + change if change else b""


def _address_rule(frame: Frame) -> tuple[int, int]:
    """The register and distance that give the CFA.

    Any will do where the backtrace ends: rsp may even be above what the caller pushed.
    """
    if RIP in frame.lost:
        return RSP, SLOT
    if frame.base is not None:
        return RBP, frame.base
    return RSP, frame.depth or 0


def _address_change(before: Frame, after: Frame) -> bytes:
    (old_register, old_distance), (register, distance) = _address_rule(before), _address_rule(after)
    if register == old_register:
        if distance == old_distance:
            return b""
        return bytes((Cfa.DEF_CFA_OFFSET,)) + unsigned(distance)
    if distance == old_distance:
        return bytes((Cfa.DEF_CFA_REGISTER, register))
    return bytes((Cfa.DEF_CFA, register)) + unsigned(distance)


def _register_changes(before: Frame, after: Frame) -> bytes:
    out = b""
    for register, place in sorted(set(after.saved) - set(before.saved)):
        out += bytes((Cfa.OFFSET | register,)) + unsigned(place // _DATA_ALIGNMENT)
    for register in sorted(after.lost - before.lost):
        out += bytes((Cfa.UNDEFINED, register))
    known = dict(after.saved).keys() | after.lost
    for register in sorted((dict(before.saved).keys() | before.lost) - known):
        out += bytes((Cfa.RESTORE | register,))
    return out
