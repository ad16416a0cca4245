"""The table of what came of a campaign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from pykasm.build.tables import Table
from pykasm.campaign.campaign import Outcome

SHOWN = 10
"""Seeds of failing cases that a row has at most."""


def table(outcomes: Collection[Outcome]) -> Table:
    """Return a row for each kind of outcome: how many cases came to it, how many of these failed,
    and the seeds of some that did."""
    rows = [
        _row(kind, [one for one in outcomes if one.kind == kind])
        for kind, _ in Counter(one.kind for one in outcomes).most_common()
    ]
    rows.append(("all", f"{len(outcomes):,}", _number(len(failures(outcomes))), ""))
    return Table(("outcome", "cases", "failed", "seeds"), rows, right=frozenset((1, 2)))


def _row(kind: str, outcomes: Collection[Outcome]) -> tuple[str, str, str, str]:
    wrong = failures(outcomes)
    seeds = " ".join(str(one.seed) for one in wrong[:SHOWN])
    more = " …" if len(wrong) > SHOWN else ""
    return kind, f"{len(outcomes):,}", _number(len(wrong)), seeds + more


def _number(number: int) -> str:
    return f"{number:,}" if number else ""


def failures(outcomes: Collection[Outcome]) -> list[Outcome]:
    """Return those that failed, by their seeds."""
    return sorted(one for one in outcomes if one.failure)
