"""Source files as debugging information names them."""

from __future__ import annotations

import sys
import sysconfig
from functools import lru_cache
from pathlib import PurePath

from pykasm.objects.debug import DebugUnit


def recorded_path(file: str, directory: str) -> PurePath:
    """The path written for `file`, the same wherever the project and pykasm are installed.

    Relative to `directory` (the project's root) where it lies below, for an installed package and
    elsewhere to the folder that Python imports it from. A relative path stays as it is.
    """
    path = PurePath(file)
    if not path.is_absolute():
        return path
    for root in [*_installed(), directory, *sorted(sys.path, key=len, reverse=True)]:
        if root and path.is_relative_to(root):
            return path.relative_to(root)
    return PurePath(path.name)


@lru_cache
def _installed() -> tuple[str, str]:
    """The folders that packages are installed in."""
    return sysconfig.get_path("purelib"), sysconfig.get_path("platlib")


class FileTable:
    """The files of a unit; a file's number is its index in `files`.

    The first one is where the unit's first function or variable is. `files` are pairs of a name
    and the index of its folder in `directories`, of which the first is the project's root.
    """

    def __init__(self, unit: DebugUnit) -> None:
        self.directories = ["."]
        self.files: list[tuple[str, int]] = []
        self.numbers: dict[str, int] = {}
        self._root = unit.directory
        self._known: dict[PurePath, int] = {}
        for function in unit.functions:
            self._add(function.declared.file)
        for variable in unit.variables:
            self._add(variable.declared.file)
        for function in unit.functions:
            for file in {row[1][0]: None for row in function.rows}:
                self._add(file)
        if not self.files:
            self._add(unit.name)

    @property
    def primary(self) -> str:
        """The path of the first file."""
        return str(next(iter(self._known)))

    def _add(self, file: str) -> None:
        if file in self.numbers:
            return
        path = recorded_path(file, self._root)
        if path not in self._known:
            folder = str(path.parent)
            if folder not in self.directories:
                self.directories.append(folder)
            self._known[path] = len(self.files)
            self.files.append((path.name, self.directories.index(folder)))
        self.numbers[file] = self._known[path]
