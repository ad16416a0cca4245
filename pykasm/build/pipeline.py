"""The build, stage by stage, each skipped where nothing that it reads has changed."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from pykasm.build.iso import TOOLS as PROGRAMS_FOR_ISO
from pykasm.build.iso import make_iso
from pykasm.build.lastbuild import LastBuild
from pykasm.build.listing import Listing
from pykasm.build.memory import Memory
from pykasm.build.outcome import BuildResult, Outcome
from pykasm.build.project import Project
from pykasm.build.settings import Settings
from pykasm.build.stages import Stages
from pykasm.build.undefined import told_at_lines
from pykasm.build.unitrecord import UnitRecord
from pykasm.build.units import Units
from pykasm.check.checker import Report, report
from pykasm.collection import without_garbage_collection
from pykasm.errors import BuildFailed
from pykasm.files import Stamps, alone, fingerprint, write_if_changed
from pykasm.lang.linuxprogram import LinuxProgram
from pykasm.lang.pythonmistakes import told
from pykasm.link import linker
from pykasm.link.embedded import EmbeddedTable
from pykasm.link.layout import Layout, kernel_layout, program_layout
from pykasm.link.linker import LinkError
from pykasm.link.script import TEMPLATE, render_script
from pykasm.objects.elf import write_object
from pykasm.parallel import Background
from pykasm.source import rooted_at
from pykasm.toolchain import identity, require

ISO_TOOLS = ("strip", *PROGRAMS_FOR_ISO)

UNCHANGED = "unchanged"
"""What a stage notes that had nothing to do."""


def build(
    project: Project, stages: Stages, *, listing: bool = False, iso: bool = True
) -> BuildResult:
    """Build `project`: the kernel; with `iso` the ISO, whose tools nothing else needs; with
    `listing` kernel.lst and kernel.html. Of a program there is no ISO, but the file without what
    only debuggers read. A build that is under way in the same folder is waited for.

    Raises `ToolsMissing` before any work if a program is not there, and `BuildFailed` with all
    mistakes of the code.
    """
    iso = iso and not project.program
    require("ld", *(ISO_TOOLS if iso else ("strip",) if project.program else ()))
    with without_garbage_collection(), _guarded(project):
        last = LastBuild(project, listing=listing, iso=iso)
        if last.outcome is None:
            units = _units(project, stages, files=True, listing=listing)
            outcome = _built(units, stages, listing=listing, iso=iso)
            last.leave(outcome, units.importer.files if units.are_sure else None)
            return BuildResult(project, outcome)
        return BuildResult(project, last.outcome)


def assembled(project: Project, stages: Stages) -> Units:
    """The project's image with its code run and encoded."""
    with _guarded(project):
        return _units(project, stages)


def checked(project: Project, stages: Stages) -> tuple[Units, Report]:
    """The project's image with its code run and encoded, and what the checker finds in it. Both
    start from what earlier builds and checks left, and leave as much to later ones."""
    with without_garbage_collection(), _guarded(project):
        units = _units(project, stages, files=True)
        _write_objects(units, stages)
        return units, _report(units)


@contextmanager
def _guarded(project: Project) -> Iterator[None]:
    """Build inside: alone, with paths below the project, and exceptions of its code as mistakes."""
    with alone(project.cache / "lock"), rooted_at(project.root), told():
        yield


def _units(
    project: Project, stages: Stages, *, files: bool = False, listing: bool = False
) -> Units:
    if files:
        project.objects.mkdir(exist_ok=True)
    with stages.stage("emit"):
        units = Units(project, Memory(project.cache))
        units.emit(files=files, listing=listing)
        if units.is_mixed:
            units.forget_modules()
            units = Units(project, Memory(project.cache), recall=False)
            units.emit(files=files, listing=listing)
    with stages.stage("encode"):
        units.encode()
    return units


def _built(units: Units, stages: Stages, *, listing: bool, iso: bool) -> Outcome:
    project = units.project
    checking = Background(partial(_verdict, units))
    _write_objects(units, stages)
    try:
        linked = _link(units, stages)
    except LinkError as failure:
        _check(checking, stages)  # what it finds comes first
        raise told_at_lines(failure, units) from None
    listed = None
    if listing:
        with stages.stage("listing"):
            listed = Listing(units, linked.image)
    checked, warnings = _check(checking, stages)
    with stages.stage("publish"):
        linked.publish()
        if listed is not None:
            listed.publish()
    if iso:
        _make_iso(project, stages)
    if project.program:
        with stages.stage("strip"):
            linker.strip(project.kernel, project.executable, reporter=stages.reporter)
    return Outcome(
        units.program.entries,
        (*map(str, units.program.warnings), *warnings),
        tuple(record.sizes for record in units.in_order),
        checked,
    )


