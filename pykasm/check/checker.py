"""Checks a build: every rule on every piece of code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pykasm.check.exceptions import without_allowed
from pykasm.check.finding import Finding
from pykasm.check.rule import all_rules
from pykasm.check.subject import Build, Subject
from pykasm.lang.image import Program
from pykasm.lang.objects import AssembledUnit, PlacedPiece


@dataclass(slots=True)
class Report:
    """What the checker found: how many functions it looked at, how many exceptions from rules
    they state, and the faults in the order of the code."""

    functions: int = 0
    exceptions: int = 0
    findings: list[Finding] = field(default_factory=list)

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


def report(program: Program, units: Sequence[AssembledUnit]) -> Report:
    """Look at every function of `program`, which was assembled as `units`."""
    build = Build.of(program, units)
    made = Report()
    for placed in build.pieces.values():
        made.functions += 1
        made.exceptions += len(placed.piece.allowances)
        if placed.piece.bits == 64:
            made.findings += _found(placed, build)
    return made


def _found(placed: PlacedPiece, build: Build) -> list[Finding]:
    """What is wrong with one function, each fault once."""
    subject = Subject(placed, build)
    found = (finding for apply in all_rules() for finding in apply(subject))
    distinct = {(one.rule, one.what, one.span): one for one in found}
    return list(without_allowed(placed.piece, list(distinct.values())))
