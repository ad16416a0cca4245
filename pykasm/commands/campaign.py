"""`pykasm campaign`: long work of many cases."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

import click

from pykasm.build.project import Project
from pykasm.campaign.campaign import Campaign, Outcome
from pykasm.campaign.outcomes import OutcomeFile
from pykasm.campaign.summary import failures, table
from pykasm.campaign.work import Piece, campaign_of, done_of, pieces
from pykasm.commands.project import this_project
from pykasm.parallel import processors
from pykasm.source import shown_path


@click.command
@click.argument("name")
@click.option(
    "--count",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    metavar="N",
    help="Look at N cases.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="S",
    help="Begin with the case S; the next ones have the numbers behind it.",
)
@click.option(
    "--processes", type=click.IntRange(1), metavar="N", help="Use N processes (all processors)."
)
@click.option("--scheduler", metavar="ADDRESS", help="Use the cluster of this dask scheduler.")
@click.option("--again", is_flag=True, help="Forget what came of cases before.")
@click.option(
    "--replay",
    type=click.IntRange(0),
    metavar="SEED",
    help="Look at this case alone, here, and tell what came of it.",
)
def command(
    name: str,
    count: int,
    seed: int,
    processes: int | None,
    scheduler: str | None,
    again: bool,
    replay: int | None,
) -> None:
    """Look at many cases of the campaign NAME of the project (see [tool.pykasm.campaigns]).

    What comes of each goes to a file as soon as it is known: who runs the campaign again goes on
    where it was ended. The exit status is 1 if a case failed.
    """
    project = this_project()
    campaign = campaign_of(project, name)
    if replay is not None:
        sys.exit(_replayed(campaign, name, replay))
    file = _outcome_file(project, campaign, name, again)
    seeds = range(seed, seed + count)
    new = [one for one in seeds if one not in file.known]
    work = [*pieces(name, new, campaign.together)]
    if scheduler is None:
        from pykasm.campaign.crew import done_here

        found = done_here(campaign, work, processes or processors())
    else:
        from pykasm.campaign.cluster import done_by_cluster

        found = done_by_cluster(scheduler, work)
    for outcomes in _watched(found, len(new), name):
        file.add(outcomes)
    sys.exit(_told([file.known[one] for one in seeds], file, name))


def _replayed(campaign: Campaign, name: str, seed: int) -> int:
    """Look at one case and tell of it; the exit status."""
    [outcome] = done_of(campaign, Piece(name, (seed,)))
    click.echo("\n".join(part for part in (outcome.kind, outcome.failure) if part))
    return int(bool(outcome.failure))


def _outcome_file(project: Project, campaign: Campaign, name: str, again: bool) -> OutcomeFile:
    path = project.folder / "campaigns" / f"{name}.jsonl"
    if again:
        path.unlink(missing_ok=True)
    return OutcomeFile(path, campaign.subject)


def _watched(found: Iterable[list[Outcome]], count: int, name: str) -> Iterator[list[Outcome]]:
    """Yield what is found, and show on a terminal how far it has come."""
    with click.progressbar(length=count, label=name, file=sys.stderr, show_pos=True) as bar:
        for outcomes in found:
            yield outcomes
            bar.update(len(outcomes))


def _told(outcomes: Sequence[Outcome], file: OutcomeFile, name: str) -> int:
    """Print the table, and how to look at what failed; the exit status."""
    click.echo(
        "\n".join([*table(outcomes).lines, "", f"all of them: {shown_path(str(file.path))}"])
    )
    wrong = failures(outcomes)
    if wrong:
        first = wrong[0]
        click.echo(f"{first.kind}: {first.failure}".rstrip())
        click.echo(f"again: python -m pykasm campaign {name} --replay {first.seed}")
    return int(bool(wrong))
