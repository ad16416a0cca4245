"""The debugging sections of an object."""

from __future__ import annotations

from pykasm.objects.debug import DebugUnit
from pykasm.objects.files import FileTable
from pykasm.objects.frames import frame_section
from pykasm.objects.info import info_sections
from pykasm.objects.lines import line_section
from pykasm.objects.model import Binding, ObjectFile, Section
from pykasm.objects.ranges import address_section, code_ranges, range_section
from pykasm.objects.shapes import abbreviation_section


def debug_sections(obj: ObjectFile, unit: DebugUnit) -> list[Section]:
    """The DWARF sections that describe `obj` as `unit` says."""
    files = FileTable(unit)
    ranges = code_ranges(unit)
    exported = {symbol.name for symbol in obj.symbols if symbol.binding is Binding.GLOBAL}
    relocated = {
        section.name: frozenset(relocation.offset for relocation in section.relocations)
        for section in obj.sections
    }
    described = [
        *info_sections(unit, files, ranges, exported),
        abbreviation_section(),
        line_section(unit, files),
    ]
    if ranges:
        described += [range_section(ranges), address_section(ranges)]
    frames = frame_section(unit, relocated)
    return [*described, frames] if frames.data else described
