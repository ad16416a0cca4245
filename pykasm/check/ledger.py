"""What earlier checks learned about pieces of code, kept in a file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pykasm.build.files import read_made_by, write_made_by
from pykasm.check.behaviour import Behaviour
from pykasm.check.paths import Course
from pykasm.check.version import checker_version


class Record(NamedTuple):
    """What a check learned about a piece: whether no rule for single pieces found anything, its
    behaviour, and its course if it has one."""

    is_clean: bool
    behaviour: Behaviour
    course: Course | None


class Ledger:
    """Records of pieces by the keys of their contents, in `path`; None keeps them nowhere.

    A file that is missing, damaged, or of another version of the checker is as good as none.
    `save` forgets those that were not entered again, so that the file stays small.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._before: dict[bytes, Record] = {}
        if path is not None:
            self._before = read_made_by(checker_version(), path) or {}
        self._now: dict[bytes, Record] = {}

    def record(self, key: bytes) -> Record | None:
        """What an earlier check learned about the piece of this key."""
        return self._before.get(key)

    def enter(self, key: bytes, record: Record) -> None:
        """Let later checks know about the piece of this key."""
        known = self._before.get(key)
        self._now[key] = known if known == record else record

    def save(self) -> None:
        """Write the file, if there is anything new."""
        if self.path is not None and self._now != self._before:
            write_made_by(checker_version(), self.path, self._now)
