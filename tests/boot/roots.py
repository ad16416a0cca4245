"""Root folders with programs of this system."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.boot.test_programs import busybox

ROOTFS = Path(__file__).parents[2] / "scripts" / "rootfs"


def shell_root(folder: Path, *options: str) -> Path:
    """The folder `root` in `folder`, as `scripts/rootfs` makes it with `options`; skips where that
    can't be."""
    busybox()  # skips where there is none
    root = folder / "root"
    subprocess.run([sys.executable, ROOTFS, *options, root], check=True)
    return root


def add_program(root: Path, program: str | Path) -> None:
    """Put a program of this system into `root`, with the libraries that it needs; skips where
    there is none."""
    place = shutil.which(program)
    if place is None:
        pytest.skip(f"{program} is not here (`scripts/setup subjects` brings what can be had)")
    shutil.copy(place, root / "bin" / Path(place).name)
    add_libraries(root, Path(place))


def add_libraries(root: Path, program: Path) -> None:
    """Put what `program` needs of the system's libraries into `root`, at the same places."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    for library in map(Path, re.findall(r"(/\S+\.so\S*)", listed)):
        add_file(root, library)


def add_file(root: Path, file: Path) -> None:
    """Put a file of the system into `root`, at the same place."""
    place = root / file.relative_to("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        shutil.copy(file, place)
