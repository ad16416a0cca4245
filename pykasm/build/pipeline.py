"""The build, stage by stage, each skipped where nothing that it reads has changed."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pykasm.objects
from pykasm.assignments import names_used
from pykasm.build import iso
from pykasm.build.memory import encodings, remembered_names, remembering_encoder
from pykasm.build.project import ConfigurationError, Project
from pykasm.build.stages import Stages
from pykasm.check.checker import report
from pykasm.collection import without_garbage_collection
from pykasm.errors import BuildFailed
from pykasm.files import Stamps, alone, fingerprint, write_if_changed
from pykasm.lang.image import Image, Program
from pykasm.lang.objects import AssembledUnit, assemble_program
from pykasm.link import linker
from pykasm.link.embedded import EmbeddedTable
from pykasm.link.layout import SYMBOLS, Layout, kernel_layout
from pykasm.link.script import TEMPLATE, render_script
from pykasm.objects.elf import write_object
from pykasm.objects.model import ObjectFile
from pykasm.source import rooted_at
from pykasm.toolchain import identity, require

TOOLS = ("ld", "strip", *iso.TOOLS)

UNCHANGED = "unchanged"
"""What a stage notes that had nothing to do."""


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build made: the `program` with its warnings, the `units` in the order of the image,
    the `kernel`, and the `iso`."""

    project: Project
    program: Program
    units: list[AssembledUnit]
    kernel: Path
    iso: Path

    @property
    def objects(self) -> list[ObjectFile]:
        """The object of each unit."""
        return [unit.object for unit in self.units]


Hook = Callable[[BuildResult], None]
"""Something made from a finished build, such as a listing."""


def build(
    project: Project,
    stages: Stages,
    *,
    hooks: Sequence[tuple[str, Hook]] = (),
) -> BuildResult:
    """Build `project`: the kernel, the ISO, and then each of the `hooks` as a stage. A build that
    is under way in the same folder is waited for.

    Raises `ToolsMissing` before any work if a program is not there, and `BuildFailed` with all
    mistakes of the code.
    """
    require(*TOOLS)
    with without_garbage_collection(), alone(project.cache / "lock"):
        return _build(project, stages, hooks)


def _build(project: Project, stages: Stages, hooks: Sequence[tuple[str, Hook]]) -> BuildResult:
    project.objects.mkdir(exist_ok=True)
    stamps = Stamps(project.cache / "stamps.json")
    image, program, units = _assembled(project, stages)
    _check(project, stages, program, units)
    objects = _write_objects(project, stages, stamps, units)
    layout: Layout = image.layout or kernel_layout(program.entries[0])
    names = {section.name for unit in units for section in unit.object.sections}
    layout = layout.without_empty_notes(names)
    _link(project, stages, stamps, layout, objects, units)
    _make_iso(project, stages)
    result = BuildResult(project, program, units, project.kernel, project.iso)
    for name, hook in hooks:
        with rooted_at(project.root), stages.stage(name):
            hook(result)
    return result


def assembled(project: Project, stages: Stages) -> tuple[Image, Program, list[AssembledUnit]]:
    """The project's image with its code run and encoded."""
    with alone(project.cache / "lock"):
        return _assembled(project, stages)


def _assembled(project: Project, stages: Stages) -> tuple[Image, Program, list[AssembledUnit]]:
    with rooted_at(project.root), stages.stage("emit"):
        known = encodings(project.cache / "encodings")
        encoder = remembering_encoder(known.known)
        names = remembered_names(project.cache / "names")
        image = _image(project)
        program = image.assemble(project.debug)
    with stages.stage("encode"):
        units = assemble_program(program, encoder, str(project.root))
        known.save(encoder.known)
        names.save(names_used())
    return image, program, units


def _image(project: Project) -> Image:
    image = project.load_image()
    if not isinstance(image, Image):
        raise ConfigurationError(
            f"{project.image} returned {image!r}, not an Image\nhelp: end it by `return Image(…)`"
        )
    return image


def _check(project: Project, stages: Stages, program: Program, units: list[AssembledUnit]) -> None:
    """Prove what can be proved of the code; warnings join those of the program."""
    with rooted_at(project.root), stages.stage("check") as stage:
        made = report(program, units, project.cache / "clean")
        stage.note = made.summary
        program.warnings += made.warnings
        if made.errors:
            raise BuildFailed([*made.errors])


def _write_objects(
    project: Project, stages: Stages, stamps: Stamps, units: list[AssembledUnit]
) -> list[Path]:
    """Write the object file of each unit that is not as it was."""
    with stages.stage("objects") as stage:
        writers = fingerprint(*sorted(Path(pykasm.objects.__path__[0]).glob("*.py")))
        paths = [project.objects / f"{unit.name}.o" for unit in units]
        made_from = {
            path: fingerprint(writers, pickle.dumps(unit.object))
            for path, unit in zip(paths, units, strict=True)
        }
        stamps.forget(path for path in paths if not stamps.fresh(path, made_from[path]))
        for number, (path, unit) in enumerate(zip(paths, units, strict=True)):
            stage.advance(number, len(units))
            if not stamps.fresh(path, made_from[path]):
                write_if_changed(path, write_object(unit.object))
        stamps.record(made_from)
    return paths


def _link(
    project: Project,
    stages: Stages,
    stamps: Stamps,
    layout: Layout,
    objects: list[Path],
    units: list[AssembledUnit],
) -> None:
    with stages.stage("link") as stage:
        script = project.folder / "kernel.ld"
        _write_script(script, stamps, layout)
        names = " ".join(path.name for path in objects)
        makers = _source(linker.link, EmbeddedTable)
        made_from = fingerprint(*makers, identity("ld"), script, names, *objects)
        if stamps.fresh(project.kernel, made_from):
            stage.note = UNCHANGED
            return
        stamps.forget([project.kernel])
        if _uses_symbols(units):
            table = EmbeddedTable.of(units)
            room = project.folder / "symbols.o"
            write_if_changed(room, write_object(table.room))
            linker.link(
                *([*objects, room], script, project.kernel),
                complete=table.complete,
                reporter=stages.reporter,
            )
        else:
            linker.link(objects, script, project.kernel, reporter=stages.reporter)
        stamps.record({project.kernel: made_from})


def _write_script(script: Path, stamps: Stamps, layout: Layout) -> None:
    made_from = fingerprint(*_source(render_script, Layout), TEMPLATE, repr(layout))
    if not stamps.fresh(script, made_from):
        stamps.forget([script])
        write_if_changed(script, render_script(layout).encode())
        stamps.record({script: made_from})


def _uses_symbols(units: list[AssembledUnit]) -> bool:
    """Whether any code refers to the embedded symbol table."""
    return any(
        relocation.symbol == f"{SYMBOLS}_start"
        for unit in units
        for section in unit.object.sections
        for relocation in section.relocations
    )


def _make_iso(project: Project, stages: Stages) -> None:
    with stages.stage("iso") as stage:
        stripped = project.cache / "kernel.stripped"
        linker.strip(project.kernel, stripped, reporter=stages.reporter)
        changed = iso.make_iso(
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


def _source(*functions: Callable[..., object]) -> list[Path]:
    """The files of `functions`, on which what they make depends too."""
    return [Path(inspect.getfile(function)) for function in functions]
