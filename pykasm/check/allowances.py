"""Exceptions from rules: findings that the code allows, with a reason, where it was written."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TypeAlias

from pykasm.check.finding import Finding
from pykasm.check.remembered import places_of
from pykasm.check.rule import rule
from pykasm.lang.allowances import Allowance
from pykasm.lang.routine import Routine
from pykasm.source import Source

E001 = rule(
    "E001",
    "an exception that nothing needs",
    """It would hide the next fault of its kind in these lines, and readers look for what it
    excuses.""",
)


Excused: TypeAlias = tuple[list[Finding], frozenset[int]]
"""The findings that no exception allows, and the numbers of those that allow the others."""


def excused(routine: Routine, findings: Sequence[Finding]) -> Excused:
    """Tell which of the `findings` in `routine` its exceptions allow."""
    needed: set[int] = set()
    left = []
    for finding in findings:
        allowing = {
            number
            for number, one in enumerate(routine.allowances)
            if one.rule == finding.rule and _covers(one, routine, finding)
        }
        needed |= allowing
        if not allowing:
            left.append(finding)
    return left, frozenset(needed)


def needless(routine: Routine, needed: Set[int]) -> list[Finding]:
    """Return a finding for each exception in `routine` that is not among the `needed` ones."""
    return [
        _needless(routine, one)
        for number, one in enumerate(routine.allowances)
        if number not in needed
    ]


def _covers(allowance: Allowance, routine: Routine, finding: Finding) -> bool:
    if allowance.end is None:
        return True
    file = routine.declared.file
    places = [*places_of(routine)][allowance.start : allowance.end]
    return any(finding.source in (one.source, Source(file, one.body_line)) for one in places if one)


def _needless(routine: Routine, allowance: Allowance) -> Finding:
    return Finding(
        E001,
        f"nothing here breaks {allowance.rule}",
        span=allowance.span,
        mark="this exception allows nothing",
        fix="take it out",
        symbol=routine.symbol,
    )
