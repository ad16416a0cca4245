"""Edits of the kernel are built from what earlier builds left as they would be from nothing."""

import os
import random
from pathlib import Path

from tests.edits import Workplace, difference, groups

EDITS = int(os.environ.get("EDITS", "20"))
"""How many are tried, of the smallest image: `EDITS=300 SEED=7 ./scripts/test
tests/unit/test_edits.py` tries 300 others. `scripts/bench edits` tries 300 of the whole kernel."""

SEED = int(os.environ.get("SEED", "20"))
"""Which ones."""


def test_edits_are_built_as_from_nothing(tmp_path: Path) -> None:
    place = Workplace(tmp_path, "smallest")
    for edits in groups(place, random.Random(SEED), EDITS):
        found = difference(*place.compared(edits))
        assert ([one.what for one in edits], found) == ([one.what for one in edits], "")
