"""The kernel's source, as the build sees it."""

from dataclasses import replace
from pathlib import Path

import pytest

from pykasm.build.pipeline import assembled
from pykasm.build.project import Project
from pykasm.build.stages import Stages
from pykasm.check.checker import report

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("debug", [True, False], ids=["debug", "release"])
@pytest.mark.parametrize("image", [None, *Project.load(ROOT).images])
def test_each_image_is_built_without_errors_and_warnings(
    tmp_path: Path, image: str | None, debug: bool
) -> None:
    project = replace(Project.load(ROOT), build=str(tmp_path), debug=debug)
    if image is not None:
        project = project.with_image(image)
    units = assembled(project, Stages())
    found = report(units.program, units.assembled, project.cache / "clean", units.contents)
    assert [*units.program.warnings, *found.warnings, *found.errors] == []
