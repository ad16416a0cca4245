"""The project of the working directory, built."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from pykasm.build.everything import build_everything
from pykasm.build.pipeline import BuildResult
from pykasm.build.project import Project


def this_project(*, release: bool = False) -> Project:
    """The project that the working directory lies in, to be built as its settings say or, for
    `release`, without what only debug builds have."""
    project = Project.load(Path.cwd())
    return replace(project, debug=False) if release else project


release_option = click.option(
    "--release", is_flag=True, help="Leave out what only debug builds have, such as asserts."
)


def built(*, release: bool = False) -> BuildResult:
    """Bring this project's kernel and ISO up to date."""
    return build_everything(this_project(release=release), listing=False)
