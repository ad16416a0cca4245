"""The project of the working directory, built."""

from __future__ import annotations

from pathlib import Path

from pykasm.build.everything import build_everything
from pykasm.build.pipeline import BuildResult
from pykasm.build.project import Project


def this_project() -> Project:
    """The project that the working directory lies in."""
    return Project.load(Path.cwd())


def built() -> BuildResult:
    """Bring this project's kernel and ISO up to date."""
    return build_everything(this_project(), listing=False)
