"""Checks a build: every rule on every piece of code."""

from __future__ import annotations

from collections.abc import Sequence

from pykasm.check.finding import Finding
from pykasm.check.rule import all_rules
from pykasm.check.subject import Build, Subject
from pykasm.lang.image import Program
from pykasm.lang.objects import AssembledUnit


def check(program: Program, units: Sequence[AssembledUnit]) -> list[Finding]:
    """All findings in `program`, which was assembled as `units`, in the order of the code."""
    build = Build.of(program, units)
    findings: list[Finding] = []
    for placed in build.pieces.values():
        if placed.piece.bits == 64:
            subject = Subject(placed, build)
            findings += [found for apply in all_rules() for found in apply(subject)]
    return findings
