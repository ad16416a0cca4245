"""The units of an image, written where they are not known from an earlier build."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from pykasm.build.imageloader import load_image
from pykasm.build.importer import Importer
from pykasm.build.memory import UNKEPT, Kept, Memory
from pykasm.build.project import Project
from pykasm.build.state import State
from pykasm.build.unitkeys import UnitKeys
from pykasm.build.unitrecord import UnitRecord, WrittenUnit
from pykasm.build.unitsahead import LEAST, Maker, UnitAhead, data_digest
from pykasm.build.version import builder_version
from pykasm.check.content import Content
from pykasm.errors import Collector, collecting
from pykasm.files import Stamps, write_if_changed
from pykasm.lang.image import Image, PackedData, emit_unit, pack_unit
from pykasm.lang.interning import is_interning
from pykasm.lang.objects import AssembledUnit, assemble_units
from pykasm.lang.subsystem import Subsystem
from pykasm.lang.unit import Unit
from pykasm.objects.elf import write_object
from pykasm.parallel import Ahead, in_parallel


class Units:
    """The image of `project` and what it comes to, unit by unit in its order. What `memory` has is
    not written again, unless somebody asks for more of it than is kept."""

    def __init__(self, project: Project, memory: Memory, *, recall: bool = True) -> None:
        self.project = project
        self.memory = memory
        self._objects = project.objects
        self.importer: Importer = memory.importer(project.root)
        self._collector = Collector()
        with collecting(self._collector):
            self.image = _loaded(project, self.importer)
        self.encoder = memory.encoder()
        self.program = self.image.program(project.debug)
        self._declared = {unit.name: len(unit.data) for unit in self.program.units}
        self._pairs = [*zip(self.program.units, self.image.subsystems, strict=True)]
        self._subsystems = {unit.name: one for unit, one in self._pairs}
        self._keys, are_sure = self._made_keys()
        self.are_sure = are_sure and recall
        """Whether what was written before is as it would be written now."""
        self.kept: dict[str, Kept] = {}
        self.records: dict[str, UnitRecord] = {}
        self._units: dict[str, WrittenUnit] = {}
        self._owners: dict[str, Subsystem] = {}
        """The subsystems whose units were recalled."""
        self._again: dict[str, WrittenUnit] = {}
        self.stamps = Stamps(project.cache / "stamps.json")
        """What files were made from."""
        self._ahead: dict[str, UnitAhead] = {}
        self.texts: dict[str, bytes] = {}
        """What the listing has of units that were made while others were written."""

    # Writing

    def _made_keys(self) -> tuple[dict[str, bytes], bool]:
        project = self.project
        settings = repr((builder_version(), str(project.root), project.debug, project.image))
        keys = UnitKeys(self.importer, settings)
        return {unit.name: keys.key(unit, owner) for unit, owner in self._pairs}, keys.are_sure

    def emit(self, *, files: bool = False, listing: bool = False) -> None:
        """Write the code of all units. Raises `BuildFailed` with all mistakes of all of them.

        With `files`, another process writes object files meanwhile, and with `listing` the parts of
        the listing.
        """
        program, layouts = self.program, self.importer.layouts
        state = State(self.image.subsystems, self.importer.variables)
        maker = Maker(self.project, self.encoder, self._declared, layouts, listing)
        ahead = Ahead(self._forget, maker.batch, LEAST)
        with collecting(self._collector) as collector, ahead:
            with self.image.emitting(program), self.importer.importing():
                for unit, owner in self._pairs:
                    kept = self.memory.unit(self._keys[unit.name], layouts)
                    record = None if kept is None else self._current_record(kept, owner)
                    if kept is not None and record is not None:
                        self._recall(unit, owner, kept, record)
                        continue
                    emit_unit(unit, owner)
                    if files and not is_interning(type(owner)):
                        ahead.add(unit, sum(len(one.items) for one in unit.routines))
                self.are_sure &= state.is_as_it_was
                for unit in program.units:
                    if unit.name not in self._units:
                        program.packed[unit.name] = pack_unit(unit, collector)
            program.finish(collector)
            for batch in ahead.results():
                self.encoder.known.update(batch.encodings)
                self._ahead.update((one.name, one) for one in batch.units)

    def _forget(self, units: Iterable[Unit]) -> None:
        """Before their object files are written: they are not those that they were."""
        self.stamps.forget(self.object_file(unit.name) for unit in units)

    def _current_record(self, kept: Kept, owner: Subsystem) -> UnitRecord | None:
        """What is kept of a unit, if it is still so: methods that intern answer as they did."""
        if not self.are_sure or is_interning(type(owner)):
            return None  # what other code asked may be among its data
        record: UnitRecord = pickle.loads(kept.record)
        for unit, method, arguments, options, answer in record.questions:
            if getattr(self._subsystems[unit], method)(*arguments, **options) != answer:
                return None
        return record

    @property
    def is_mixed(self) -> bool:
        """Whether units were recalled though others' code has turned out to matter to them."""
        return bool(self._owners) and not self.are_sure

    def forget_modules(self) -> None:
        """Have the project's modules imported anew."""
        for name in self.importer.modules:
            sys.modules.pop(name, None)

    def _recall(self, unit: Unit, owner: Subsystem, kept: Kept, record: UnitRecord) -> None:
        made = record.recall(unit, partial(self.again, unit.name))
        self.kept[unit.name], self.records[unit.name] = kept, record
        self._units[unit.name], self._owners[unit.name] = made, owner
        self.program.packed[unit.name] = made.packed

    def encode(self) -> None:
        """Encode what has been written."""
        program = self.program
        for unit in program.units:
            self._take(unit)
        new = [unit for unit in program.units if unit.name not in self._units]
        made = assemble_units(new, program.packed, self.encoder, str(self.project.root))
        for unit, assembled in zip(new, made, strict=True):
            self._units[unit.name] = WrittenUnit(unit, program.packed[unit.name], assembled)

    def _take(self, unit: Unit) -> None:
        """Take what was made of `unit` meanwhile, unless its data have changed since then."""
        made, packed = self._ahead.get(unit.name), self.program.packed[unit.name]
        if made is None or made.data != data_digest(packed):
            return
        name, record = unit.name, pickle.loads(made.kept.record)
        again = partial(self._assembled, unit, packed)
        self._units[name] = made.written(unit, packed, again)
        self.kept[name], self.records[name] = made.kept, record
        if made.texts is not None:
            self.texts[name] = made.texts

    def _assembled(self, unit: Unit, packed: list[PackedData]) -> WrittenUnit:
        root = str(self.project.root)
        (assembled,) = assemble_units([unit], {unit.name: packed}, self.encoder, root)
        return WrittenUnit(unit, packed, assembled)

    def again(self, name: str) -> WrittenUnit:
        """A unit with its code written, once more if need be."""
        if name not in self._owners:
            return self._units[name]
        if name not in self._again:
            self._again[name] = self._written(self._units[name].unit, self._owners[name])
        return self._again[name]

    def _written(self, remembered: Unit, owner: Subsystem) -> WrittenUnit:
        name = remembered.name
        declared = remembered.data[: self._declared[name]]
        unit = Unit(name, remembered.owner, data=declared)
        with collecting(Collector()) as collector:
            with self.image.emitting(self.program):
                emit_unit(unit, owner)
                packed = pack_unit(unit, collector)
            collector.finish()
        return self._assembled(unit, packed)

    @property
    def assembled(self) -> list[AssembledUnit]:
        """All units in the order of the image."""
        return [self._units[unit.name].assembled for unit in self.program.units]

    @property
    def in_order(self) -> list[UnitRecord]:
        """The records of all units in the order of the image, once they are there."""
        return [self.records[unit.name] for unit in self.program.units]

    @property
    def contents(self) -> dict[str, Content]:
        """What the checker's findings depend on of each routine, once there are records."""
        return {
            routine.symbol: content
            for record in self.records.values()
            for routine, content in zip(record.routines, record.contents, strict=True)
        }

    # Files

    def write(self) -> None:
        """Write the objects of units that are not there, and make their records."""
        stamps = self.stamps
        new = [unit.name for unit in self.program.units if unit.name not in self.records]
        gone = [
            name
            for name, record in self.records.items()
            if name not in self._ahead
            and not stamps.fresh(self.object_file(name), record.object.hex())
        ]
        stamps.forget(map(self.object_file, [*new, *gone]))
        made = dict(zip(new, in_parallel(self._record, new), strict=True))
        for name in gone:
            contents = write_object(self.again(name).assembled.object)
            write_if_changed(self.object_file(name), contents)
        for name, kept in made.items():
            if kept is None:
                self.records[name] = self._made_record(name)
            else:
                self.kept[name], self.records[name] = kept, pickle.loads(kept.record)
        objects = {self.object_file(name): one.object.hex() for name, one in self.records.items()}
        stamps.record(objects)
        if self.are_sure:
            units = {self._keys[name]: kept for name, kept in self.kept.items()}
            self.memory.save(self.encoder, self.importer, units)

    def object_file(self, name: str) -> Path:
        """The object file of the unit `name`."""
        return self._objects / f"{name}.o"

    def _record(self, name: str) -> Kept | None:
        """Write the object of a new unit; what is kept of it, if that is possible."""
        try:
            return Kept.of(self._made_record(name), self.importer.layouts)
        except UNKEPT:
            return None

    def _made_record(self, name: str) -> UnitRecord:
        unit = self._units[name]
        contents = write_object(unit.assembled.object)
        write_if_changed(self.object_file(name), contents)
        return UnitRecord.of(unit, self._declared[name], contents)


def _loaded(project: Project, importer: Importer) -> Image:
    if not importer.knows_some:
        importer.prepare(sorted(project.image_folder.rglob("*.py")))
    with importer.importing():
        return load_image(project)
