"""The project of the working directory, built."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from pykasm.build.outcome import BuildResult
from pykasm.build.project import Project
from pykasm.build.stages import Stages
from pykasm.collection import settle, without_garbage_collection


def this_project(*, release: bool = False, image: str | None = None) -> Project:
    """The project that the working directory lies in, to be built as its settings say or, for
    `release`, without what only debug builds have; with the `image` of that name."""
    project = Project.load(Path.cwd())
    if image is not None:
        project = project.with_image(image)
    return replace(project, debug=False) if release else project


release_option = click.option(
    "--release", is_flag=True, help="Leave out what only debug builds have, such as asserts."
)

image_option = click.option(
    "--image", metavar="NAME", help="Take another image than the usual one (see [tool.pykasm])."
)


def built(
    stages: Stages | None = None,
    *,
    release: bool = False,
    image: str | None = None,
    listing: bool = False,
) -> BuildResult:
    """Bring this project's kernel and ISO up to date, and with `listing` that too."""
    with without_garbage_collection():
        try:
            project = this_project(release=release, image=image)
            from pykasm.build.pipeline import build

            return build(project, stages or Stages(), listing=listing)
        finally:
            settle()
