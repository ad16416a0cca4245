"""Values that one build leaves to the next."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Generic, TypeVar

from pykasm.files import write_if_changed

K = TypeVar("K")
V = TypeVar("V")

DAMAGE = (
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ImportError,
    pickle.UnpicklingError,
)
"""What reading a file may raise that is not what `Journal` wrote."""


class Journal(Generic[K, V]):
    """Values by their keys in the file `path`, for builds with the same `version` of what made
    them; `known` is what earlier builds left.

    New entries are appended, so that saving costs what changed. The file is written anew where it
    is damaged or of another version, and when most of it is out of use.
    """

    def __init__(self, path: Path, version: str) -> None:
        self._path = path
        self._version = version
        self.known: dict[K, V] = {}
        self._written = 0
        self._is_whole = False
        if path.exists():
            self._read()

    def _read(self) -> None:
        size = self._path.stat().st_size
        with self._path.open("rb") as file:
            try:
                if pickle.load(file) != self._version:
                    return
                while file.tell() < size:
                    entries = pickle.load(file)
                    self.known.update(entries)
                    self._written += len(entries)
            except DAMAGE:
                return
        self._is_whole = True

    def save(self, entries: Mapping[K, V]) -> None:
        """Leave `entries` to the next build; those in `known` are the same objects as there."""
        known = self.known
        new = {key: value for key, value in entries.items() if known.get(key) is not value}
        if not self._is_whole or self._written + len(new) > 2 * len(entries):
            write_if_changed(self._path, pickle.dumps(self._version) + pickle.dumps({**entries}))
        elif new:
            with self._path.open("ab") as file:
                file.write(pickle.dumps(new))
