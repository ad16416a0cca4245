"""Campaigns: cases by seeds, on processes of this machine and on a cluster."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pykasm.campaign.campaign import Outcome
from pykasm.campaign.outcomes import OutcomeFile
from pykasm.campaign.work import pieces
from tests.unit.test_commands import pykasm

SETTINGS = '[tool.pykasm.campaigns]\nsteps = "steps:steps"\n'

CODE = '''
"""Cases that leave a trace of having been looked at."""

import os
import signal
from pathlib import Path

from pykasm.campaign.campaign import Campaign, Outcome

DEADLY, ALWAYS_DEADLY, WRONG, RAISING = 7, 13, 20, 31


def steps():
    return Campaign(run, together=3, subject=Path("subject").read_text())


def run(seeds):
    for seed in seeds:
        with Path("ran").open("a") as file:
            file.write(f"{seed}\\n")
        if seed == ALWAYS_DEADLY or (seed == DEADLY and not Path("died").exists()):
            Path("died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if seed == RAISING:
            raise ValueError("no such case")
        yield Outcome(seed, "odd" if seed % 2 else "even", "20 is bad" if seed == WRONG else "")
'''

USUAL = [one for one in range(40) if one not in (12, 13, 14, 30, 31, 32)]
"""The cases that are not together with one that raises or always ends its process."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    (tmp_path / "steps.py").write_text(CODE)
    (tmp_path / "subject").write_text("one")
    return tmp_path


def outcomes(project: Path) -> list[Outcome]:
    """What the file has, in its order."""
    lines = (project / "build/campaigns/steps.jsonl").read_text().splitlines()[1:]
    return [Outcome(**json.loads(line)) for line in lines]


def check_all(project: Path) -> None:
    """Each of 40 cases is in the file once, and came to what it has to come to."""
    found = {one.seed: one for one in outcomes(project)}
    assert Counter(one.seed for one in outcomes(project)) == Counter(range(40))
    assert all(found[one].kind == ("odd" if one % 2 else "even") for one in USUAL)
    assert {one.seed for one in found.values() if one.kind == "lost"} == {12, 13, 14}
    assert {one.seed for one in found.values() if one.kind == "raised"} == {30, 31, 32}
    assert [one for one in USUAL if found[one].failure] == [20]
    ran = Counter(map(int, (project / "ran").read_text().split()))
    assert ran[7] == 2  # nothing is lost with the process that it ended, and nothing counted twice
    assert ran[13] == 3
    assert all(ran[one] == 1 for one in USUAL if one not in (6, 7, 8))


def test_cases_outlive_the_processes_that_look_at_them(project: Path) -> None:
    result = pykasm("campaign", "steps", "--count", "40", "--processes", "2", folder=project)
    assert result.returncode == 1
    check_all(project)
    rows = dict(re.findall(r"^(\w+) +([\d,]+ +\d*)", result.stdout, re.MULTILINE))
    assert rows["all"].split() == ["40", "7"]
    assert rows["lost"].split() == ["3", "3"]
    assert "again: python -m pykasm campaign steps --replay 12" in result.stdout


def test_a_campaign_goes_on_where_it_was_ended(project: Path) -> None:
    arguments = ("campaign", "steps", "--seed", "50", "--processes", "1")
    assert pykasm(*arguments, "--count", "5", folder=project).returncode == 0
    file = project / "build/campaigns/steps.jsonl"
    file.write_bytes(file.read_bytes()[:-4])  # ended while it wrote
    assert pykasm(*arguments, "--count", "7", folder=project).returncode == 0
    assert Counter(one.seed for one in outcomes(project)) == Counter(range(50, 57))
    ran = Counter((project / "ran").read_text().split())
    assert ran == Counter(dict.fromkeys(map(str, range(50, 57)), 1)) + Counter(["54"])


def test_another_subject_begins_again(project: Path) -> None:
    arguments = ("campaign", "steps", "--count", "3", "--processes", "1")
    assert pykasm(*arguments, folder=project).returncode == 0
    (project / "subject").write_text("another")
    assert pykasm(*arguments, folder=project).returncode == 0
    assert pykasm(*arguments, "--again", folder=project).returncode == 0
    assert Counter((project / "ran").read_text().split()) == Counter("012" * 3)


def test_a_case_is_replayed_by_its_seed(project: Path) -> None:
    result = pykasm("campaign", "steps", "--replay", "20", folder=project)
    assert (result.returncode, result.stdout) == (1, "even\n20 is bad\n")
    assert pykasm("campaign", "steps", "--replay", "21", folder=project).stdout == "odd\n"
    assert not (project / "build").exists()


def test_an_unknown_campaign_is_a_mistake(project: Path) -> None:
    result = pykasm("campaign", "step", folder=project)
    assert result.returncode == 1
    assert "there is no campaign `step`" in result.stderr
    assert "did you mean `steps`?" in result.stderr


def test_pieces_have_each_case_once() -> None:
    made = [*pieces("steps", range(5, 16), 4)]
    assert [len(one.seeds) for one in made] == [4, 4, 3]
    assert [seed for one in made for seed in one.seeds] == [*range(5, 16)]


def test_a_known_case_is_not_written_again(tmp_path: Path) -> None:
    file = OutcomeFile(tmp_path / "some" / "file", "")
    file.add([Outcome(1, "good"), Outcome(2, "good")])
    file.add([Outcome(2, "bad"), Outcome(3, "good")])
    again = OutcomeFile(file.path, "")
    assert again.known == {seed: Outcome(seed, "good") for seed in (1, 2, 3)}


@pytest.fixture
def cluster(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the scheduler of two workers in the project's folder."""
    distributed = pytest.importorskip("distributed")
    monkeypatch.chdir(project)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


def test_a_cluster_loses_no_case_with_a_worker(project: Path, cluster: str) -> None:
    arguments = ("campaign", "steps", "--scheduler", cluster)
    result = pykasm(*arguments, "--count", "12", folder=project)
    assert result.returncode == 0, result.stderr
    assert Counter(one.seed for one in outcomes(project)) == Counter(range(12))
    ran = Counter(map(int, (project / "ran").read_text().split()))
    assert ran[7] == 2  # the first time it ended its worker
    assert {one.kind for one in outcomes(project)} == {"even", "odd"}
