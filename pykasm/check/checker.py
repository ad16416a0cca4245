"""Checks a build: every rule on every routine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pykasm.check.allowances import not_allowed
from pykasm.check.build import Build
from pykasm.check.cache import Cache, CacheEntry
from pykasm.check.cachekey import CacheKeys
from pykasm.check.finding import Finding
from pykasm.check.programanalysis import LONG_MODE
from pykasm.check.rule import build_checks, function_checks
from pykasm.lang.image import Program
from pykasm.lang.objects import AssembledUnit, PlacedRoutine


@dataclass(slots=True)
class Report:
    """What the checker found: how many functions it looked at, how many exceptions from rules
    they state, and the faults in the order of the code. `clean` are the functions that no rule for
    single functions is broken in."""

    functions: int = 0
    exceptions: int = 0
    findings: list[Finding] = field(default_factory=list)
    clean: set[str] = field(default_factory=set)

    @property
    def errors(self) -> list[Finding]:
        """What fails a build."""
        return [one for one in self.findings if one.severity == "error"]

    @property
    def warnings(self) -> list[Finding]:
        """What a build only shows."""
        return [one for one in self.findings if one.severity == "warning"]

    @property
    def summary(self) -> str:
        """The numbers in words."""
        return f"{_count(self.functions, 'function')}, {_count(self.exceptions, 'exception')}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def check(program: Program, units: Sequence[AssembledUnit]) -> list[Finding]:
    """All findings in `program`, which was assembled as `units`, in the order of the code."""
    return report(program, units).findings


def report(program: Program, units: Sequence[AssembledUnit], memory: Path | None = None) -> Report:
    """Look at every function of `program`, which was assembled as `units`.

    `memory` is a file with what earlier checks learned: clean functions are not looked at again.
    """
    build = Build.of(program, units)
    if memory is None:
        return _report(build)
    keys, ledger = _keys(build), Cache(memory)
    build.known = {
        symbol: record for symbol, key in keys.items() if (record := ledger.record(key)) is not None
    }
    made = _report(build)
    for symbol, key in keys.items():
        ledger.enter(key, learned(symbol, build, is_clean=symbol in made.clean))
    ledger.save()
    return made


def _report(build: Build) -> Report:
    made = Report()
    elsewhere = _found_in_build(build)
    for symbol, placed in build.routines.items():
        made.functions += 1
        made.exceptions += len(placed.routine.allowances)
        found = _found(placed, build)
        if not found:
            made.clean.add(symbol)
        made.findings += not_allowed(placed.routine, found + elsewhere.pop(symbol, []))
    made.findings += [one for found in elsewhere.values() for one in found]
    return made


def _keys(build: Build) -> dict[str, bytes]:
    """The keys of all routines that rules are about."""
    contents = CacheKeys(build)
    return {
        symbol: contents.key(placed)
        for symbol, placed in build.routines.items()
        if placed.routine.bits == LONG_MODE
    }


def _found(placed: PlacedRoutine, build: Build) -> list[Finding]:
    """What is wrong with one function, each fault once."""
    known = build.known.get(placed.routine.symbol)
    if placed.routine.bits != LONG_MODE or (known and known.is_clean):
        return []
    function = build.function(placed.routine.symbol)
    return _distinct(finding for apply in function_checks() for finding in apply(function))


def learned(symbol: str, build: Build, *, is_clean: bool) -> CacheEntry:
    """What later checks may know about a function."""
    analysis, known = build.analysis, build.known.get(symbol)
    course = analysis.lock_flows.flows.get(symbol)
    if known is not None and known.is_clean == is_clean and known.course is course:
        return known
    local = analysis.summaries[symbol].local
    return CacheEntry(is_clean, local, build.stack_uses[symbol], build.per_cpu_uses[symbol], course)


def _found_in_build(build: Build) -> dict[str, list[Finding]]:
    """What is wrong with the build as a whole, by the function where it shows."""
    found: dict[str, list[Finding]] = {}
    for finding in _distinct(one for apply in build_checks() for one in apply(build)):
        found.setdefault(finding.symbol, []).append(finding)
    return found


def _distinct(findings: Iterable[Finding]) -> list[Finding]:
    return list({(one.rule, one.what, one.span): one for one in findings}.values())
