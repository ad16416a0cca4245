"""The work of a campaign in pieces, which processes or machines do."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from pykasm.build.project import Project
from pykasm.build.settings import TABLE, Settings
from pykasm.campaign.campaign import Campaign, Outcome

LOST = "lost"
"""The kind of cases that ended those who looked at them."""

RAISED = "raised"
"""The kind of cases that could not be looked at."""

ATTEMPTS = 3
"""How often a piece is given to somebody before its cases count as lost."""


class Piece(NamedTuple):
    """Cases of the campaign `name` that are looked at together."""

    name: str
    seeds: tuple[int, ...]


def pieces(name: str, seeds: Sequence[int], together: int) -> Iterator[Piece]:
    """Yield the cases in pieces of `together`."""
    for start in range(0, len(seeds), together):
        yield Piece(name, tuple(seeds[start : start + together]))


def campaign_of(project: Project, name: str) -> Campaign:
    """Return the campaign `name` of a project.

    Raises `SettingMistake` if it has none of this name.
    """
    if name not in project.campaigns:
        raise Settings(project.root).unknown(
            "campaign", name, project.campaigns, f"{TABLE}.campaigns"
        )
    return _made(project.root, project.campaigns[name])


@cache
def _made(root: Path, place: str) -> Campaign:
    module, _, function = place.partition(":")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    made: Campaign = getattr(import_module(module), function)()
    return made


def done(piece: Piece) -> list[Outcome]:
    """Return what comes of a piece, for the project of the working directory."""
    return done_of(campaign_of(Project.load(Path.cwd()), piece.name), piece)


def done_of(campaign: Campaign, piece: Piece) -> list[Outcome]:
    """Return what comes of a piece, one outcome for each of its cases."""
    try:
        found = {one.seed: one for one in campaign.run(piece.seeds)}
    except Exception:
        return failed(piece, RAISED, traceback.format_exc())
    missing = Piece(piece.name, tuple(one for one in piece.seeds if one not in found))
    return [*found.values(), *failed(missing, RAISED, "nothing came of it")]


def failed(piece: Piece, kind: str, why: str) -> list[Outcome]:
    """Return that all cases of a piece failed."""
    return [Outcome(seed, kind, why) for seed in piece.seeds]