def _write_objects(units: Units, stages: Stages) -> None:
    with stages.stage("objects"):
        units.write()


Verdict: TypeAlias = tuple[str, tuple[str, ...]]
"""What the checker looked at, and its warnings."""


def _verdict(units: Units) -> Verdict:
    """Prove what can be proved of the code. Raises `BuildFailed` with all faults."""
    made = _report(units)
    if made.errors:
        raise BuildFailed([*made.errors])
    return made.summary, tuple(map(str, made.warnings))


def _report(units: Units) -> Report:
    memory = units.project.cache / "clean"
    return report(units.program, units.assembled, memory, units.contents)


def _check(checking: Background[Verdict], stages: Stages) -> Verdict:
    with stages.stage("check") as stage:
        stage.note, warnings = checking.result()
        return stage.note, warnings


class _Linked(NamedTuple):
    """A linked image, which takes the place of the last one when it is known to be right."""

    image: Path
    kernel: Path
    stamps: Stamps
    made_from: str

    def publish(self) -> None:
        """Make it the kernel."""
        if self.image != self.kernel:
            self.stamps.forget([self.kernel])
            os.replace(self.image, self.kernel)
            self.stamps.record({self.kernel: self.made_from})


def _link(units: Units, stages: Stages) -> _Linked:
    project, records, stamps = units.project, units.in_order, units.stamps
    objects = [units.object_file(unit.name) for unit in units.program.units]
    with stages.stage("link") as stage:
        script = project.kernel.with_suffix(".ld")
        layout = _layout(units)
        _write_script(script, stamps, layout)
        made_from = fingerprint(
            *_source(linker.link, EmbeddedTable),
            *(identity("ld"), script),
            *(path.name for path in objects),
            *(record.object for record in records),
        )
        if stamps.fresh(project.kernel, made_from):
            stage.note = UNCHANGED
            return _Linked(project.kernel, project.kernel, stamps, made_from)
        linked = project.cache / "kernel.linked"
        if any(record.uses_symbols for record in records):
            table = _table(records, layout, project)
            room = project.cache / "symbols.o"
            write_if_changed(room, write_object(table.room))
            linker.link(
                *([*objects, room], script, linked),
                complete=table.complete,
                reporter=stages.reporter,
            )
        else:
            linker.link(objects, script, linked, reporter=stages.reporter)
        return _Linked(linked, project.kernel, stamps, made_from)


def _table(records: list[UnitRecord], layout: Layout, project: Project) -> EmbeddedTable:
    placed = [record for record in records if not _lies_elsewhere(record, layout)]
    told = {name: lines for record in placed for name, lines in record.told.items()}
    return EmbeddedTable(told, str(project.root))


def _lies_elsewhere(record: UnitRecord, layout: Layout) -> bool:
    """Whether all of a unit is linked at a number, so that its addresses are none of the image."""
    return all(layout.is_linked_at_number(one.name) for one in record.sections)


def _layout(units: Units) -> Layout:
    usual = program_layout if isinstance(units.image, LinuxProgram) else kernel_layout
    layout: Layout = units.image.layout or usual(units.program.entries[0])
    names = {section.name for record in units.in_order for section in record.sections}
    return layout.without_empty(names)


def _write_script(script: Path, stamps: Stamps, layout: Layout) -> None:
    made_from = fingerprint(*_source(render_script, Layout), TEMPLATE, repr(layout))
    if not stamps.fresh(script, made_from):
        stamps.forget([script])
        write_if_changed(script, render_script(layout).encode())
        stamps.record({script: made_from})


def _make_iso(project: Project, stages: Stages) -> None:
    with stages.stage("iso") as stage:
        _check_files(project)
        stripped = project.cache / "kernel.stripped"
        linker.strip(project.kernel, stripped, reporter=stages.reporter)
        changed = make_iso(
            stripped,
            project.iso,
            project.menu,
            cache=project.cache,
            name=project.name,
            command_line=project.command_line,
            modules=project.module_files,
            reporter=stages.reporter,
        )
        if not changed:
            stage.note = UNCHANGED


def _check_files(project: Project) -> None:
    """Raise a mistake unless the files are there that the settings name for the ISO."""
    if not project.menu.is_file():
        settings = Settings(project.root)
        raise settings.missing_file("grub", project.menu, "the template of the boot menu")
    for file in project.module_files:
        if not file.is_file():
            settings = Settings(project.root)
            raise settings.missing_file("modules", file, "a file that the loader hands over")


def _source(*functions: Callable[..., object]) -> list[Path]:
    """The files of `functions`, on which what they make depends too."""
    return [Path(inspect.getfile(function)) for function in functions]
