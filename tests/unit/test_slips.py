"""No slip in a project makes a build show anything but messages in the one format."""

import os
from functools import partial
from pathlib import Path

from pykasm.parallel import in_parallel
from tests.slips.trial import Workplace, warm_up

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
