"""What another process makes of units whose code is written, while this one writes the others'."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pykasm.build.memory import UNKEPT, Kept
from pykasm.build.modulesource import Layout
from pykasm.build.project import Project
from pykasm.build.unitrecord import RememberedUnit, UnitRecord, WrittenUnit
from pykasm.encode.encoder import Encoder
from pykasm.errors import Collector, collecting
from pykasm.files import write_if_changed
from pykasm.isa.code import AssembledCode, CodeRelocation, Label
from pykasm.isa.statement import Encoding, Statement
from pykasm.lang.data import DataReference, LabelAddress
from pykasm.lang.image import PackedData, pack_unit
from pykasm.lang.objects import PlacedRoutine, assemble_units
from pykasm.lang.routine import Routine
from pykasm.lang.unit import Unit
from pykasm.listing.files import UnitTexts, write_part
from pykasm.listing.maker import unit_listing
from pykasm.objects.elf import write_object
from pykasm.objects.model import SectionKind

LEAST = 8_000
"""Fewer items of code are not worth a fork."""


class PlacedCode(NamedTuple):
    """What a routine comes to beside what the process knows that wrote it."""

    code: bytes
    offsets: list[int]
    relocations: list[CodeRelocation]
    section: str
    offset: int


class UnitAhead(NamedTuple):
    """What a unit comes to if its data are those that `data` tells from others."""

    name: str
    data: bytes
    routines: list[PlacedCode]
    sections: list[SectionKind]
    kept: Kept
    texts: bytes | None

    def written(
        self, unit: Unit, packed: list[PackedData], again: Callable[[], WrittenUnit]
    ) -> WrittenUnit:
        """The `unit` itself, as this tells. Who asks for its object has it made `again`."""
        made = RememberedUnit.__new__(RememberedUnit)
        made.name, made.kinds, made.again = unit.name, self.sections, again
        made.routines = [_placed(*one) for one in zip(unit.routines, self.routines, strict=True)]
        return WrittenUnit(unit, packed, made)


class Batch(NamedTuple):
    """What some units come to, and the encodings that were not known before."""

    units: list[UnitAhead]
    encodings: dict[Statement, Encoding]


class Maker(NamedTuple):
    """What makes files and records of units with so many data `declared`; with `listing` also their
    parts of that."""

    project: Project
    encoder: Encoder
    declared: Mapping[str, int]
    layouts: Mapping[str, Layout]
    listing: bool

    def batch(self, batch: Sequence[Unit]) -> Batch:
        """Make those of `batch`. Raises `BuildFailed` if there is a mistake in any of them: whoever
        makes all again tells of it, in the order of the image."""
        project, known = self.project, len(self.encoder.known)
        with collecting(Collector()) as collector:
            packed = {unit.name: pack_unit(unit, collector) for unit in batch}
            made = assemble_units(batch, packed, self.encoder, str(project.root))
            collector.finish()
        found = [
            self._made(WrittenUnit(unit, packed[unit.name], assembled))
            for unit, assembled in zip(batch, made, strict=True)
        ]
        return Batch(
            [one for one in found if one is not None],
            dict(islice(self.encoder.known.items(), known, None)),
        )

    def _made(self, written: WrittenUnit) -> UnitAhead | None:
        unit, packed, assembled = written
        contents = write_object(assembled.object)
        record = UnitRecord.of(written, self.declared[unit.name], contents)
        try:
            kept = Kept.of(record, self.layouts)
        except UNKEPT:
            return None
        write_if_changed(self.project.objects / f"{unit.name}.o", contents)
        texts = unit_texts(written, self.project.cache) if self.listing else None
        routines = [
            PlacedCode(
                one.code.code, one.code.offsets, one.code.relocations, one.section, one.offset
            )
            for one in assembled.routines
        ]
        digest = data_digest(packed)
        return UnitAhead(unit.name, digest, routines, assembled.sections, kept, texts)


def unit_texts(written: WrittenUnit, cache: Path) -> bytes:
    """Write the script of a unit below `cache`, and return its texts, as pickle writes them."""
    listing = unit_listing(written.assembled, written.packed)
    write_part(listing, cache)
    return pickle.dumps(UnitTexts.of(listing), pickle.HIGHEST_PROTOCOL)


def data_digest(packed: Sequence[PackedData]) -> bytes:
    """Tells data from others that this process or its forks have packed."""
    digest = blake2b(digest_size=16)
    for one in packed:
        references = [*map(_told, one.references)]
        digest.update(f"{one.datum._symbol}\0{len(one.bytes)}\0{references}\0".encode())
        digest.update(one.bytes)
    return digest.digest()


def _told(reference: DataReference) -> tuple[object, ...]:
    target = reference.target
    place = (target.symbol, id(target.label)) if isinstance(target, LabelAddress) else target
    return reference.offset, reference.size, place, reference.addend, repr(reference.kind)


def _placed(routine: Routine, placed: PlacedCode) -> PlacedRoutine:
    code, offsets, relocations, section, offset = placed
    labels = {
        item: start
        for item, start in zip(routine.items, offsets, strict=False)  # the last one is the end
        if type(item) is Label
    }
    made = AssembledCode(code, routine.items, offsets, relocations, labels)
    return PlacedRoutine(routine, made, section, offset)
