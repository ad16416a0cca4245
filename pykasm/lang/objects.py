"""From the units of a program to object files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pykasm.collection import without_garbage_collection
from pykasm.encode.encoder import Encoder
from pykasm.encode.layout import assemble_all
from pykasm.errors import Collector, collecting
from pykasm.isa.code import Align, AssembledCode
from pykasm.isa.statement import FixupKind
from pykasm.lang.data import LabelAddress, Storage
from pykasm.lang.debuginfo import DebugTypes, debug_function, debug_variable
from pykasm.lang.image import PackedData, Program
from pykasm.lang.routine import Routine
from pykasm.lang.unit import Unit
from pykasm.objects.debug import DebugUnit
from pykasm.objects.model import (
    ObjectFile,
    Relocation,
    RelocationKind,
    Section,
    SectionFlags,
    SectionKind,
    Symbol,
    SymbolKind,
)

FUNCTION_ALIGNMENT = 16
"""Bytes; the fetch width that the optimisation manuals align branch targets to."""

RELOCATIONS = {
    FixupKind.BRANCH32: RelocationKind.R_X86_64_PLT32,
    FixupKind.BRANCH16: RelocationKind.R_X86_64_PC16,
    FixupKind.PC32: RelocationKind.R_X86_64_PC32,
    FixupKind.SIGNED32: RelocationKind.R_X86_64_32S,
    FixupKind.ABSOLUTE16: RelocationKind.R_X86_64_16,
    FixupKind.ABSOLUTE32: RelocationKind.R_X86_64_32,
    FixupKind.ABSOLUTE64: RelocationKind.R_X86_64_64,
}

CODE_FLAGS = SectionFlags.ALLOC | SectionFlags.EXECUTE

DATA_FLAGS = {
    Storage.BSS: SectionFlags.ALLOC | SectionFlags.WRITE,
    Storage.DATA: SectionFlags.ALLOC | SectionFlags.WRITE,
    Storage.RODATA: SectionFlags.ALLOC,
    Storage.PERCPU: SectionFlags.ALLOC | SectionFlags.WRITE,
    Storage.INIT: SectionFlags.ALLOC | SectionFlags.WRITE,
    Storage.BOOT: SectionFlags.ALLOC | SectionFlags.WRITE,
    Storage.HEADER: SectionFlags.ALLOC,
    Storage.NOTE: SectionFlags.ALLOC,
}


@dataclass(slots=True)
class PlacedRoutine:
    """A routine after layout, at `offset` of `section` of its unit's object."""

    routine: Routine
    code: AssembledCode
    section: str
    offset: int


@dataclass(slots=True)
class AssembledUnit:
    """A unit's object file, and its routines for listings and checks."""

    name: str
    object: ObjectFile
    routines: list[PlacedRoutine] = field(default_factory=list)

    @property
    def sections(self) -> list[SectionKind]:
        """The sections of the object."""
        return [SectionKind(one.name, one.flags) for one in self.object.sections]


def assemble_program(program: Program, encoder: Encoder, directory: str) -> list[AssembledUnit]:
    """Encode all code in one go and fill an object for each unit.

    `directory` is the root that source paths in debugging information are relative to. Raises
    `BuildFailed` with all mistakes that only show now, such as a label that was never placed.
    """
    return assemble_units(program.units, program.packed, encoder, directory)


def assemble_units(
    units: Sequence[Unit],
    packed: Mapping[str, list[PackedData]],
    encoder: Encoder,
    directory: str,
) -> list[AssembledUnit]:
    """Return what `units` come to in object files; their data are `packed`. See
    `assemble_program`."""
    with without_garbage_collection():
        routines = [routine for unit in units for routine in unit.routines]
        with collecting(Collector()) as collector:
            codes: list[AssembledCode] = []
            with collector.catching():
                codes = assemble_all([(one.symbol, one.items) for one in routines], encoder)
            collector.finish()
        by_symbol = {one.symbol: code for one, code in zip(routines, codes, strict=True)}
        types = DebugTypes()
        return [
            _Assembler(unit, packed[unit.name], by_symbol, types, directory).run() for unit in units
        ]


