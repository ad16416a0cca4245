"""Instructions whose RIP-relative operand the emulator finds in the wrong place.

Unicorn 2.1 forgets the immediate behind the displacement of `shld`, `shrd` and `rorx`, and counts
from a place before the instruction's end (found by trying every opcode with such an operand). In a
host's memory the size of the immediate is added to the displacement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from iced_x86 import Decoder

from pykasm.isa.code import Line
from pykasm.lang.objects import AssembledUnit, PlacedRoutine

_NAMES = frozenset({"shld", "shrd", "rorx"})


def misread_fields(units: Iterable[AssembledUnit]) -> dict[tuple[str, int], int]:
    """The bytes that the emulator forgets, by the section and the offset of the displacement."""
    return {
        (placed.section, placed.offset + field): behind
        for unit in units
        for placed in unit.routines
        for field, behind in _fields(placed)
    }


def _fields(placed: PlacedRoutine) -> Iterator[tuple[int, int]]:
    code = placed.code
    for item, start, end in zip(code.body, code.offsets, code.offsets[1:], strict=False):
        if type(item) is not Line or item.statement.mnemonic not in _NAMES:
            continue
        decoder = Decoder(placed.routine.bits, code.code[start:end])
        instruction = decoder.decode()
        offsets = decoder.get_constant_offsets(instruction)
        if instruction.is_ip_rel_memory_operand and offsets.has_immediate:
            yield start + offsets.displacement_offset, offsets.immediate_size
