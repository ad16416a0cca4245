"""Edits of the kernel are built from what earlier builds left as they would be from nothing."""

import random
from pathlib import Path

from tests.edits import Workplace, difference, random_edit

EDITS = 6
"""How many are tried each time; `scripts/bench edits` tries 300."""


def test_an_edit_is_built_as_from_nothing(tmp_path: Path) -> None:
    place, chance = Workplace(tmp_path, "smallest"), random.Random()
    for _ in range(EDITS):
        edit = random_edit(place, chance)
        assert (edit.what, difference(*place.compared(edit))) == (edit.what, "")
