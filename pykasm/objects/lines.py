"""`.debug_line`: which source line each instruction comes from (DWARF 5, 6.2)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from pykasm.objects import dwarf
from pykasm.objects.debug import DebugFunction, DebugUnit
from pykasm.objects.dwarf import ExtendedLineOpcode, Form, LineContent, LineOpcode
from pykasm.objects.files import FileTable
from pykasm.objects.leb128 import signed, unsigned
from pykasm.objects.model import Section
from pykasm.objects.writer import SectionWriter
from pykasm.source import Source

_LINE_BASE = -5
_LINE_RANGE = 14
_OPERAND_COUNTS = bytes((0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1))  # of the standard opcodes, from 1
_OPCODE_BASE = len(_OPERAND_COUNTS) + 1
_LAST_OPCODE = 255
_FIRST_FILE = 1  # what the `file` register of the line machine starts as (6.2.2)
_FIRST_LINE = 1


def line_section(unit: DebugUnit, files: FileTable) -> Section:
    """`.debug_line` with one sequence a function of `unit`."""
    out = SectionWriter(".debug_line")
    with out.counted():
        out.number(dwarf.VERSION, 2)
        out.number(dwarf.ADDRESS_SIZE, 1)
        out.number(0, 1)  # no segment selectors
        with out.counted():
            _write_parameters(out)
            _write_files(out, files)
        program = len(out.data)
        for function in unit.functions:
            if function.rows:
                _write_sequence(out, function, files.numbers)
        if len(out.data) == program:
            out.data += _NO_STEP
    return out.section


def _write_parameters(out: SectionWriter) -> None:
    out.number(1, 1)  # the length of the shortest instruction
    out.number(1, 1)  # operations an instruction: not a VLIW machine
    out.number(1, 1)  # rows begin a statement
    out.data += _LINE_BASE.to_bytes(1, "little", signed=True)
    out.number(_LINE_RANGE, 1)
    out.number(_OPCODE_BASE, 1)
    out.data += _OPERAND_COUNTS


def _write_files(out: SectionWriter, files: FileTable) -> None:
    out.data += bytes((1, LineContent.PATH, Form.STRING))
    out.uleb(len(files.directories))
    for directory in files.directories:
        out.string(directory)
    out.data += bytes((2, LineContent.PATH, Form.STRING, LineContent.DIRECTORY_INDEX, Form.UDATA))
    out.uleb(len(files.files))
    for name, directory_number in files.files:
        out.string(name)
        out.uleb(directory_number)


_SET_ADDRESS = bytes((LineOpcode.EXTENDED, 1 + dwarf.ADDRESS_SIZE, ExtendedLineOpcode.SET_ADDRESS))
_SET_FILE = bytes((LineOpcode.SET_FILE,))
_SET_PROLOGUE_END = bytes((LineOpcode.SET_PROLOGUE_END,))
_ADVANCE_PC = bytes((LineOpcode.ADVANCE_PC,))
_END_SEQUENCE = bytes((LineOpcode.EXTENDED, 1, ExtendedLineOpcode.END_SEQUENCE))
_NO_STEP = _ADVANCE_PC + unsigned(0)
"""Appends no row: readelf takes files that no program follows for a damaged list."""


def _write_sequence(out: SectionWriter, function: DebugFunction, files: dict[str, int]) -> None:
    out.data += _SET_ADDRESS
    out.address(function.section, function.offset)
    prologue_end = function.prologue_end
    data, file, line, address = out.data, _FIRST_FILE, _FIRST_LINE, 0
    for offset, source in _rows(function):
        number = files[source[0]]
        if number != file:
            data += _SET_FILE + unsigned(number)
            file = number
        if offset == prologue_end:
            data += _SET_PROLOGUE_END
        data += _row(source[1] - line, offset - address)
        line, address = source[1], offset
    data += _ADVANCE_PC + unsigned(len(function.code) - address) + _END_SEQUENCE


def _rows(function: DebugFunction) -> Iterator[tuple[int, Source]]:
    """The rows where the line changes and the one at the end of the prologue.

    Of several rows at one offset the last counts: the earlier ones made no code.
    """
    rows, prologue_end = dict(function.rows), function.prologue_end
    if prologue_end not in rows:
        rows[prologue_end] = [row for row in function.rows if row[0] <= prologue_end][-1][1]
        rows = dict(sorted(rows.items()))
    before = None
    for offset, source in rows.items():
        if source != before or offset == prologue_end:
            yield offset, source
            before = source


@cache
def _row(lines: int, addresses: int) -> bytes:
    """The shortest opcodes that add to the line and the address and append a row (6.2.5.1)."""
    step = lines - _LINE_BASE
    if 0 <= step < _LINE_RANGE:
        opcode = step + _LINE_RANGE * addresses + _OPCODE_BASE
        if opcode <= _LAST_OPCODE:
            return bytes((opcode,))
    advance_line = bytes((LineOpcode.ADVANCE_LINE,)) + signed(lines)
    if lines and not 0 <= step < _LINE_RANGE:
        return advance_line + _row(0, addresses)
    advance_pc = bytes((LineOpcode.ADVANCE_PC,)) + unsigned(addresses)
    return advance_pc + _row(lines, 0)
