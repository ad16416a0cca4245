"""No slip in a project makes a build show anything but messages in the one format."""

import os
from functools import partial
from pathlib import Path

import pytest

import tests.slips.trial
from pykasm.parallel import in_parallel
from tests.slips.trial import PROJECT, Slip, Workplace, problems, warm_up

COUNT = int(os.environ.get("PYKASM_SLIPS", "300"))
"""How many slips are tried."""

FIRST = int(os.environ.get("PYKASM_SLIPS_FIRST", "0"))
"""The number of the first; other numbers are other slips."""

SHARES = 4


def found(folder: Path, share: int) -> list[str]:
    """What is wrong with the outcomes of one share of the slips."""
    place = Workplace(folder / str(share))
    return [*filter(None, map(place.problem, range(FIRST + share, FIRST + COUNT, SHARES)))]


def test_all_slips_are_told_in_the_one_format(tmp_path: Path) -> None:
    warm_up(tmp_path / "first")
    shares = in_parallel(partial(found, tmp_path), range(SHARES))
    wrong = [one for share in shares for one in share]
    assert not wrong, "\n".join(wrong)


def test_a_loop_that_takes_all_memory_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tests.slips.trial, "MEMORY", 1 << 30)
    file, head = "small/devices.py", '        there = Label("there")\n'
    text = (PROJECT / file).read_text(encoding="utf-8")
    assert head in text
    endless = (
        f"{head}        self.kept = kept = []\n        while True:\n            kept.append([])\n"
    )
    place = Workplace(tmp_path / "project")
    outcome = place.outcome(Slip(file, text.replace(head, endless), "endless"))
    assert [*problems(outcome, place.folder)] == []
    assert "error[python]: there is no memory left\n" in outcome.told
