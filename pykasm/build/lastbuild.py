"""The last build, and whether it is as if it was made now.

A build is made of files whose contents decide about it; it leaves their digests to the next one,
which looks at them before it imports anything of the project.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from pykasm.build.outcome import Outcome
from pykasm.build.project import Project
from pykasm.build.settings import CONFIGURATION
from pykasm.build.version import builder_version
from pykasm.files import digest_of, write_if_changed
from pykasm.journal import DAMAGE
from pykasm.toolchain import find, identity

PROGRAMS = ("ld", "strip", "xorriso", "grub-mkimage", "mformat", "mmd", "mcopy")
SETTLED = 0.1
"""Seconds by which the clock of a file system may be behind: what was written in this time before
a build may have been written while it ran."""


class Record(NamedTuple):
    """What a build was made from, what it made, and what it came to."""

    settings: str
    inputs: dict[str, bytes]
    folders: dict[str, list[str]]
    products: dict[str, tuple[int, int]]
    outcome: Outcome


class LastBuild:
    """The last build of `project`, which is wanted with the `listing` and the
    `iso` or without."""

    def __init__(self, project: Project, *, listing: bool, iso: bool) -> None:
        self._project = project
        self._products = [project.kernel]
        if iso:
            self._products.append(project.iso)
        if project.program:
            self._products.append(project.executable)
        if listing:
            self._products += [project.listing, project.page]
        self._started = time.time()
        self._file = project.cache / "last"
        self._settings = _settings(project)
        self.record = self._read()
        """What it left; None if there is nothing."""
        self.outcome = self._current(self.record) if self.record is not None else None
        """What it came to, if it is as one would be that is made now."""

    def _read(self) -> Record | None:
        try:
            record: Record = pickle.loads(self._file.read_bytes())
        except (OSError, *DAMAGE):
            return None
        return record if isinstance(record, Record) else None

    def _current(self, record: Record) -> Outcome | None:
        try:
            is_current = (
                record.settings == self._settings
                and record.products == _products(map(Path, record.products))
                and {*map(str, self._products)} <= record.products.keys()
                and all(_digest(path) == digest for path, digest in record.inputs.items())
                and all(_modules(path) == names for path, names in record.folders.items())
            )
        except OSError:  # a file is gone
            return None
        return record.outcome if is_current else None

    def leave(self, outcome: Outcome, inputs: Mapping[str, bytes] | None) -> None:
        """Leave to the next build what this one came to. `inputs` are digests of the sources that
        were read; None: nobody knows all that it depends on."""
        self._file.unlink(missing_ok=True)
        if inputs is None:
            return
        project = self._project
        others = [project.root / CONFIGURATION, project.menu, *project.module_files]
        if any(file.stat().st_mtime > self._started - SETTLED for file in others):
            return
        folders = {str(project.root), *map(os.path.dirname, inputs)}
        record = Record(
            self._settings,
            {**inputs, **{str(file): _digest(str(file)) for file in others}},
            {folder: _modules(folder) for folder in folders},
            _products(self._products),
            outcome,
        )
        write_if_changed(self._file, pickle.dumps(record))


def _settings(project: Project) -> str:
    """What a build depends on beside files of the project."""
    date = os.environ.get("SOURCE_DATE_EPOCH")
    return repr((builder_version(), project, date, [*map(_identity, PROGRAMS)]))


def _identity(program: str) -> str:
    """What changes when another version of `program` is installed, or none."""
    return identity(program) if find(program) else program


def _products(files: Iterable[Path]) -> dict[str, tuple[int, int]]:
    """The sizes of what was made, and when that was."""
    facts = {str(file): file.stat() for file in files}
    return {file: (one.st_size, one.st_mtime_ns) for file, one in facts.items()}


def _digest(file: str) -> bytes:
    with open(file, "rb") as opened:
        return digest_of(opened.read())


def _modules(folder: str) -> list[str]:
    """What in a folder Python may take for a module."""
    return sorted(
        one.name
        for one in os.scandir(folder)
        if one.name.endswith(".py") or (one.name.isidentifier() and one.is_dir())
    )
