"""The file system that a kernel begins with."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pykasm.machine.cpio import Entry, archive, directory, file, symlink

PROGRAMS = "bin"
"""The folder that `of_program` puts its program into."""

PERMISSIONS = 0o755
"""Of a program."""


def of_folder(folder: Path) -> bytes:
    """An archive of all that is in `folder`, as root's. Files of other kinds than regular ones,
    folders and symbolic links are left out: the kernel makes devices itself."""
    return archive(_entries(folder))


def _entries(folder: Path) -> Iterator[Entry]:
    """All in `folder`, folders before what is in them, in the order of their names."""
    for place in sorted(folder.rglob("*")):
        name, mode = place.relative_to(folder).as_posix(), place.lstat().st_mode
        if stat.S_ISLNK(mode):
            yield symlink(name, os.readlink(place))
        elif stat.S_ISDIR(mode):
            yield directory(name, stat.S_IMODE(mode))
        elif stat.S_ISREG(mode):
            yield file(name, place.read_bytes(), stat.S_IMODE(mode))


def of_program(program: Path) -> tuple[bytes, str]:
    """An archive with `program` alone, and its name there."""
    name = f"{PROGRAMS}/{program.name}"
    entries = [directory(PROGRAMS), directory("tmp", 0o1777)]
    return archive([*entries, file(name, program.read_bytes(), PERMISSIONS)]), f"/{name}"
