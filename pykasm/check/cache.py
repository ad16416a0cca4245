"""What earlier checks learned about routines, kept in a file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pykasm.check.localsummary import LocalSummary
from pykasm.check.lockflow import LockFlow
from pykasm.check.percpu import PerCpuUse
from pykasm.check.stackuse import StackUse
from pykasm.check.version import checker_version
from pykasm.journal import Journal


class CacheEntry(NamedTuple):
    """What a check learned about a routine: whether no rule for single routines found anything, its
    local summary, what it does with the stack and with variables of the processor, and its flow of
    locks if it has one."""

    is_clean: bool
    local: LocalSummary
    stack: StackUse
    processor: PerCpuUse
    course: LockFlow | None


class Cache:
    """Records of routines by the keys of their contents, in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal[bytes, CacheEntry](path, checker_version())
        self._now: dict[bytes, CacheEntry] = {}

    def record(self, key: bytes) -> CacheEntry | None:
        """What an earlier check learned about the routine of this key."""
        return self._journal.known.get(key)

    def enter(self, key: bytes, record: CacheEntry) -> None:
        """Let later checks know about the routine of this key."""
        known = self.record(key)
        self._now[key] = known if known == record else record

    def save(self) -> None:
        """Leave what was entered to later checks."""
        self._journal.save(self._now)