class _Assembler:
    """Fills the object of one unit."""

    def __init__(
        self,
        unit: Unit,
        packed: list[PackedData],
        codes: dict[str, AssembledCode],
        types: DebugTypes,
        directory: str,
    ) -> None:
        self.unit = unit
        self.packed = packed
        self.codes = codes
        self.types = types
        self.directory = directory
        self.debug = DebugUnit(unit.name, directory)
        self.made = AssembledUnit(unit.name, ObjectFile(unit.name, debug=self.debug))
        self.sections: dict[str, Section] = {}

    def run(self) -> AssembledUnit:
        """The finished unit."""
        for routine in self.unit.routines:
            self._add_code(routine)
        for packed in self.packed:
            self._add_data(packed)
        self.made.object.sections = list(self.sections.values())
        return self.made

    def _section(self, kind: str, flags: SectionFlags, nobits: bool = False) -> Section:
        section = self.sections.get(kind)
        if section is None:
            name = f"{kind}.{self.unit.name}"
            section = self.sections[kind] = Section(name, flags, zeros=0 if nobits else None)
        return section

    def _add_code(self, routine: Routine) -> None:
        section = self._section(routine.section, CODE_FLAGS)
        code = self.codes[routine.symbol]
        offset = _pad(section, _alignment(routine), filler=0xCC)  # int3: nothing runs off an end
        section.data += code.code
        section.relocations += [
            _new(Relocation, (offset + place, RELOCATIONS[kind], target, addend))
            for place, kind, target, addend in code.relocations
        ]
        self._symbol(routine.symbol, section, offset, len(code.code), SymbolKind.FUNC)
        self.made.routines.append(PlacedRoutine(routine, code, section.name, offset))
        self.debug.functions.append(debug_function(routine, code, section.name, offset, self.types))

    def _symbol(
        self, name: str, section: Section, offset: int, size: int, kind: SymbolKind
    ) -> None:
        self.made.object.symbols.append(Symbol(name, section.name, offset, size, kind))

    def _add_data(self, packed: PackedData) -> None:
        datum, storage = packed.datum, packed.datum._storage
        nobits = storage is Storage.BSS
        section = self._section(storage.value, DATA_FLAGS[storage], nobits)
        section.note = storage is Storage.NOTE
        offset = _pad(section, datum._alignment)
        if nobits:
            section.zeros = offset + len(packed.bytes)
        else:
            section.data += packed.bytes
        for one in packed.references:
            target, addend = self._resolved(one.target, one.addend)
            kind = RelocationKind.R_X86_64_64 if one.size == 8 else RelocationKind.R_X86_64_32
            section.relocations.append(Relocation(offset + one.offset, kind, target, addend))
        self._symbol(datum._symbol, section, offset, len(packed.bytes), SymbolKind.OBJECT)
        self.debug.variables.append(debug_variable(datum, self.types, self.directory))

    def _resolved(self, target: str | LabelAddress, addend: int) -> tuple[str, int]:
        if isinstance(target, str):
            return target, addend
        return target.symbol, addend + self.codes[target.symbol].labels[target.label]


def _alignment(routine: Routine) -> int:
    """What the routine begins at a multiple of: the most that `align_code` asks for in it."""
    asked = (item.boundary for item in routine.items if type(item) is Align)
    return max(FUNCTION_ALIGNMENT, *asked, 0)


_new: Any = tuple.__new__
"""Makes a named tuple of a tuple, in a third of the time that calling its class takes."""


def _pad(section: Section, alignment: int, filler: int = 0) -> int:
    """Round the section's end up to `alignment` bytes; the new end."""
    section.align = max(section.align, alignment)
    size = section.size
    padding = -size % alignment
    if section.zeros is not None:
        section.zeros += padding
    else:
        section.data += bytes([filler]) * padding
    return size + padding
