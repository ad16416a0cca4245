"""The project of the working directory, built."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from pykasm.build.everything import build_everything
from pykasm.build.pipeline import BuildResult
from pykasm.build.project import Project
from pykasm.build.stages import Stages
from pykasm.collection import settle, without_garbage_collection


def this_project(*, release: bool = False) -> Project:
    """The project that the working directory lies in, to be built as its settings say or, for
    `release`, without what only debug builds have."""
    project = Project.load(Path.cwd())
    return replace(project, debug=False) if release else project


release_option = click.option(
    "--release", is_flag=True, help="Leave out what only debug builds have, such as asserts."
)


def built(
    stages: Stages | None = None, *, release: bool = False, listing: bool = False
) -> BuildResult:
    """Bring this project's kernel and ISO up to date, and with `listing` that too."""
    with without_garbage_collection():
        try:
            return build_everything(this_project(release=release), stages, listing=listing)
        finally:
            settle()
