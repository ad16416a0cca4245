"""Faults planted in the kernel: who finds them."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from scripts.benchmarks.figure import Figure, timed
from tests.mutation.kernel import Kernel
from tests.mutation.table import TARGET, table, total
from tests.mutation.trial import Court, chosen

EACH = 40
"""How many faults of each kind are planted at most."""

WIDTH = 160
"""Columns of the table in a file."""


def figures() -> Iterator[Figure]:
    """The table by kind, then the shares."""
    kernel = Kernel()
    findings = sum(map(len, kernel.findings.values()))
    court = Court(kernel)
    mutants = chosen(kernel, EACH)
    verdicts, seconds = timed(lambda: court.judge_all(mutants, run=lambda one: True))
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table(verdicts))
    yield Figure("findings in the kernel as it is", str(findings), "none", not findings)
    yield Figure("faults planted, and the time to judge them", f"{len(mutants):,}, {seconds:.0f} s")
    forbidden, free = (total(verdicts, forbidden=one) for one in (True, False))
    target = f"{TARGET:.0%} or more"
    met = forbidden.share >= TARGET
    yield Figure("found at build time, of what rules forbid", f"{forbidden.share:.1%}", target, met)
    yield Figure("found at build time, of the rest", f"{free.share:.1%}")
