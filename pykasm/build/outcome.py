"""What a build came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pykasm.build.project import Project
from pykasm.build.summary import UnitSizes


class Outcome(NamedTuple):
    """What is told of a build: the symbols of its entry points, its warnings, the sizes of its
    units in the order of the image, and what the checker has looked at."""

    entries: tuple[str, ...]
    warnings: tuple[str, ...]
    sizes: tuple[UnitSizes, ...]
    checked: str


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What was built of a project."""

    project: Project
    outcome: Outcome

    @property
    def kernel(self) -> Path:
        """The linked kernel."""
        return self.project.kernel

    @property
    def iso(self) -> Path:
        """The image for CDs and USB sticks."""
        return self.project.iso
