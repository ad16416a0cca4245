"""The build as people ask for it: the kernel, the ISO, the listing."""

from __future__ import annotations

from pykasm.build.pipeline import BuildResult, build
from pykasm.build.project import Project
from pykasm.build.stages import Stages


def build_everything(
    project: Project, stages: Stages | None = None, *, listing: bool = True
) -> BuildResult:
    """Bring `project` up to date: kernel.elf, kernel.iso and, with `listing`, kernel.lst and
    kernel.html."""
    hooks = [("listing", _write_listing)] if listing else []
    return build(project, stages or Stages(), hooks=hooks)


def _write_listing(result: BuildResult) -> None:
    from pykasm.listing.files import UnitTexts, write_listing, write_part
    from pykasm.listing.maker import make_listing
    from pykasm.listing.places import LinkedImage

    project = result.project
    units = make_listing(result.program, result.units)
    for unit in units:
        write_part(unit, project.folder)
    text, page = project.folder / "kernel.lst", project.folder / "kernel.html"
    texts = [UnitTexts.of(unit) for unit in units]
    write_listing(texts, LinkedImage.read(result.kernel), text, page, project.name)
