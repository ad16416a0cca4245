"""The table of the mutation test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.table import Table

from tests.mutation.kind import FaultKind
from tests.mutation.trial import Outcome, Verdict

TARGET = 0.9
"""The share of faults that change behaviour which the build has to find, in the kinds that rules
forbid."""


@dataclass
class Count:
    """How many faults had which outcome, and what found those that the build finds."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    by: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        """Count one more."""
        self.outcomes[verdict.outcome] += 1
        if verdict.by:
            self.by[verdict.by] += 1

    @property
    def harmful(self) -> int:
        """Those that change what the code does, or break a rule, or may for all one knows."""
        harmless = self.outcomes[Outcome.SAME_CODE] + self.outcomes[Outcome.NO_CHANGE]
        return self.outcomes.total() - harmless

    @property
    def share(self) -> float:
        """The share of the harmful ones that is found at build time."""
        return self.outcomes[Outcome.BUILD] / self.harmful if self.harmful else 1.0


def counted(verdicts: Sequence[Verdict]) -> dict[FaultKind, Count]:
    """The counts of each kind."""
    counts: dict[FaultKind, Count] = {}
    for verdict in verdicts:
        counts.setdefault(verdict.mutant.kind, Count()).add(verdict)
    return counts


def total(verdicts: Sequence[Verdict], *, forbidden: bool) -> Count:
    """The count of all kinds that rules forbid, or of all that none does."""
    made = Count()
    for verdict in verdicts:
        if verdict.mutant.kind.is_forbidden is forbidden:
            made.add(verdict)
    return made


def table(verdicts: Sequence[Verdict]) -> Table:
    """A row for each kind, and one for all of those that rules forbid or don't."""
    made = Table(title="faults planted in the kernel", title_justify="left", box=None)
    made.add_column("kind")
    made.add_column("planted", justify="right")
    for outcome in Outcome:
        made.add_column(outcome.value, justify="right", max_width=10)
    made.add_column("share", justify="right")
    made.add_column("by")
    kinds = counted(verdicts)
    for forbidden, name in ((True, "forbidden by a rule"), (False, "no rule can know")):
        for kind, count in kinds.items():
            if kind.is_forbidden is forbidden:
                made.add_row(kind.name, *_cells(count))
        made.add_row(f"[bold]{name}", *_cells(total(verdicts, forbidden=forbidden)), style="bold")
        made.add_section()
    return made


def _cells(count: Count) -> list[str]:
    by = ", ".join(f"{name} {number}" for name, number in count.by.most_common(4))
    outcomes = [str(count.outcomes[one] or "") for one in Outcome]
    return [str(count.outcomes.total()), *outcomes, f"{count.share:.0%}", by]
