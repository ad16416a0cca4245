"""The checker's entry point: applies every rule to every function of a build."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pykasm.check.allowances import Excused, excused, needless
from pykasm.check.build import Build
from pykasm.check.cache import Cache, CacheEntry
from pykasm.check.cachekey import CacheKeys
from pykasm.check.causes import Fault, faults
from pykasm.check.content import Content
from pykasm.check.contracts import Contracts
from pykasm.check.finding import Finding
from pykasm.check.localsummary import NO_SUMMARY
from pykasm.check.percpu import NO_USE
from pykasm.check.programanalysis import LONG_MODE
from pykasm.check.rule import build_checks, function_checks
from pykasm.check.stackuse import NO_STACK_USE
from pykasm.lang.image import Program
from pykasm.lang.objects import AssembledUnit, PlacedRoutine
from pykasm.parallel import in_parallel


@dataclass(slots=True)
class Report:
    """The result of a check: how many functions were looked at, how many exceptions from rules they
    state, and the findings in the order of the code; the `faults` that they come from. `clean` are
    the functions in which no rule for single functions is broken."""

    functions: int = 0
    exceptions: int = 0
    findings: list[Finding] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    clean: dict[str, frozenset[int]] = field(default_factory=dict)

    @property
    def errors(self) -> list[Finding]:
        """The faults that fail a build: of each, the finding that stands for it."""
        return [one.shown for one in self.faults if one.first.severity == "error"]

    @property
    def warnings(self) -> list[Finding]:
        """Those that a build only shows."""
        return [one.shown for one in self.faults if one.first.severity == "warning"]

    @property
    def summary(self) -> str:
        """The numbers in words."""
        return f"{_count(self.functions, 'function')}, {_count(self.exceptions, 'exception')}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def check(program: Program, units: Sequence[AssembledUnit]) -> list[Finding]:
    """Return the findings in `program`, assembled as `units`, in the order of the code."""
    return report(program, units).findings


def report(
    program: Program,
    units: Sequence[AssembledUnit],
    cache_path: Path | None = None,
    contents: Mapping[str, Content] | None = None,
) -> Report:
    """Check every function of `program`, which was assembled as `units`.

    `cache_path` is a file with what earlier checks computed, which is updated: functions that were
    clean and have not changed are not looked at again. `contents` are those of functions whose
    contents are known.
    """
    build = Build.of(program, units, contents)
    if cache_path is None:
        return _report(build)
    found, cache = keys(build), Cache(cache_path)
    build.known = {
        symbol: entry for symbol, key in found.items() if (entry := cache.entry(key)) is not None
    }
    build.contracts = Contracts(found, cache.contracts)
    made = _report(build)
    for symbol, key in found.items():
        cache.enter(key, cache_entry(symbol, build, made.clean.get(symbol)))
    cache.save(build.contracts.kept)
    return made


def _report(build: Build) -> Report:
    made = Report()
    _examine_new(build)
    across = _build_findings(build)
    for symbol, placed in build.routines.items():
        routine = placed.routine
        made.functions += 1
        made.exceptions += len(routine.allowances)
        found, needed = _function_findings(placed, build)
        if not found:
            made.clean[symbol] = needed
        others, also_needed = excused(routine, across.pop(symbol, []))
        made.findings += [*found, *others, *needless(routine, needed | also_needed)]
    made.findings += [one for found in across.values() for one in found]
    made.faults = faults(build, made.findings) if made.findings else []
    made.findings = _distinct(made.findings)  # a fault of code in place shows in all its users
    return made


def keys(build: Build) -> dict[str, bytes]:
    """Return the cache keys of all functions."""
    made = CacheKeys(build)
    return {symbol: made.key(placed) for symbol, placed in build.routines.items()}


MANY = 64
"""Fewer new functions than that are no work for several processes."""


def _examine_new(build: Build) -> None:
    """Look at the functions that nothing is known of, on all processors if they are many."""
    new = [symbol for symbol in build.routines if symbol not in build.known]
    if len(new) < MANY:
        return
    build.prepare()
    build.known.update(zip(new, in_parallel(partial(_examined, build), new), strict=True))


def _examined(build: Build, symbol: str) -> CacheEntry:
    """Return what single functions are looked at for. Who wants the findings in one that has some
    looks again."""
    found, excuses = _function_findings(build.routines[symbol], build)
    needed = None if found else excuses
    if symbol not in build.analysis.routines:
        return _of_other_modes(needed)
    local, stack = build.analysis.local(symbol), build.stack_use(symbol)
    trust = build.trust_uses.get(symbol, {})
    return CacheEntry(needed, local, stack, build.per_cpu_use(symbol), None, trust)


def _of_other_modes(needed: frozenset[int] | None) -> CacheEntry:
    """Return the entry of 16- or 32-bit code, which nothing across calls is about."""
    return CacheEntry(needed, NO_SUMMARY, NO_STACK_USE, NO_USE, None, {})


def _function_findings(placed: PlacedRoutine, build: Build) -> Excused:
    """Return what is wrong with one function, each fault once."""
    known = build.known.get(placed.routine.symbol)
    if known is not None and known.excused is not None:
        return [], known.excused
    function = build.function(placed.routine.symbol)
    checks = function_checks(placed.routine.bits == LONG_MODE)
    found = _distinct(finding for check in checks for finding in check(function))
    return excused(placed.routine, found)


def cache_entry(
    symbol: str, build: Build, needed: frozenset[int] | None = frozenset()
) -> CacheEntry:
    """Return what later checks may use of the analyses of a function. `needed` are the exceptions
    that allow all that rules found in it (None: they don't)."""
    analysis, known = build.analysis, build.known.get(symbol)
    if symbol not in analysis.routines:
        return _of_other_modes(needed)
    flow, trust = analysis.lock_flows.flows.get(symbol), build.trust_uses.get(symbol, {})
    if known is not None and not trust and known.excused == needed and known.lock_flow is flow:
        return known
    if known is not None:
        trust = {**known.trust, **trust}
    local = analysis.summaries[symbol].local
    stack, per_cpu = build.stack_uses[symbol], build.per_cpu_uses[symbol]
    return CacheEntry(needed, local, stack, per_cpu, flow, trust)


def _build_findings(build: Build) -> dict[str, list[Finding]]:
    """Return what is wrong with the build as a whole, by the function where it shows."""
    found: dict[str, list[Finding]] = {}
    for finding in _distinct(one for check in build_checks() for one in check(build)):
        found.setdefault(finding.symbol, []).append(finding)
    return found


def _distinct(findings: Iterable[Finding]) -> list[Finding]:
    return list({(one.rule, one.what, one.span): one for one in findings}.values())
