"""What earlier checks computed for single functions, kept in a file."""

from __future__ import annotations

from collections.abc import Iterable, Set
from pathlib import Path
from typing import NamedTuple

from pykasm.check.localsummary import LocalSummary
from pykasm.check.lockflow import LockFlow
from pykasm.check.percpu import PerCpuUse
from pykasm.check.stackuse import StackUse
from pykasm.check.trustuse import TrustUse
from pykasm.check.version import checker_version
from pykasm.journal import Journal


class CacheEntry(NamedTuple):
    """The results for a function that depend on its own code and declarations only.

    `excused` are the numbers of the exceptions that allow all that rules for single functions found
    (None: they don't); `lock_flow` is None where the function has none. A lock flow holds for the
    effects of callees that it was solved for. `trust` is what the function does with what somebody
    else chose, so far as it was asked for: by the register of a parameter, or `OWN`.
    """

    excused: frozenset[int] | None
    local: LocalSummary
    stack: StackUse
    per_cpu: PerCpuUse
    lock_flow: LockFlow | None
    trust: dict[int, TrustUse]


class Cache:
    """Entries by the keys of functions (`cachekey.CacheKeys`), in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal[bytes, CacheEntry | None](path, checker_version())
        self._entered: dict[bytes, CacheEntry | None] = {}

    def entry(self, key: bytes) -> CacheEntry | None:
        """Return what an earlier check entered under `key`."""
        return self._journal.known.get(key)

    def enter(self, key: bytes, entry: CacheEntry) -> None:
        """Keep `entry` for later checks. Entries that are not entered again are dropped."""
        known = self.entry(key)
        self._entered[key] = known if known == entry else entry

    @property
    def contracts(self) -> Set[bytes]:
        """The keys of contracts that an earlier check saw kept; they have no entry."""
        return self._journal.known.keys()

    def save(self, contracts: Iterable[bytes]) -> None:
        """Write what was entered to the file, and the keys of `contracts` that are kept."""
        self._journal.save({**self._entered, **dict.fromkeys(contracts)})
