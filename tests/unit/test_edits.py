"""Edits of the kernel are built from what earlier builds left as they would be from nothing."""

import random
from pathlib import Path

from tests.edits import Workplace, difference, groups

EDITS = 20
"""How many are tried each time; `scripts/bench edits` tries 300."""


def test_edits_are_built_as_from_nothing(tmp_path: Path) -> None:
    place = Workplace(tmp_path, "smallest")
    for edits in groups(place, random.Random(EDITS), EDITS):
        found = difference(*place.compared(edits))
        assert ([one.what for one in edits], found) == ([one.what for one in edits], "")
