"""`.debug_info`: the functions and globals of a unit (DWARF 5, chapters 3 and 4)."""

from __future__ import annotations

from operator import attrgetter

from pykasm.objects import dwarf, shapes
from pykasm.objects.debug import DebugFunction, DebugUnit, DebugVariable, Variable
from pykasm.objects.dwarf import Operation
from pykasm.objects.entries import EntryWriter
from pykasm.objects.files import FileTable
from pykasm.objects.locations import LocationLists
from pykasm.objects.model import Section
from pykasm.objects.ranges import RANGES_START, CodeRange
from pykasm.objects.types import write_types

_PRODUCER = "pykasm"
_DIRECTORY = "."
"""Where the build ran: not told, as the same source gives the same bytes in any folder.

Debuggers take it for the folder that they are started in, the project's root.
"""
_FRAME_BASE = bytes((1, Operation.CALL_FRAME_CFA))  # counted


def info_sections(
    unit: DebugUnit, files: FileTable, ranges: list[CodeRange], exported: set[str]
) -> list[Section]:
    """`.debug_info`, `.debug_str` and `.debug_loclists` of `unit`.

    `exported` are the symbols that other objects see.
    """
    out = EntryWriter(files.numbers)
    base = ranges[0].section if ranges else ""
    locations = LocationLists(base)
    with out.counted():
        _write_unit(out, files.primary, base)
        for function in unit.functions:
            _write_function(out, function, locations, function.name in exported)
        for variable in unit.variables:
            _write_global(out, variable, variable.symbol in exported)
        write_types(out)
        out.end_children()
    out.resolve()
    return [out.section, out.string_section(), *locations.sections()]


def _write_unit(out: EntryWriter, file: str, base: str) -> None:
    """The header and the entry of a unit in `file`; addresses count from section `base`."""
    out.number(dwarf.VERSION, 2)
    out.number(dwarf.UNIT_TYPE_COMPILE, 1)
    out.number(dwarf.ADDRESS_SIZE, 1)
    out.section_offset(".debug_abbrev")
    out.begin(shapes.CODE_UNIT if base else shapes.DATA_UNIT)
    out.name(_PRODUCER)
    out.number(dwarf.LANGUAGE_C11, 1)
    out.name(file)
    out.name(_DIRECTORY)
    out.section_offset(".debug_line")
    if base:
        out.address(base)
        out.section_offset(".debug_rnglists", RANGES_START)


def _write_function(
    out: EntryWriter, function: DebugFunction, locations: LocationLists, exported: bool
) -> None:
    out.begin(shapes.PROCEDURE if function.result is None else shapes.FUNCTION)
    out.name(function.name)
    out.declared(function.declared)
    out.number(int(exported), 1)
    out.address(function.section, function.offset)
    out.uleb(len(function.code))
    out.data += _FRAME_BASE
    if function.result is not None:
        out.type(function.result)
    for places in _by_name(function.variables):
        variable, parameter = places[0], any(place.parameter for place in places)
        out.begin(shapes.PARAMETER if parameter else shapes.VARIABLE)
        out.string(variable.name)  # short and many: an offset with its relocation costs more
        out.type(variable.type)
        out.section_offset(".debug_loclists", locations.add(function, places))
    out.end_children()


def _by_name(variables: list[Variable]) -> list[list[Variable]]:
    """The places of each variable, the latest first, as debuggers take the first that is valid.

    A variable that moves is given once for each place; so is a parameter that is kept.
    """
    found: dict[tuple[str, int], list[Variable]] = {}
    for variable in variables:
        if variable.start < variable.end:
            found.setdefault((variable.name, id(variable.type)), []).insert(0, variable)
    for places in found.values():
        places.sort(key=_start, reverse=True)
    return list(found.values())


_start = attrgetter("start")


def _write_global(out: EntryWriter, variable: DebugVariable, exported: bool) -> None:
    out.begin(shapes.GLOBAL)
    out.name(variable.name)
    out.type(variable.type)
    out.declared(variable.declared)
    out.number(int(exported), 1)
    out.uleb(1 + dwarf.ADDRESS_SIZE)
    out.number(Operation.ADDR, 1)
    out.address(variable.symbol)
