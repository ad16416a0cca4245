"""What earlier checks computed for single functions, kept in a file."""

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
    """The results for a function that depend on its own code and declarations only.

    `is_clean` says that no rule for single functions found anything; `lock_flow` is None where the
    function has none. A lock flow holds for the effects of callees that it was solved for.
    """

    is_clean: bool
    local: LocalSummary
    stack: StackUse
    per_cpu: PerCpuUse
    lock_flow: LockFlow | None


class Cache:
    """Entries by the keys of functions (`cachekey.CacheKeys`), in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal[bytes, CacheEntry](path, checker_version())
        self._entered: dict[bytes, CacheEntry] = {}

    def entry(self, key: bytes) -> CacheEntry | None:
        """Return what an earlier check entered under `key`."""
        return self._journal.known.get(key)

    def enter(self, key: bytes, entry: CacheEntry) -> None:
        """Keep `entry` for later checks. Entries that are not entered again are dropped."""
        known = self.entry(key)
        self._entered[key] = known if known == entry else entry

    def save(self) -> None:
        """Write what was entered to the file."""
        self._journal.save(self._entered)
