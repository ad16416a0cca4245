"""`.debug_rnglists` and `.debug_aranges`: the code of a unit (DWARF 5, 2.17.3 and 6.1.2)."""

from __future__ import annotations

from typing import NamedTuple

from pykasm.objects import dwarf
from pykasm.objects.debug import DebugUnit
from pykasm.objects.dwarf import RangeEntry
from pykasm.objects.model import Section
from pykasm.objects.writer import SectionWriter

_ARANGES_VERSION = 2
RANGES_START = 12
"""Offset of the only list in `.debug_rnglists`: it follows the header (DWARF 5, 7.28)."""


class CodeRange(NamedTuple):
    """`size` bytes of code at `start` of `section`."""

    section: str
    start: int
    size: int


def code_ranges(unit: DebugUnit) -> list[CodeRange]:
    """One range a section: from the unit's first function there to the end of its last one."""
    bounds: dict[str, tuple[int, int]] = {}
    for function in unit.functions:
        start, end = function.offset, function.offset + len(function.code)
        first, last = bounds.get(function.section, (start, end))
        bounds[function.section] = min(first, start), max(last, end)
    return [CodeRange(name, first, last - first) for name, (first, last) in bounds.items()]


def range_section(ranges: list[CodeRange]) -> Section:
    """`.debug_rnglists`."""
    out = SectionWriter(".debug_rnglists")
    with out.counted():
        out.number(dwarf.VERSION, 2)
        out.number(dwarf.ADDRESS_SIZE, 1)
        out.number(0, 1)  # no segment selectors
        out.number(0, 4)  # no table of offsets
        for section, start, size in ranges:
            out.number(RangeEntry.START_LENGTH, 1)
            out.address(section, start)
            out.uleb(size)
        out.number(RangeEntry.END_OF_LIST, 1)
    return out.section


def address_section(ranges: list[CodeRange]) -> Section:
    """`.debug_aranges`, by which debuggers find the unit of an address."""
    out = SectionWriter(".debug_aranges")
    with out.counted():
        out.number(_ARANGES_VERSION, 2)
        out.section_offset(".debug_info")
        out.number(dwarf.ADDRESS_SIZE, 1)
        out.number(0, 1)  # no segment selectors
        out.data += bytes(-len(out.data) % (2 * dwarf.ADDRESS_SIZE))
        for section, start, size in ranges:
            out.address(section, start)
            out.number(size, dwarf.ADDRESS_SIZE)
        out.data += bytes(2 * dwarf.ADDRESS_SIZE)
    return out.section
