"""Damaged programs: how many of them come to what Linux makes of them."""

from __future__ import annotations

from collections.abc import Iterator

import click

from pykasm.campaign.crew import done_here
from pykasm.campaign.summary import failures, table
from pykasm.campaign.work import pieces
from pykasm.parallel import processors
from scripts.benchmarks.figure import Figure, timed
from tests.campaigns.images import campaign

COUNT = 10_000


def figures() -> Iterator[Figure]:
    """The table by kind, then how many failed."""
    made = campaign()
    work = pieces("images", range(COUNT), made.together)
    found, seconds = timed(lambda: [*done_here(made, [*work], processors())])
    outcomes = [one for piece in found for one in piece]
    click.echo("\n".join([*table(outcomes).lines, ""]))
    good = len(outcomes) - len(failures(outcomes))
    told = f"{good:,} of {len(outcomes):,}, in {seconds:.0f} s"
    yield Figure("damaged programs that end as on Linux", told, "all", good == COUNT)
